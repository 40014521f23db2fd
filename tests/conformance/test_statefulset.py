"""What Kubernetes' conformance tests say about StatefulSets, on simulated Pods."""

from __future__ import annotations

import pytest

from podium.models import apps_v1, codec, conditions, core_v1
from podium.testing.virtual import VirtualCluster
from tests.conformance import steps
from tests.conformance.steps import Clusters, workload

StatefulSet = apps_v1.StatefulSet


@pytest.fixture
def cluster(podium_clusters: Clusters) -> VirtualCluster:
    return podium_clusters(nodes=2)


def up(cluster: VirtualCluster, replicas: int = 1, spec: str = "") -> apps_v1.StatefulSet:
    cluster.apply(workload("StatefulSet", f"replicas: {replicas}\n  serviceName: test\n  {spec}"))
    return ready(cluster, replicas)


def ready(cluster: VirtualCluster, replicas: int) -> apps_v1.StatefulSet:
    """Let it settle with that many ready Pods."""
    return cluster.wait(
        StatefulSet,
        "test",
        lambda it: (
            it.status.readyReplicas == it.status.replicas == replicas
            and it.status.observedGeneration == it.metadata.generation
        ),
    )


def images(cluster: VirtualCluster) -> list[str]:
    found = sorted(steps.running(cluster, "app=test"), key=lambda pod: pod.metadata.name)
    return [pod.spec.containers[0].image for pod in found]


def hashes(cluster: VirtualCluster) -> list[str]:
    """The revision that each Pod is of."""
    found = [cluster.get(core_v1.Pod, f"test-{number}") for number in range(3)]
    return [pod.metadata.labels["controller-revision-hash"] for pod in found]


def set_image(cluster: VirtualCluster, image: str) -> None:
    tree = {"spec": {"template": {"spec": {"containers": [{"name": "web", "image": image}]}}}}
    steps.patch(cluster, cluster.get(StatefulSet, "test"), tree, type_="strategic")


def scale(cluster: VirtualCluster, replicas: int) -> None:
    steps.patch(cluster, cluster.get(StatefulSet, "test"), {"spec": {"replicas": replicas}})


def set_ready(cluster: VirtualCluster, name: str, value: str) -> None:
    """Whether the Pod's gate is open."""
    pod = codec.to_tree(cluster.get(core_v1.Pod, name))
    others = [it for it in pod["status"]["conditions"] if it["type"] != "healthy"]
    pod["status"]["conditions"] = [*others, {"type": "healthy", "status": value}]
    cluster.settle()
    cluster.run(cluster.client.update_status(codec.from_tree(pod, core_v1.Pod)))
    cluster.wait(core_v1.Pod, name, lambda it: conditions.is_true(it.status.conditions, "Ready") is (value == "True"))


def gated(replicas: int, spec: str = "") -> str:
    """Pods that are ready when the test says so."""
    text = workload("StatefulSet", f"replicas: {replicas}\n  serviceName: test\n  {spec}")
    return text.replace("containers:", "readinessGates: [{conditionType: healthy}]\n      containers:")


def test_scaling_should_happen_in_predictable_order_and_halt_if_any_stateful_pod_is_unhealthy(
    cluster: VirtualCluster,
) -> None:
    def order(type_: str, since: str) -> list[str]:
        return [name for event, name in steps.changes(cluster, core_v1.Pod, since) if event == type_]

    def holds(*names: str) -> bool:
        cluster.advance(60)
        return steps.names(steps.pods(cluster)) == steps.names(steps.running(cluster)) == set(names)

    cluster.apply(gated(3))
    since = cluster.get(StatefulSet, "test").metadata.resourceVersion
    for count in (1, 2, 3):  # none starts before all the others are ready
        assert holds(*(f"test-{number}" for number in range(count)))
        assert (cluster.get(StatefulSet, "test").status.readyReplicas or 0) == count - 1
        set_ready(cluster, f"test-{count - 1}", "True")
    ready(cluster, 3)
    assert order("ADDED", since) == ["test-0", "test-1", "test-2"]

    set_ready(cluster, "test-0", "False")
    scale(cluster, 5)
    assert holds("test-0", "test-1", "test-2")
    set_ready(cluster, "test-0", "True")
    assert holds("test-0", "test-1", "test-2", "test-3")
    scale(cluster, 3)
    ready(cluster, 3)

    since = cluster.get(StatefulSet, "test").metadata.resourceVersion
    for name in ("test-0", "test-1", "test-2"):
        set_ready(cluster, name, "False")
    cluster.wait(StatefulSet, "test", lambda it: not it.status.readyReplicas)
    scale(cluster, 0)
    assert holds("test-0", "test-1", "test-2")
    set_ready(cluster, "test-2", "True")
    assert holds("test-0", "test-1")
    set_ready(cluster, "test-1", "True")
    assert holds()  # the first of the unhealthy ones may always go
    assert order("DELETED", since) == ["test-2", "test-1", "test-0"]
    assert cluster.get(StatefulSet, "test").status.replicas == 0


