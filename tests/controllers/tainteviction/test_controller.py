"""Evictions from nodes with NoExecute taints, on a cluster of simulated nodes."""

from __future__ import annotations

from msgspec.structs import replace

from podium.models import core_v1
from podium.testing.virtual import VirtualCluster

POD = """
apiVersion: v1
kind: Pod
metadata: {{name: {name}}}
spec:
  nodeName: node-1
  tolerations: [{{key: down, operator: Exists, effect: NoExecute{seconds}}}]
  containers: [{{name: c, image: "app:v1"}}]
"""


def taint(cluster: VirtualCluster, *taints: core_v1.Taint) -> None:
    node = cluster.get(core_v1.Node, "node-1")
    cluster.run(cluster.client.update(replace(node, spec=replace(node.spec, taints=taints))))


def names(cluster: VirtualCluster) -> list[str]:
    return sorted(pod.metadata.name for pod in cluster.list(core_v1.Pod) if pod.metadata.deletionTimestamp is None)


def test_toleration_seconds_of_a_taint_that_does_not_say_since_when(podium_cluster: VirtualCluster) -> None:
    podium_cluster.apply(POD.format(name="some", seconds=", tolerationSeconds: 30"))
    podium_cluster.apply(POD.format(name="ever", seconds=""))
    podium_cluster.advance(60)
    down = core_v1.Taint(key="down", effect="NoExecute")
    taint(podium_cluster, down)
    podium_cluster.advance(20)
    taint(
        podium_cluster, down, core_v1.Taint(key="other", effect="NoSchedule")
    )  # another change doesn't start it again
    podium_cluster.advance(9)
    assert names(podium_cluster) == ["ever", "some"]
    podium_cluster.advance(2)
    assert names(podium_cluster) == ["ever"]


def test_a_taint_that_goes_in_time_evicts_nobody(podium_cluster: VirtualCluster) -> None:
    podium_cluster.apply(POD.format(name="some", seconds=", tolerationSeconds: 30"))
    podium_cluster.advance(1)
    taint(podium_cluster, core_v1.Taint(key="down", effect="NoExecute"))
    podium_cluster.advance(20)
    taint(podium_cluster)
    podium_cluster.advance(20)
    taint(podium_cluster, core_v1.Taint(key="down", effect="NoExecute"))
    podium_cluster.advance(20)
    assert names(podium_cluster) == ["some"]


def test_a_pod_that_comes_later_has_all_its_seconds(podium_cluster: VirtualCluster) -> None:
    taint(podium_cluster, core_v1.Taint(key="down", effect="NoExecute", timeAdded=podium_cluster.clock.now()))
    podium_cluster.advance(100)
    podium_cluster.apply(POD.format(name="some", seconds=", tolerationSeconds: 30"))
    podium_cluster.advance(25)
    assert names(podium_cluster) == ["some"]
    podium_cluster.advance(10)
    assert names(podium_cluster) == []
