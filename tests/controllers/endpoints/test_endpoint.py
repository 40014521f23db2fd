"""One Pod as an endpoint: whether it is one, its conditions, ports and hints."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from podium.controllers.endpointslice import endpoint as rules
from podium.models import core_v1
from podium.models.discovery_v1 import EndpointConditions, ForNode, ForZone
from tests.controllers.endpoints.services import pod, service


@pytest.mark.parametrize(
    ("made", "without_terminating", "with_terminating"),
    [
        (pod("a"), True, True),
        (pod("a", ready=None), True, True),
        (pod("a", deleting=True), False, True),
        (pod("a", phase="Succeeded"), False, False),
        (pod("a", phase="Failed"), False, False),
        (pod("a", ip=""), False, False),
    ],
)
def test_belongs(made: core_v1.Pod, without_terminating: bool, with_terminating: bool) -> None:
    assert rules.belongs(made, terminating=False) is without_terminating
    assert rules.belongs(made, terminating=True) is with_terminating


@pytest.mark.parametrize(
    ("made", "publish", "conditions"),
    [
        (pod("a"), False, (True, True, False)),
        (pod("a", ready=None), False, (False, False, False)),
        (pod("a", ready=None), True, (True, False, False)),
        (pod("a", deleting=True), False, (False, True, True)),
        (pod("a", deleting=True), True, (True, True, True)),
    ],
)
def test_conditions(made: core_v1.Pod, publish: bool, conditions: tuple[bool, bool, bool]) -> None:
    """A Pod that is being deleted may serve, but is never ready."""
    endpoint = rules.of_pod(made, service(publishNotReadyAddresses=publish), "z1", "IPv4")
    ready, serving, terminating = conditions
    assert endpoint.conditions == EndpointConditions(ready=ready, serving=serving, terminating=terminating)


def test_where_it_is() -> None:
    endpoint = rules.of_pod(pod("a", "10.0.0.7"), service(), "z1", "IPv4")
    assert (endpoint.addresses, endpoint.nodeName, endpoint.zone, endpoint.hostname) == (("10.0.0.7",), "n1", "z1", "")
    assert endpoint.targetRef == core_v1.ObjectReference(kind="Pod", namespace="default", name="a", uid="uid-a")


@pytest.mark.parametrize(("subdomain", "hostname"), [("web", "a-0"), ("other", ""), ("", "")])
def test_hostname(subdomain: str, hostname: str) -> None:
    made = pod("a")
    made = replace(made, spec=replace(made.spec, hostname="a-0", subdomain=subdomain))
    assert rules.hostname(made, service("web")) == hostname


def test_addresses_of_one_family() -> None:
    made = pod("a")
    both = (core_v1.PodIP(ip="10.0.0.1"), core_v1.PodIP(ip="fd00:0::1"))
    made = replace(made, status=replace(made.status, podIPs=both))
    assert rules.addresses(made, "IPv4") == ("10.0.0.1",)
    assert rules.addresses(made, "IPv6") == ("fd00::1",)


NAMED = (
    core_v1.ContainerPort(name="http", containerPort=9000, protocol="UDP"),
    core_v1.ContainerPort(name="http", containerPort=9001, protocol="TCP"),
)


@pytest.mark.parametrize(
    ("target", "protocol", "number"),
    [(8080, "TCP", 8080), (None, "TCP", 80), ("http", "TCP", 9001), ("http", "UDP", 9000), ("admin", "TCP", None)],
)
def test_port_number(target: Any, protocol: str, number: int | None) -> None:
    port = core_v1.ServicePort(port=80, targetPort=target, protocol=protocol)
    assert rules.port_number(pod("a", ports=NAMED), port) == number


def test_a_port_of_a_sidecar_counts_and_one_of_an_init_container_does_not() -> None:
    ports = (core_v1.ContainerPort(name="mesh", containerPort=15001, protocol="TCP"),)
    port = core_v1.ServicePort(port=80, targetPort="mesh", protocol="TCP")
    for policy, number in (("Always", 15001), ("", None)):
        made = pod("a")
        init = core_v1.Container(name="i", restartPolicy=policy, ports=ports)
        made = replace(made, spec=replace(made.spec, initContainers=(init,)))
        assert rules.port_number(made, port) == number


@pytest.mark.parametrize(
    ("distribution", "zones", "nodes"),
    [
        ("", (), ()),
        ("PreferClose", ("z1",), ()),
        ("PreferSameZone", ("z1",), ()),
        ("PreferSameNode", ("z1",), ("n1",)),
    ],
)
def test_hints(distribution: str, zones: tuple[str, ...], nodes: tuple[str, ...]) -> None:
    found = rules.hints(distribution, "z1", "n1")
    if not zones and not nodes:
        assert found is None
    else:
        assert found is not None
        assert found.forZones == tuple(ForZone(name=zone) for zone in zones)
        assert found.forNodes == tuple(ForNode(name=node) for node in nodes)
    assert rules.hints("PreferSameZone", "", "n1") is None


@pytest.mark.parametrize(
    ("spec", "types"),
    [
        ({"ipFamilies": ("IPv4", "IPv6")}, ("IPv4", "IPv6")),
        ({"ipFamilies": (), "clusterIP": "fd00::1"}, ("IPv6",)),
        ({"ipFamilies": (), "clusterIP": "None"}, ("IPv4", "IPv6")),
    ],
)
def test_address_types(spec: dict[str, Any], types: tuple[str, ...]) -> None:
    assert tuple(rules.address_types(service(**spec))) == types
