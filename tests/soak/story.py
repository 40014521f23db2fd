"""What the users of the cluster do: a list of operations drawn from a seed, the same whatever goes wrong meanwhile."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial
from random import Random
from typing import Any

from podium.machinery import errors
from podium.machinery.documents import read_documents
from podium.models import apps_v1, batch_v1, codec, core_v1, meta_v1, policy_v1
from podium.models.resources import by_kind
from tests.soak.world import World

Act = Callable[[World], Awaitable[object]]


@dataclass(frozen=True, slots=True)
class Operation:
    wait: float
    """Seconds before it."""
    text: str
    act: Act = field(repr=False)


def workload(kind: str, name: str, pod: str = "", more: str = "", container: str = "", annotations: str = "") -> str:
    """A manifest; `pod`, `container`: what the Pod's spec and its container say besides; `more`: what the spec does."""
    return f"""
apiVersion: {"v1" if kind == "ReplicationController" else "apps/v1"}
kind: {kind}
metadata: {{name: {name}, namespace: default}}
spec:
  selector: {{{f"app: {name}" if kind == "ReplicationController" else f"matchLabels: {{app: {name}}}"}}}
  {more or "minReadySeconds: 0"}
  template:
    metadata: {{labels: {{app: {name}}}, annotations: {{{annotations}}}}}
    spec: {{terminationGracePeriodSeconds: 5, {pod} containers: [{{name: main, image: "app:1", {container}}}]}}
---
"""


def service(name: str, more: str = "") -> str:
    return f"""
apiVersion: v1
kind: Service
metadata: {{name: {name}, namespace: default}}
spec: {{selector: {{app: {name}}}, ports: [{{port: 80}}], {more}}}
---
"""


WORKLOADS = {
    "Deployment/web": workload("Deployment", "web", more="replicas: 4"),
    "Deployment/api": workload(
        "Deployment",
        "api",
        more="replicas: 3\n  minReadySeconds: 5\n  strategy: {rollingUpdate: {maxSurge: 0, maxUnavailable: 1}}",
    ),
    "Deployment/auto": workload(
        "Deployment",
        "auto",
        container="resources: {requests: {cpu: 200m}}",
        annotations='podium.dev/simulate-shared-cpu: "800m"',
    ),
    "ReplicaSet/plain": workload("ReplicaSet", "plain", more="replicas: 2"),
    "ReplicationController/old": workload("ReplicationController", "old", more="replicas: 2"),
    "StatefulSet/db": workload(
        "StatefulSet",
        "db",
        more="""replicas: 3
  serviceName: db
  persistentVolumeClaimRetentionPolicy: {whenScaled: Delete, whenDeleted: Delete}
  volumeClaimTemplates:
  - metadata: {name: data}
    spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}""",
        container="volumeMounts: [{name: data, mountPath: /data}]",
    ),
    "StatefulSet/cache": workload(
        "StatefulSet",
        "cache",
        more="""replicas: 4
  serviceName: cache
  podManagementPolicy: Parallel
  updateStrategy: {rollingUpdate: {maxUnavailable: 2}}""",
    ),
    "DaemonSet/logs": workload("DaemonSet", "logs"),
    "DaemonSet/net": workload(
        "DaemonSet", "net", more="updateStrategy: {rollingUpdate: {maxSurge: 1, maxUnavailable: 0}}"
    ),
}
SETUP = (
    "".join(WORKLOADS.values())
    + service("web")
    + service("api", "type: NodePort")
    + service("db", "clusterIP: None")
    + service("cache", "clusterIP: None")
    + """
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: web, namespace: default}
spec: {maxUnavailable: 1, selector: {matchLabels: {app: web}}}
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: cache, namespace: default}
spec: {minAvailable: 50%, selector: {matchLabels: {app: cache}}}
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: auto, namespace: default}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: auto}
  minReplicas: 1
  maxReplicas: 10
  metrics: [{type: Resource, resource: {name: cpu, target: {type: Utilization, averageUtilization: 50}}}]
---
apiVersion: batch/v1
kind: CronJob
metadata: {name: tick, namespace: default}
spec:
  schedule: "*/2 * * * *"
  concurrencyPolicy: Forbid
  successfulJobsHistoryLimit: 2
  failedJobsHistoryLimit: 1
  jobTemplate:
    spec:
      backoffLimit: 100
      template: {spec: {restartPolicy: Never, containers: [{name: main, image: "app:1"}]}}
"""
)
LIMITED = """
apiVersion: v1
kind: Namespace
metadata: {name: limited}
---
apiVersion: v1
kind: ResourceQuota
metadata: {name: few, namespace: limited}
spec: {hard: {pods: "4", requests.cpu: "2"}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: many, namespace: limited}
spec:
  replicas: 7
  selector: {matchLabels: {app: many}}
  template:
    metadata: {labels: {app: many}}
    spec:
      terminationGracePeriodSeconds: 5
      containers: [{name: main, image: "app:1", resources: {requests: {cpu: 100m}}}]
"""
MODELS: dict[str, type[Any]] = {
    "Deployment": apps_v1.Deployment,
    "ReplicaSet": apps_v1.ReplicaSet,
    "ReplicationController": core_v1.ReplicationController,
    "StatefulSet": apps_v1.StatefulSet,
    "DaemonSet": apps_v1.DaemonSet,
}


