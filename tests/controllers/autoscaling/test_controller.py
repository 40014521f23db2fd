"""Autoscaling in a whole cluster: simulated Pods say what they use, replicas follow."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from podium.machinery import errors
from podium.models import apps_v1, autoscaling_v1, core_v1
from podium.models import autoscaling_v2 as v2
from podium.models.metrics_v1beta1 import NodeMetrics, PodMetrics
from podium.models.quantity import Quantity
from podium.testing.virtual import VirtualCluster

Clusters = Callable[..., VirtualCluster]

DEPLOYMENT = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: %d
  selector: {matchLabels: {app: web}}
  template:
    metadata:
      labels: {app: web}
      annotations: {%s}
    spec:
      containers:
      - {name: web, image: nginx, resources: {requests: {cpu: 200m, memory: 64Mi}}}
"""
AUTOSCALER = """
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: web}
spec:
  minReplicas: 2
  maxReplicas: 10
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}
  metrics:
  - {type: Resource, resource: {name: cpu, target: {type: Utilization, averageUtilization: 50}}}
"""


def deploy(cluster: VirtualCluster, replicas: int = 2, **usage: str) -> None:
    notes = ", ".join(f'podium.dev/simulate-{key.replace("_", "-")}: "{value}"' for key, value in usage.items())
    cluster.apply(DEPLOYMENT % (replicas, notes))


def autoscaler(cluster: VirtualCluster) -> v2.HorizontalPodAutoscaler:
    return cluster.get(v2.HorizontalPodAutoscaler, "web")


def replicas(cluster: VirtualCluster) -> int | None:
    return cluster.get(apps_v1.Deployment, "web").spec.replicas


def reason(cluster: VirtualCluster, kind: str) -> tuple[str, str]:
    condition = next(one for one in autoscaler(cluster).status.conditions if one.type == kind)
    return condition.status, condition.reason


def events(cluster: VirtualCluster) -> list[tuple[str, str]]:
    found = sorted(cluster.list(core_v1.Event), key=lambda event: int(event.metadata.resourceVersion))
    return [(one.reason, one.message) for one in found if one.involvedObject.kind == "HorizontalPodAutoscaler"]


def test_replicas_follow_the_work(podium_clusters: Clusters) -> None:
    """1.2 cores of work on Pods that should use 100m each: the most that is allowed; then nearly none."""
    cluster = podium_clusters(nodes=2)
    deploy(cluster, shared_cpu="1200m")
    cluster.apply(AUTOSCALER)
    cluster.advance(14)
    assert autoscaler(cluster).status.conditions == ()
    cluster.advance(900)
    assert replicas(cluster) == 10
    assert reason(cluster, "ScalingLimited") == ("True", "TooManyReplicas")
    status = autoscaler(cluster).status
    assert status.currentReplicas == status.desiredReplicas == 10
    assert status.currentMetrics[0].resource is not None
    assert status.currentMetrics[0].resource.current == v2.MetricValueStatus(
        averageUtilization=60, averageValue=Quantity("120m")
    )
    scaled = [message for what, message in events(cluster) if what == "SuccessfulRescale"]
    assert scaled[0] == "New size: 4; reason: cpu resource utilization (percentage of request) above target"
    assert scaled[-1].startswith("New size: 10;")
    for pod in cluster.list(core_v1.Pod):
        patch = {"metadata": {"annotations": {"podium.dev/simulate-shared-cpu": "500m"}}}
        cluster.run(cluster.client.patch(core_v1.Pod, "default", pod.metadata.name, patch))
    cluster.advance(280)
    assert replicas(cluster) == 10
    assert reason(cluster, "AbleToScale") == ("True", "ScaleDownStabilized")
    cluster.advance(60)
    assert replicas(cluster) == 5
    assert ("SuccessfulRescale", "New size: 5; reason: All metrics below target") in events(cluster)
    cluster.advance(3600)
    assert replicas(cluster) == 5
    before = cluster.store.revision
    cluster.advance(300)
    assert cluster.store.revision == before, "something writes although nothing changes"


def test_bounds_come_first(podium_clusters: Clusters) -> None:
    cluster = podium_clusters()
    deploy(cluster, 1)
    cluster.apply(AUTOSCALER)
    cluster.advance(16)
    assert replicas(cluster) == 2
    assert events(cluster) == [
        ("SuccessfulRescale", "New size: 2; reason: Current number of replicas below Spec.MinReplicas")
    ]
    assert reason(cluster, "AbleToScale") == ("True", "SucceededRescale")
    cluster.run(cluster.client.patch(apps_v1.Deployment, "default", "web", {"spec": {"replicas": 15}}))
    cluster.advance(16)
    assert replicas(cluster) == 10
    cluster.run(cluster.client.patch(apps_v1.Deployment, "default", "web", {"spec": {"replicas": 0}}))
    cluster.advance(31)
    assert replicas(cluster) == 0
    assert reason(cluster, "ScalingActive") == ("False", "ScalingDisabled")


def test_a_target_that_is_not_there(podium_clusters: Clusters) -> None:
    cluster = podium_clusters()
    cluster.apply(AUTOSCALER)
    cluster.advance(16)
    (condition,) = autoscaler(cluster).status.conditions
    assert (condition.type, condition.status, condition.reason) == ("AbleToScale", "False", "FailedGetScale")
    text = 'deployments/scale.apps "web" not found'
    assert condition.message == f"the HPA controller was unable to get the target's current scale: {text}"
    assert events(cluster) == [("FailedGetScale", text)]
    deploy(cluster)
    cluster.advance(31)
    assert reason(cluster, "AbleToScale")[0] == "True"