def test_burst_scaling_should_run_to_completion_even_with_unhealthy_pods(cluster: VirtualCluster) -> None:
    cluster.apply(gated(1, "podManagementPolicy: Parallel"))
    cluster.advance(30)
    scale(cluster, 3)
    cluster.advance(30)
    assert steps.names(steps.running(cluster)) == {"test-0", "test-1", "test-2"}
    assert not cluster.get(StatefulSet, "test").status.readyReplicas
    scale(cluster, 0)
    cluster.advance(30)
    assert not steps.pods(cluster)
    assert cluster.get(StatefulSet, "test").status.replicas == 0


def test_should_recreate_evicted_statefulset(cluster: VirtualCluster) -> None:
    port = 'image: "httpd:1", ports: [{name: conflict, containerPort: 21017, hostPort: 21017}]'
    there = steps.orphan("there", labels="app: other").replace("spec: {", "spec: {nodeName: node-1, ")
    cluster.apply(there.replace('image: "httpd:1"', port))
    cluster.wait(core_v1.Pod, "there", lambda it: it.status.phase == "Running")
    text = workload("StatefulSet", "replicas: 1\n  serviceName: test").replace('image: "httpd:1"', port)
    (created,) = cluster.apply(text.replace("containers:", "nodeName: node-1\n      containers:"))
    refused = cluster.wait(core_v1.Pod, "test-0", lambda it: it.status.phase == "Failed")
    assert refused.status.reason == "NodePorts"
    cluster.wait(core_v1.Pod, "test-0", lambda it: it.metadata.uid != refused.metadata.uid)
    assert ("DELETED", "test-0") in steps.changes(cluster, core_v1.Pod, created.metadata.resourceVersion)
    cluster.delete(core_v1.Pod, "there")
    ready(cluster, 1)
    assert cluster.get(core_v1.Pod, "test-0").metadata.uid != refused.metadata.uid


def test_should_have_a_working_scale_subresource(cluster: VirtualCluster) -> None:
    up(cluster)
    steps.scales(cluster, StatefulSet)


def test_should_list_patch_and_delete_a_collection(cluster: VirtualCluster) -> None:
    steps.other(cluster, "StatefulSet", "serviceName: other")
    owner = up(cluster)
    tree = {
        "metadata": {"labels": {"test-ss": "patched"}},
        "spec": {"replicas": 2, "template": {"spec": {"containers": [{"name": "web", "image": "httpd:2"}]}}},
    }
    steps.patch(cluster, owner, tree, type_="strategic")
    ready(cluster, 2)
    steps.until(cluster, lambda: images(cluster) == ["httpd:2"] * 2)
    assert steps.names(cluster.list(StatefulSet, namespace="", label_selector="test-ss=patched")) == {"test"}
    steps.delete_collection(cluster, StatefulSet, "test-ss=patched")
    assert steps.names(cluster.list(StatefulSet, namespace="")) == {"other"}
    steps.until(cluster, lambda: not steps.pods(cluster, "app=test"))
    assert len(steps.running(cluster)) == 1