async def create(world: World, text: str) -> None:
    """Create what a text says, as soon as what had the name before is gone."""
    for document in read_documents(text.encode()):
        resource = by_kind(document["apiVersion"], document["kind"])
        assert resource is not None
        obj: Any = codec.from_tree(document, resource.model)
        for _ in range(2000):
            try:
                await world.client.create(obj)
                break
            except (errors.AlreadyExists, errors.Forbidden):  # it is still there, or its namespace is going
                await world.clock.sleep(5)
        else:
            raise AssertionError(f"{document['kind']} {document['metadata']['name']} does not go away")


async def patch(world: World, model: type[Any], name: str, change: Any, namespace: str = "default") -> None:
    await world.client.patch(model, namespace, name, change, "merge")


async def delete(
    world: World, model: type[Any], name: str, policy: str = "Background", namespace: str = "default"
) -> None:
    await world.client.delete(model, namespace, name, meta_v1.DeleteOptions(propagationPolicy=policy))


def job(chance: Random, name: str) -> str:
    """One that ends well whatever happens, or fails whatever happens."""
    completions = chance.randint(1, 8)
    fails = chance.random() < 0.2
    return f"""
apiVersion: batch/v1
kind: Job
metadata: {{name: {name}, namespace: default}}
spec:
  completions: {completions}
  parallelism: {chance.randint(1, 4)}
  completionMode: {chance.choice(["Indexed", "NonIndexed"])}
  backoffLimit: 1000
  podReplacementPolicy: {chance.choice(["Failed", "TerminatingOrFailed"])}
  {"activeDeadlineSeconds: 60" if fails else "suspend: false"}
  template:
    metadata:
      labels: {{app: {name}}}
      annotations: {{podium.dev/simulate-run-seconds: "{"forever" if fails else chance.choice([1, 10, 40])}"}}
    spec:
      terminationGracePeriodSeconds: 5
      restartPolicy: Never
      containers: [{{name: main, image: "app:1"}}]
"""


def patching(model: type[Any], name: str, change: Any, namespace: str = "default") -> Act:
    return partial(patch, model=model, name=name, change=change, namespace=namespace)


