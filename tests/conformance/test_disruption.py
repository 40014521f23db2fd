"""What Kubernetes' conformance tests say about PodDisruptionBudgets and evictions, on simulated Pods."""

from __future__ import annotations

import pytest

from podium.machinery import errors
from podium.models import codec, core_v1, meta_v1, policy_v1
from podium.testing.virtual import VirtualCluster
from tests.conformance import steps
from tests.conformance.steps import Clusters

PDB = policy_v1.PodDisruptionBudget


@pytest.fixture
def cluster(podium_clusters: Clusters) -> VirtualCluster:
    return podium_clusters(nodes=2)


def budget(spec: str = "minAvailable: 2", name: str = "test", labels: str = "app: test") -> str:
    return f"""
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {{name: {name}, labels: {{{labels}}}}}
spec: {{{spec}, selector: {{matchLabels: {{app: test}}}}}}
"""


def processed(cluster: VirtualCluster, name: str = "test") -> policy_v1.PodDisruptionBudget:
    return cluster.wait(PDB, name, lambda it: it.status.observedGeneration == it.metadata.generation)


def pods(cluster: VirtualCluster, count: int) -> None:
    for number in range(count):
        cluster.apply(steps.orphan(f"pod-{number}"))
    steps.until(cluster, lambda: len(steps.running(cluster)) == count)


def test_should_create_update_patch_and_delete_a_budget(cluster: VirtualCluster) -> None:
    cluster.apply(budget("minAvailable: 1%"))
    processed(cluster)

    def two_percent(it: policy_v1.PodDisruptionBudget) -> None:
        it.spec.minAvailable = "2%"

    assert steps.change(cluster, PDB, "test", two_percent).spec.minAvailable == "2%"
    updated = processed(cluster)
    assert steps.patch(cluster, updated, {"spec": {"minAvailable": "3%"}}).spec.minAvailable == "3%"
    processed(cluster)
    cluster.delete(PDB, "test")
    with pytest.raises(errors.NotFound):
        cluster.get(PDB, "test")


def test_should_list_and_delete_a_collection(cluster: VirtualCluster) -> None:
    cluster.apply("apiVersion: v1\nkind: Namespace\nmetadata: {name: second}")
    for name in ("one", "two"):
        cluster.apply(budget(name=name))
    cluster.apply(budget(name="four", labels="app: other"))
    cluster.apply(budget(name="three").replace("metadata: {", "metadata: {namespace: second, "))
    assert steps.names(cluster.list(PDB, namespace="", label_selector="app=test")) == {"one", "two", "three"}
    assert steps.names(cluster.list(PDB)) == {"one", "two", "four"}
    steps.delete_collection(cluster, PDB, "app=test")
    assert steps.names(cluster.list(PDB, namespace="", label_selector="app=test")) == {"three"}
    assert steps.names(cluster.list(PDB)) == {"four"}


def test_should_observe_status_updated(cluster: VirtualCluster) -> None:
    cluster.apply(budget("minAvailable: 1"))
    processed(cluster)
    pods(cluster, 3)
    status = cluster.wait(PDB, "test", lambda it: it.status.disruptionsAllowed).status
    cluster.wait(PDB, "test", lambda it: it.status.disruptionsAllowed == 2)
    assert (status.desiredHealthy, steps.said(cluster.get(PDB, "test"))["DisruptionAllowed"][:2]) == (
        1,
        ("True", "SufficientPods"),
    )


def test_should_update_and_patch_status(cluster: VirtualCluster) -> None:
    cluster.apply(budget("minAvailable: 1"))
    pods(cluster, 2)
    found = codec.copy(cluster.wait(PDB, "test", lambda it: it.status.disruptionsAllowed == 1))
    found.status.disruptedPods = {"pod-0": cluster.clock.now().replace(microsecond=0)}
    updated = cluster.run(cluster.client.update_status(found))
    assert list(updated.status.disruptedPods) == ["pod-0"]
    waiting = cluster.wait(PDB, "test", lambda it: it.status.disruptionsAllowed == 0)
    assert list(waiting.status.disruptedPods) == ["pod-0"]
    patched = steps.patch(cluster, found, {"status": {"disruptedPods": None}}, "status")
    assert not patched.status.disruptedPods
    cluster.wait(PDB, "test", lambda it: it.status.disruptionsAllowed == 1)


def evict(cluster: VirtualCluster, name: str) -> None:
    eviction = policy_v1.Eviction(metadata=meta_v1.ObjectMeta(name=name, namespace="default"))
    cluster.run(cluster.client.create_subresource(core_v1.Pod, "default", name, "eviction", eviction))


def test_should_block_an_eviction_until_the_budget_is_updated_to_allow_it(cluster: VirtualCluster) -> None:
    pods(cluster, 3)
    cluster.apply(budget("minAvailable: 3"))
    processed(cluster)
    with pytest.raises(errors.TooManyRequests) as refused:
        evict(cluster, "pod-0")
    assert refused.value.details is not None
    assert [cause.reason for cause in refused.value.details.causes] == ["DisruptionBudget"]
    assert cluster.get(core_v1.Pod, "pod-0").metadata.deletionTimestamp is None

    def two(it: policy_v1.PodDisruptionBudget) -> None:
        it.spec.minAvailable = 2

    steps.change(cluster, PDB, "test", two)
    cluster.wait(PDB, "test", lambda it: it.status.disruptionsAllowed == 1)
    evict(cluster, "pod-0")
    steps.until(cluster, lambda: len(steps.pods(cluster)) == 2)
    steps.patch(cluster, cluster.get(PDB, "test"), {"spec": {"minAvailable": None, "maxUnavailable": 0}})
    processed(cluster)
    with pytest.raises(errors.TooManyRequests):
        evict(cluster, "pod-1")
    cluster.delete(PDB, "test")
    cluster.settle()
    evict(cluster, "pod-1")
    steps.until(cluster, lambda: len(steps.pods(cluster)) == 1)
