"""taint, drain, expose, autoscale: what they work out from what is there."""

from __future__ import annotations

from typing import Any

import pytest

from podium.cli.autoscale import autoscaler_for
from podium.cli.catalog import Resource
from podium.cli.drain import plan
from podium.cli.expose import service_for
from podium.cli.failure import Failure
from podium.cli.objects import Target
from podium.cli.taint import Change, changed, done_to, parse

HAVE = [{"key": "a", "value": "1", "effect": "NoSchedule"}, {"key": "a", "effect": "NoExecute"}]


@pytest.mark.parametrize(
    ("word", "change"),
    [
        ("a=1:NoSchedule", Change("a", "1", "NoSchedule", False)),
        ("a:NoExecute", Change("a", "", "NoExecute", False)),
        ("a=:NoExecute", Change("a", "", "NoExecute", False)),
        ("a-", Change("a", "", "", True)),
        ("a:NoSchedule-", Change("a", "", "NoSchedule", True)),
        ("example.com/a-b=c:PreferNoSchedule", Change("example.com/a-b", "c", "PreferNoSchedule", False)),
    ],
)
def test_taint_words(word: str, change: Change) -> None:
    assert parse(word) == change


@pytest.mark.parametrize(
    ("word", "why"),
    [
        ("a=1", "invalid taint spec"),
        ("a=1:Never", "invalid taint effect: Never, unsupported taint effect"),
        (":NoSchedule", "invalid taint spec"),
    ],
)
def test_wrong_taint_words(word: str, why: str) -> None:
    with pytest.raises(Failure, match=why):
        parse(word)


@pytest.mark.parametrize(
    ("words", "overwrite", "done"),
    [
        (["a=1:NoSchedule"], False, "tainted"),
        (["a-", "b-"], False, "untainted"),
        (["a-", "b:NoSchedule"], False, "modified"),
        (["a=1:NoSchedule"], True, "modified"),
    ],
)
def test_what_is_said_of_taints(words: list[str], overwrite: bool, done: str) -> None:
    assert done_to([parse(word) for word in words], overwrite) == done


def test_taints_are_added_replaced_and_removed() -> None:
    assert changed("n", HAVE, [parse("b:NoSchedule")], False)[-1] == {"key": "b", "effect": "NoSchedule"}
    assert changed("n", HAVE, [parse("a=2:NoSchedule")], True) == [
        HAVE[1],
        {"key": "a", "value": "2", "effect": "NoSchedule"},
    ]
    assert changed("n", HAVE, [parse("a:NoExecute-")], False) == HAVE[:1]
    assert changed("n", HAVE, [parse("a-")], False) == []
    with pytest.raises(Failure, match="node n already has a taint"):
        changed("n", HAVE, [parse("a=2:NoSchedule")], False)
    with pytest.raises(Failure, match='taint "b" not found'):
        changed("n", HAVE, [parse("b-")], False)


def pod(name: str, owner: str = "", **more: Any) -> dict[str, Any]:
    owners = [{"kind": owner, "controller": True}] if owner else []
    return {
        "metadata": {"namespace": "default", "name": name, "ownerReferences": owners},
        "spec": {},
        "status": {},
        **more,
    }


STRICT = {"ignore_daemonsets": False, "delete_emptydir_data": False, "force": False}


@pytest.mark.parametrize(
    ("item", "flag", "problem", "warning"),
    [
        (pod("a"), "force", "declare no controller", "deleting Pods that declare no controller: default/a"),
        (
            pod("a", "DaemonSet"),
            "ignore_daemonsets",
            "DaemonSet-managed",
            "ignoring DaemonSet-managed Pods: default/a",
        ),
        (
            pod("a", "ReplicaSet", spec={"volumes": [{"emptyDir": {}}]}),
            "delete_emptydir_data",
            "local storage",
            "deleting Pods with local storage: default/a",
        ),
    ],
)
def test_what_stands_in_the_way_of_a_drain(item: dict[str, Any], flag: str, problem: str, warning: str) -> None:
    leaving, problems, warnings = plan([item, pod("b", "ReplicaSet")], STRICT)
    assert [entry["metadata"]["name"] for entry in leaving] == ["b"]
    assert len(problems) == 1
    assert problem in problems[0]
    assert warnings == []
    assert plan([item], {**STRICT, flag: True})[1:] == ([], [warning])


