"""Which Pods a node turns away, and with which words."""

from __future__ import annotations

from typing import Any

import pytest

from podium.agent.admission import Taken, needs_of, rejection
from podium.models import codec
from podium.models.core_v1 import Event, Node, Pod
from podium.testing.virtual import VirtualCluster, virtual_cluster

from .build import pod

NODE: dict[str, Any] = {
    "metadata": {"name": "n1", "labels": {"disk": "ssd"}},
    "spec": {"taints": [{"key": "gone", "effect": "NoExecute"}, {"key": "full", "effect": "NoSchedule"}]},
    "status": {"allocatable": {"cpu": "2", "memory": "1Gi", "pods": "2", "example.com/gpu": "1"}},
}
TOLERATES = {"tolerations": [{"key": "gone", "operator": "Exists"}]}


def asking(requests: dict[str, str], **more: Any) -> dict[str, Any]:
    return {"containers": [{"name": "c", "resources": {"requests": requests}, **more}]}


def port(number: int, **more: Any) -> dict[str, Any]:
    return asking({}, ports=[{"containerPort": 80, "hostPort": number, **more}])


def check(spec: dict[str, Any], *others: dict[str, Any]) -> tuple[str, str] | None:
    taken = Taken()
    for number, other in enumerate(others):
        taken.add(str(number), needs_of(pod(other)))
    found = pod({"nodeName": "n1", **TOLERATES, **spec})
    return rejection(found, needs_of(found), taken, codec.from_tree(NODE, Node))


@pytest.mark.parametrize(
    ("spec", "others", "reason", "message"),
    [
        (
            asking({"cpu": "1500m"}),
            [asking({"cpu": "1"})],
            "OutOfcpu",
            "Node didn't have enough resource: cpu, requested: 1500, used: 1000, capacity: 2000",
        ),
        (
            asking({"memory": "2Gi"}),
            [],
            "OutOfmemory",
            "Node didn't have enough resource: memory, requested: 2147483648, used: 0, capacity: 1073741824",
        ),
        (
            asking({"example.com/gpu": "2"}),
            [],
            "OutOfexample.com/gpu",
            "Node didn't have enough resource: example.com/gpu, requested: 2, used: 0, capacity: 1",
        ),
        ({}, [{}, {}], "OutOfpods", "Node didn't have enough resource: pods, requested: 1, used: 2, capacity: 2"),
        (
            {"nodeSelector": {"disk": "hdd"}},
            [],
            "NodeAffinity",
            "Predicate NodeAffinity failed: node(s) didn't match Pod's node affinity/selector",
        ),
        (
            port(8080),
            [port(8080, hostIP="127.0.0.1")],
            "NodePorts",
            "Predicate NodePorts failed: node(s) didn't have free ports for the requested pod ports",
        ),
        (
            {"tolerations": []},
            [],
            "TaintToleration",
            "Predicate TaintToleration failed: node(s) had taints that the pod didn't tolerate",
        ),
        (
            {"os": {"name": "windows"}},
            [],
            "PodOSNotSupported",
            "Failed to admit pod as the OS field doesn't match node OS",
        ),
    ],
)
def test_what_does_not_fit(spec: dict[str, Any], others: list[dict[str, Any]], reason: str, message: str) -> None:
    assert check(spec, *others) == (reason, message)


@pytest.mark.parametrize(
    ("spec", "others"),
    [
        (asking({"cpu": "1"}), [asking({"cpu": "1"})]),
        (asking({"example.com/unknown": "5"}), []),
        (port(8080), [port(8081)]),
        (port(8080), [port(8080, protocol="UDP")]),
        (port(8080, hostIP="127.0.0.1"), [port(8080, hostIP="127.0.0.2")]),
        ({"nodeSelector": {"disk": "ssd"}}, []),
        (
            {
                "affinity": {
                    "nodeAffinity": {
                        "requiredDuringSchedulingIgnoredDuringExecution": {
                            "nodeSelectorTerms": [
                                {"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["n1"]}]}
                            ]
                        }
                    }
                }
            },
            [],
        ),
    ],
)
def test_what_fits(spec: dict[str, Any], others: list[dict[str, Any]]) -> None:
    assert check(spec, *others) is None


def test_what_a_pod_took_is_given_back() -> None:
    taken = Taken()
    taken.add("a", needs_of(pod(port(8080))))
    taken.give_back("a")
    taken.give_back("a")
    assert not taken.pods
    assert not taken.ports


MANIFEST = """
apiVersion: v1
kind: Pod
metadata: {name: %s}
spec:
  nodeName: node-1
  containers: [{name: c, image: nginx, ports: [{containerPort: 80, hostPort: 8080}]}]
"""


def test_a_pod_that_is_turned_away_is_failed_for_good() -> None:
    with virtual_cluster() as cluster:
        for name in ("first", "second"):
            cluster.apply(MANIFEST % name)
            cluster.settle()
        rejected = cluster.get(Pod, "second").status
        assert (rejected.phase, rejected.reason) == ("Failed", "NodePorts")
        assert rejected.message == (
            "Pod was rejected: Predicate NodePorts failed: node(s) didn't have free ports for the requested pod ports"
        )
        assert not rejected.containerStatuses
        assert [e.message for e in cluster.list(Event) if e.reason == "NodePorts"] == [
            rejected.message.removeprefix("Pod was rejected: ")
        ]
        cluster.delete(Pod, "second")
        cluster.delete(Pod, "first")
        cluster.advance(1)
        cluster.apply(MANIFEST % "second")
        cluster.settle()
        assert cluster.get(Pod, "second").status.phase == "Running"


def test_a_pod_that_was_resized_takes_what_it_has_now(podium_cluster: VirtualCluster) -> None:
    def create(name: str, cpu: str) -> str:
        tree = {
            "metadata": {"name": name, "namespace": "default"},
            "spec": {"nodeName": "node-1", "containers": [{"name": "c", "image": "i", "resources": requests(cpu)}]},
        }
        podium_cluster.create(codec.from_tree(tree, Pod))
        podium_cluster.settle()
        return podium_cluster.get(Pod, name).status.reason

    def requests(cpu: str) -> dict[str, Any]:
        return {"requests": {"cpu": cpu}}

    create("a", "1")
    patch = {"spec": {"containers": [{"name": "c", "resources": requests("31")}]}}
    podium_cluster.run(podium_cluster.client.patch(Pod, "default", "a", patch, "strategic", "resize"))
    podium_cluster.settle()
    assert create("b", "2") == "OutOfcpu"
    podium_cluster.delete(Pod, "a")
    podium_cluster.advance(1)
    assert create("c", "32") == ""