def test_a_target_that_cannot_be_scaled(podium_clusters: Clusters) -> None:
    cluster = podium_clusters()
    cluster.apply(AUTOSCALER.replace("kind: Deployment", "kind: Fleet"))
    cluster.advance(16)
    assert events(cluster) == [("FailedGetScale", 'no matches for kind "Fleet" in group "apps"')]


@pytest.mark.parametrize(
    ("kind", "api"), [("ReplicaSet", "apps/v1"), ("StatefulSet", "apps/v1"), ("ReplicationController", "v1")]
)
def test_whatever_has_a_scale(podium_clusters: Clusters, kind: str, api: str) -> None:
    cluster = podium_clusters()
    text = (DEPLOYMENT % (2, "podium.dev/simulate-cpu: 150m")).replace("Deployment", kind).replace("apps/v1", api)
    cluster.apply(text.replace("{matchLabels: {app: web}}", "{app: web}") if api == "v1" else text)
    cluster.apply(AUTOSCALER.replace("Deployment", kind).replace("apiVersion: apps/v1", f"apiVersion: {api}"))
    cluster.advance(16)
    cluster.advance(60)
    assert reason(cluster, "AbleToScale")[0] == "True"
    desired = autoscaler(cluster).status.desiredReplicas
    assert desired >= 2


def test_a_metric_that_nobody_serves(podium_clusters: Clusters) -> None:
    cluster = podium_clusters()
    deploy(cluster)
    cluster.apply(
        AUTOSCALER.replace(
            "- {type: Resource, resource: {name: cpu, target: {type: Utilization, averageUtilization: 50}}}",
            '- {type: External, external: {metric: {name: queue}, target: {type: Value, value: "10"}}}',
        )
    )
    cluster.advance(46)
    assert reason(cluster, "ScalingActive") == ("False", "FailedGetExternalMetric")
    assert {what for what, _ in events(cluster)} == {"FailedGetExternalMetric", "FailedComputeMetricsReplicas"}
    assert replicas(cluster) == 2


def test_two_autoscalers_of_the_same_pods_do_nothing(podium_clusters: Clusters) -> None:
    cluster = podium_clusters()
    deploy(cluster, cpu="200m")
    cluster.apply(AUTOSCALER)
    cluster.apply(AUTOSCALER.replace("name: web}\nspec", "name: other}\nspec"))
    cluster.advance(200)
    assert reason(cluster, "ScalingActive") == ("False", "AmbiguousSelector")
    text = "pods by selector app=web are controlled by multiple HPAs: [default/other default/web]"
    assert ("AmbiguousSelector", text) in events(cluster)
    cluster.delete(v2.HorizontalPodAutoscaler, "other")
    cluster.advance(400)
    assert reason(cluster, "ScalingActive")[0] == "True"


def test_behavior_limits_the_rate(podium_clusters: Clusters) -> None:
    cluster = podium_clusters()
    deploy(cluster, cpu="800m")
    cluster.apply(
        AUTOSCALER
        + """  behavior:
    scaleUp: {policies: [{type: Pods, value: 1, periodSeconds: 60}]}
    scaleDown: {selectPolicy: Disabled}
"""
    )
    cluster.advance(75)
    seen = []
    for _ in range(5):
        seen.append(replicas(cluster))
        cluster.advance(60)
    assert seen == list(range(seen[0] or 0, (seen[0] or 0) + 5))
    assert reason(cluster, "ScalingLimited") == ("True", "ScaleUpLimit")


def test_v1_is_a_view(podium_clusters: Clusters) -> None:
    cluster = podium_clusters()
    deploy(cluster, cpu="100m")
    cluster.apply(
        """
apiVersion: autoscaling/v1
kind: HorizontalPodAutoscaler
metadata: {name: web}
spec:
  maxReplicas: 3
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}
  targetCPUUtilizationPercentage: 50
"""
    )
    cluster.advance(120)
    seen = cluster.get(autoscaling_v1.HorizontalPodAutoscaler, "web")
    assert (seen.status.currentCPUUtilizationPercentage, seen.status.desiredReplicas) == (50, 2)
    assert autoscaler(cluster).spec.metrics[0].resource is not None


def test_metrics_of_pods_and_nodes(podium_clusters: Clusters) -> None:
    cluster = podium_clusters(nodes=2)
    deploy(cluster, 3, cpu="100m", memory="32Mi")
    cluster.advance(30)
    found = cluster.list(PodMetrics)
    assert len(found) == 3
    assert found[0].metadata.labels["app"] == "web"
    assert found[0].containers[0].usage == {"cpu": "100m", "memory": "32Mi"}
    assert (found[0].window, found[0].timestamp) == ("15s", cluster.clock.now().replace(microsecond=0))
    assert len(cluster.list(PodMetrics, label_selector="app=web")) == 3
    assert cluster.list(PodMetrics, label_selector="app=other") == []
    assert cluster.list(PodMetrics, namespace="kube-system") == []
    name = found[1].metadata.name
    assert cluster.get(PodMetrics, name).metadata.name == name
    nodes = cluster.list(NodeMetrics, "")
    assert [one.metadata.name for one in nodes] == ["node-1", "node-2"]
    total = sum(Quantity(one.usage["cpu"]).milli for one in nodes)
    assert total == 300
    with pytest.raises(errors.NotFound) as caught:
        cluster.get(PodMetrics, "none")
    assert str(caught.value) == 'podmetrics.metrics.k8s.io "default/none" not found'
    with pytest.raises(errors.NotFound) as caught:
        cluster.get(NodeMetrics, "none", "")
    assert str(caught.value) == 'nodemetrics.metrics.k8s.io "none" not found'
    with pytest.raises(errors.MethodNotAllowed):
        cluster.delete(PodMetrics, name)