class Plan:
    """Draws operations; knows what they will have made of the cluster."""

    def __init__(self, chance: Random, nodes: list[str]) -> None:
        self._chance = chance
        self._nodes = nodes
        self._jobs: list[str] = []
        self._number = 0
        self._cordoned: set[str] = set()
        self._limited = False

    def draw(self) -> tuple[str, Act]:
        seldom = [
            self._pause,
            self._delete_job,
            self._suspend_job,
            self._again,
            self._cordon,
            self._namespace,
            self._budget,
        ]
        deed = self._chance.choice([self._image] * 5 + [self._scale] * 4 + [self._new_job] * 4 + seldom)
        return deed()

    def _some(self, *kinds: str) -> tuple[str, type[Any], str]:
        key = self._chance.choice([one for one in WORKLOADS if one.split("/")[0] in kinds])
        kind, name = key.split("/")
        return key, MODELS[kind], name

    def _image(self) -> tuple[str, Act]:
        key, model, name = self._some("Deployment", "StatefulSet", "DaemonSet")
        number = self._chance.randint(1, 4)  # perhaps one that was there before
        document = next(iter(read_documents(WORKLOADS[key].encode())))
        container = {**document["spec"]["template"]["spec"]["containers"][0], "image": f"app:{number}"}
        change = {"spec": {"template": {"spec": {"containers": [container]}}}}
        return f"{key} gets image {number}", patching(model, name, change)

    def _scale(self) -> tuple[str, Act]:
        key, model, name = self._some("Deployment", "StatefulSet", "ReplicaSet", "ReplicationController")
        if name == "auto":
            return self._scale()
        replicas = self._chance.randint(0, 6)
        return f"{key} is scaled to {replicas}", patching(model, name, {"spec": {"replicas": replicas}})

    def _pause(self) -> tuple[str, Act]:
        key, model, name = self._some("Deployment")
        paused = self._chance.random() < 0.5
        return f"{key} paused={paused}", patching(model, name, {"spec": {"paused": paused}})

    def _new_job(self) -> tuple[str, Act]:
        self._number += 1
        name = f"job-{self._number}"
        self._jobs.append(name)
        return f"Job {name} is created", partial(create, text=job(self._chance, name))

    def _suspend_job(self) -> tuple[str, Act]:
        if not self._jobs:
            return self._new_job()
        name, suspend = self._chance.choice(self._jobs), self._chance.random() < 0.5
        return f"Job {name} suspend={suspend}", patching(batch_v1.Job, name, {"spec": {"suspend": suspend}})

    def _delete_job(self) -> tuple[str, Act]:
        if not self._jobs:
            return self._new_job()
        name = self._jobs.pop(self._chance.randrange(len(self._jobs)))
        policy = self._chance.choice(["Background", "Foreground"])
        return f"Job {name} is deleted ({policy})", partial(delete, model=batch_v1.Job, name=name, policy=policy)

    def _again(self) -> tuple[str, Act]:
        """Delete a workload and create it anew, perhaps with its orphans to adopt."""
        key, model, name = self._some(*MODELS)
        policy = self._chance.choice(["Background", "Foreground", "Orphan"])

        async def act(world: World) -> None:
            await delete(world, model, name, policy)
            await create(world, WORKLOADS[key])

        return f"{key} is deleted ({policy}) and created anew", act

    def _cordon(self) -> tuple[str, Act]:
        node = self._chance.choice(self._nodes[1:])
        cordon = node not in self._cordoned
        (self._cordoned.add if cordon else self._cordoned.discard)(node)
        return f"{node} cordoned={cordon}", partial(set_unschedulable, node=node, cordon=cordon)

    def _namespace(self) -> tuple[str, Act]:
        self._limited = not self._limited
        if self._limited:
            return "namespace limited is created", partial(create, text=LIMITED)
        return "namespace limited is deleted", partial(delete, model=core_v1.Namespace, name="limited", namespace="")

    def _budget(self) -> tuple[str, Act]:
        limit = self._chance.choice([0, 1, 2, "50%"])
        change = {"spec": {"maxUnavailable": limit}}
        return f"budget web maxUnavailable={limit}", patching(policy_v1.PodDisruptionBudget, "web", change)

    def end(self) -> list[Operation]:
        """Undo what would keep the cluster from settling."""
        operations = [
            Operation(0, f"{node} is uncordoned", partial(set_unschedulable, node=node, cordon=False))
            for node in sorted(self._cordoned)
        ]
        for key in WORKLOADS:
            kind, name = key.split("/")
            if kind == "Deployment":
                act = patching(apps_v1.Deployment, name, {"spec": {"paused": None}})
                operations.append(Operation(0, f"{key} is resumed", act))
        for name in self._jobs:
            act = patching(batch_v1.Job, name, {"spec": {"suspend": False}})
            operations.append(Operation(0, f"Job {name} goes on", act))
        return operations


async def set_unschedulable(world: World, node: str, cordon: bool) -> None:
    """As soon as the node is there (again)."""
    while True:
        try:
            await patch(world, core_v1.Node, node, {"spec": {"unschedulable": cordon or None}}, "")
            return
        except errors.NotFound:
            await world.clock.sleep(5)


def plan(seed: int, nodes: list[str], count: int) -> list[Operation]:
    chance = Random(f"story {seed}")
    drawn = Plan(chance, nodes)
    operations = [Operation(chance.choice([0, 0.1, 3, 20, 60]), *drawn.draw()) for _ in range(count)]
    return [*operations, *drawn.end()]


async def no_more_ticks(world: World) -> None:
    await patch(world, batch_v1.CronJob, "tick", {"spec": {"suspend": True}})