def test_should_perform_rolling_updates_and_roll_backs(cluster: VirtualCluster) -> None:
    first = up(cluster, 3)
    assert first.status.currentRevision == first.status.updateRevision
    for image, back in (("httpd:2", False), ("httpd:1", True)):
        since = cluster.get(StatefulSet, "test").metadata.resourceVersion
        set_image(cluster, image)
        rolled = cluster.wait(
            StatefulSet,
            "test",
            lambda it: (
                it.status.observedGeneration == it.metadata.generation
                and it.status.currentRevision == it.status.updateRevision
                and it.status.updatedReplicas == it.status.readyReplicas == 3
            ),
        )
        assert images(cluster) == [image] * 3
        assert hashes(cluster) == [rolled.status.updateRevision] * 3
        assert (rolled.status.currentRevision == first.status.currentRevision) is back
        assert [one for one in steps.changes(cluster, core_v1.Pod, since) if one[0] != "MODIFIED"] == [
            (type_, name) for name in ("test-2", "test-1", "test-0") for type_ in ("DELETED", "ADDED")
        ]
    assert {it.revision for it in cluster.list(apps_v1.ControllerRevision)} == {2, 3}  # the first one is the newest


@pytest.mark.parametrize("strategy", ["", "updateStrategy: {type: RollingUpdate}"])
def test_a_revision_that_never_gets_ready_is_left_by_a_forced_rollback(cluster: VirtualCluster, strategy: str) -> None:
    """As the documentation says: the template is changed back, and the Pods that tried the bad one are deleted."""
    cluster.apply(gated(3, strategy))
    for number in range(3):
        cluster.advance(30)
        set_ready(cluster, f"test-{number}", "True")
    first = ready(cluster, 3).status.currentRevision
    for image in ("httpd:2", "httpd:1"):
        set_image(cluster, image)
        cluster.advance(120)
        assert images(cluster) == ["httpd:1", "httpd:1", "httpd:2"]
    cluster.delete(core_v1.Pod, "test-2")
    cluster.advance(120)
    assert images(cluster) == ["httpd:1"] * 3
    set_ready(cluster, "test-2", "True")
    assert ready(cluster, 3).status.currentRevision == first


def test_a_pod_that_is_lost_during_an_update_comes_back_as_it_was(cluster: VirtualCluster) -> None:
    """Where the update hasn't been yet, and rollingUpdate isn't said."""
    cluster.apply(gated(3, "updateStrategy: {type: RollingUpdate}"))
    for number in range(3):
        cluster.advance(30)
        set_ready(cluster, f"test-{number}", "True")
    set_image(cluster, "httpd:2")
    cluster.advance(120)
    assert images(cluster) == ["httpd:1", "httpd:1", "httpd:2"]
    cluster.delete(core_v1.Pod, "test-0")
    cluster.advance(120)
    assert images(cluster) == ["httpd:1", "httpd:1", "httpd:2"]
    for number in (0, 2, 1, 0):
        set_ready(cluster, f"test-{number}", "True")
        cluster.advance(120)
    assert images(cluster) == ["httpd:2"] * 3
    done = ready(cluster, 3).status
    assert done.currentRevision == done.updateRevision


def test_should_perform_canary_updates_and_phased_rolling_updates(cluster: VirtualCluster) -> None:
    def partition(number: int) -> None:
        tree = {"spec": {"updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": number}}}}
        steps.patch(cluster, cluster.get(StatefulSet, "test"), tree)
        cluster.advance(60)

    first = up(cluster, 3, "updateStrategy: {rollingUpdate: {partition: 3}}")
    set_image(cluster, "httpd:2")
    cluster.advance(60)
    kept = cluster.get(StatefulSet, "test")
    assert kept.status.currentRevision == first.status.currentRevision != kept.status.updateRevision
    assert images(cluster) == ["httpd:1"] * 3
    partition(2)
    assert images(cluster) == ["httpd:1", "httpd:1", "httpd:2"]
    for name in ("test-0", "test-2"):
        cluster.delete(core_v1.Pod, name)
    ready(cluster, 3)
    cluster.advance(30)
    assert images(cluster) == ["httpd:1", "httpd:1", "httpd:2"]
    assert hashes(cluster) == [kept.status.currentRevision] * 2 + [kept.status.updateRevision]
    partition(1)
    assert images(cluster) == ["httpd:1", "httpd:2", "httpd:2"]
    partition(0)
    assert images(cluster) == ["httpd:2"] * 3
    assert cluster.get(StatefulSet, "test").status.currentRevision == kept.status.updateRevision


def test_should_validate_status_endpoints(cluster: VirtualCluster) -> None:
    up(cluster)
    steps.statuses(cluster, StatefulSet)
