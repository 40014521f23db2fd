"""The subsets of Endpoints: what shares one, in which order, and how many addresses there may be."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from podium.controllers.endpoints import subsets
from podium.models import core_v1
from podium.models.core_v1 import EndpointAddress, EndpointSubset
from tests.controllers.endpoints.services import pod, service

HTTP = core_v1.ServicePort(name="http", port=80, targetPort="http", protocol="TCP")
ADMIN = core_v1.ServicePort(name="admin", port=81, targetPort=9000, protocol="TCP")


def shown(found: tuple[EndpointSubset, ...]) -> list[tuple[list[str], list[str], list[int]]]:
    return [
        (
            [address.ip for address in one.addresses],
            [address.ip for address in one.notReadyAddresses],
            [port.port for port in one.ports],
        )
        for one in found
    ]


def test_ready_and_not_ready() -> None:
    pods = [pod("b", "10.0.0.2"), pod("a", "10.0.0.1"), pod("c", "10.0.0.3", ready=None)]
    assert shown(subsets.subsets(service(), pods)) == [(["10.0.0.1", "10.0.0.2"], ["10.0.0.3"], [8080])]


def test_unless_they_are_to_be_published() -> None:
    pods = [pod("a", "10.0.0.1", ready=None), pod("b", "10.0.0.2", deleting=True)]
    assert shown(subsets.subsets(service(), pods)) == [([], ["10.0.0.1"], [8080])]
    published = service(publishNotReadyAddresses=True)
    assert shown(subsets.subsets(published, pods)) == [(["10.0.0.1", "10.0.0.2"], [], [8080])]


def test_ports_with_the_same_addresses_share_a_subset() -> None:
    ports = (core_v1.ContainerPort(name="http", containerPort=8080, protocol="TCP"),)
    pods = [pod("a", "10.0.0.1", ports=ports), pod("b", "10.0.0.2", ports=ports)]
    assert shown(subsets.subsets(service(ports=(HTTP, ADMIN)), pods)) == [
        (["10.0.0.1", "10.0.0.2"], [], [9000, 8080]),
    ]


def test_a_pod_without_the_named_port_has_the_others() -> None:
    ports = (core_v1.ContainerPort(name="http", containerPort=8080, protocol="TCP"),)
    pods = [pod("a", "10.0.0.1", ports=ports), pod("b", "10.0.0.2")]
    assert shown(subsets.subsets(service(ports=(HTTP, ADMIN)), pods)) == [
        (["10.0.0.1"], [], [8080]),
        (["10.0.0.1", "10.0.0.2"], [], [9000]),
    ]


def test_headless_without_ports() -> None:
    assert shown(subsets.subsets(service(clusterIP="None", ports=()), [pod("a")])) == [(["10.0.0.1"], [], [])]
    assert subsets.subsets(service(ports=()), [pod("a")]) == ()


def test_what_an_address_tells() -> None:
    made = pod("a")
    made = replace(made, spec=replace(made.spec, hostname="a-0", subdomain="web"))
    (one,) = subsets.subsets(service(), [made])
    (address,) = one.addresses
    assert (address.hostname, address.nodeName) == ("a-0", "n1")
    assert address.targetRef is not None
    assert (address.targetRef.kind, address.targetRef.uid) == ("Pod", "uid-a")
    assert one.ports[0].name is None


def many(ready: int, not_ready: int) -> EndpointSubset:
    one = EndpointAddress(ip="10.0.0.1")
    return EndpointSubset(addresses=(one,) * ready, notReadyAddresses=(one,) * not_ready)


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ([(900, 100)], [(900, 100)]),
        ([(900, 200)], [(900, 100)]),
        ([(1500, 200)], [(1000, 0)]),
        ([(600, 50), (600, 50)], [(500, 0), (500, 0)]),
        ([(500, 500), (100, 700)], [(500, 167), (100, 233)]),
    ],
)
def test_truncated(given: list[tuple[int, int]], kept: list[tuple[int, int]]) -> None:
    """At most 1000 addresses; not-ready ones go first; each subset keeps its share."""
    result = subsets.truncated([many(*one) for one in given])
    assert [(len(one.addresses), len(one.notReadyAddresses)) for one in result] == kept