def test_pods_that_have_ended_never_stand_in_the_way() -> None:
    ended = pod("a", status={"phase": "Succeeded"})
    assert plan([ended], STRICT) == ([ended], [], [])


EXPOSE = {
    "selector": "",
    "port": "",
    "target_port": "",
    "protocol": "",
    "service_type": "",
    "cluster_ip": "",
    "labels": "",
    "session_affinity": "",
    "external_ip": "",
    "name": "",
}
DEPLOYMENT = {
    "kind": "Deployment",
    "metadata": {"name": "web", "labels": {"app": "web"}},
    "spec": {
        "selector": {"matchLabels": {"app": "web"}},
        "template": {"spec": {"containers": [{"name": "c", "ports": [{"containerPort": 80}, {"containerPort": 81}]}]}},
    },
}


def test_expose_takes_selector_and_ports_from_the_workload() -> None:
    service = service_for(DEPLOYMENT, EXPOSE)
    assert service["spec"]["selector"] == {"app": "web"}
    assert [(port["name"], port["port"], port["targetPort"]) for port in service["spec"]["ports"]] == [
        ("port-1", 80, 80),
        ("port-2", 81, 81),
    ]
    two = service_for(DEPLOYMENT, {**EXPOSE, "port": "80,443"})
    assert [(port["name"], port["port"]) for port in two["spec"]["ports"]] == [("port-1", 80), ("port-2", 443)]
    with pytest.raises(Failure, match="a port is a number: http"):
        service_for(DEPLOYMENT, {**EXPOSE, "port": "http"})
    one = service_for(DEPLOYMENT, {**EXPOSE, "port": "8080", "target_port": "http", "service_type": "NodePort"})
    assert one["spec"]["ports"] == [{"port": 8080, "targetPort": "http", "protocol": "TCP"}]
    assert one["spec"]["type"] == "NodePort"


def test_expose_keeps_what_the_ports_speak() -> None:
    ports = [{"containerPort": 53, "protocol": "UDP"}, {"containerPort": 80}]
    template = {"spec": {"containers": [{"name": "c", "ports": ports}]}}
    dns = {**DEPLOYMENT, "spec": {**DEPLOYMENT["spec"], "template": template}}  # type: ignore[dict-item]
    assert [port["protocol"] for port in service_for(dns, EXPOSE)["spec"]["ports"]] == ["UDP", "TCP"]
    assert service_for(dns, {**EXPOSE, "port": "53"})["spec"]["ports"][0]["protocol"] == "UDP"
    assert service_for(dns, {**EXPOSE, "port": "53", "protocol": "TCP"})["spec"]["ports"][0]["protocol"] == "TCP"


def test_expose_with_labels_and_affinity() -> None:
    options = {**EXPOSE, "port": "1", "labels": "a=b,c=", "session_affinity": "ClientIP", "external_ip": "10.0.0.1"}
    service = service_for(DEPLOYMENT, options)
    assert service["metadata"]["labels"] == {"a": "b", "c": ""}
    assert (service["spec"]["sessionAffinity"], service["spec"]["externalIPs"]) == ("ClientIP", ["10.0.0.1"])


def test_expose_needs_a_port() -> None:
    bare = {**DEPLOYMENT, "spec": {**DEPLOYMENT["spec"], "template": {"spec": {"containers": [{"name": "c"}]}}}}  # type: ignore[dict-item]
    with pytest.raises(Failure, match="couldn't find port"):
        service_for(bare, EXPOSE)


DEPLOYMENTS = Resource("apps", "v1", "Deployment", "deployments", "deployment", True, (), (), ())
AUTOSCALE = {"lowest": None, "highest": 5, "cpu_percent": None, "cpu": "", "memory": "", "name": ""}


def test_autoscale() -> None:
    target = Target(DEPLOYMENTS, "default", "web")
    made = autoscaler_for(target, {**AUTOSCALE, "lowest": 2, "cpu": "80%", "memory": "200Mi"})
    assert made["spec"]["scaleTargetRef"] == {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
    assert (made["spec"]["minReplicas"], made["spec"]["maxReplicas"]) == (2, 5)
    assert [metric["resource"]["target"] for metric in made["spec"]["metrics"]] == [
        {"type": "Utilization", "averageUtilization": 80},
        {"type": "AverageValue", "averageValue": "200Mi"},
    ]
    with pytest.raises(Failure, match="must be larger or equal"):
        autoscaler_for(target, {**AUTOSCALE, "lowest": 6})
