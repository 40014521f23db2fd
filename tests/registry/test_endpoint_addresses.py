"""Where clients may lead Services: not to the machine itself, but to Pods that have loopback addresses."""

from __future__ import annotations

import pytest

from podium.machinery import errors
from podium.models import core_v1
from podium.models.core_v1 import EndpointAddress, Endpoints, EndpointSubset
from podium.models.discovery_v1 import Endpoint, EndpointPort, EndpointSlice
from podium.registry.types import Request, User
from tests.registry.world import World, changed, meta

SERVICE = "kubernetes.io/service-name"
LOOPBACK = "may not be in the loopback range (127.0.0.0/8, ::1/128)"
POD = "127.40.3.7"


def alice() -> Request:
    """Whoever comes over HTTP; she may well be in system:masters."""
    return Request(User("alice", ("system:masters", "system:authenticated")))


def slice_(*addresses: str, kind: str = "IPv4", service: str = "shop") -> EndpointSlice:
    return EndpointSlice(
        metadata=meta("s", labels={SERVICE: service}),
        addressType=kind,
        ports=(EndpointPort(name="http", port=80),),
        endpoints=tuple(Endpoint(addresses=(address,)) for address in addresses),
    )


def endpoints(*addresses: str, ready: bool = True) -> Endpoints:
    found = tuple(EndpointAddress(ip=address) for address in addresses)
    subset = EndpointSubset(addresses=found) if ready else EndpointSubset(notReadyAddresses=found)
    return Endpoints(metadata=meta("e"), subsets=(subset,))


@pytest.fixture
def rootless(world: World) -> World:
    """Its Pods have loopback addresses."""
    for node, cidr in (("n1", "127.40.3.0/24"), ("n2", "")):
        world.create(core_v1.Node(metadata=meta(node, ""), spec=core_v1.NodeSpec(podCIDR=cidr)))
    return world


@pytest.mark.parametrize("address", ["127.0.0.1", "127.0.0.53", "127.41.3.7", "127.40.4.7"])
def test_the_machines_loopback_is_refused(rootless: World, address: str) -> None:
    with pytest.raises(errors.Invalid) as refused:
        rootless.create(slice_(POD, address), alice())
    assert refused.value.message == (
        'EndpointSlice.discovery.k8s.io "s" is invalid: '
        f'endpoints[1].addresses[0]: Invalid value: "{address}": {LOOPBACK}'
    )
    for ready, name in ((True, "addresses"), (False, "notReadyAddresses")):
        with pytest.raises(errors.Invalid) as refused:
            rootless.create(endpoints(POD, address, ready=ready), alice())
        assert refused.value.message == (
            f'Endpoints "e" is invalid: subsets[0].{name}[1].ip: Invalid value: "{address}": {LOOPBACK}'
        )


@pytest.mark.parametrize("address", ["::1", "::ffff:127.0.0.1", f"::ffff:{POD}"])
def test_so_it_is_however_it_is_written(rootless: World, address: str) -> None:
    with pytest.raises(errors.Invalid) as refused:
        rootless.create(slice_(address, kind="IPv6"), alice())
    assert LOOPBACK in refused.value.message


def test_pods_loopback_addresses_are_admitted(rootless: World) -> None:
    rootless.create(slice_(POD), alice())
    rootless.create(endpoints(POD), alice())


def test_only_where_pods_have_some(world: World) -> None:
    with pytest.raises(errors.Invalid):
        world.create(slice_(POD), alice())


def test_components_in_the_process_lead_to_pods_on_the_nodes_network(rootless: World) -> None:
    rootless.create(slice_("127.0.0.1"))
    rootless.create(endpoints("127.0.0.1"))


class TestWhatComponentsWrote:
    """A slice that leads to 127.0.0.1 must not become another Service's, nor lead to another port."""

    def test_may_be_labelled(self, rootless: World) -> None:
        for made in (rootless.create(slice_("127.0.0.1")), rootless.create(endpoints("127.0.0.1"))):
            labels = {**made.metadata.labels, "mine": "1"}
            changed_ = rootless.update(changed(made, metadata__labels=labels), request=alice())
            assert changed_.metadata.labels == labels

    def test_may_not_lead_elsewhere(self, rootless: World) -> None:
        made = rootless.create(slice_("127.0.0.1"))
        for change in (
            {"metadata__labels": {SERVICE: "other"}},
            {"ports": (EndpointPort(name="http", port=6443),)},
            {"endpoints": (Endpoint(addresses=("127.0.0.2",)),)},
        ):
            with pytest.raises(errors.Invalid, match="loopback range"):
                rootless.update(changed(made, **change), request=alice())

    def test_may_be_led_away(self, rootless: World) -> None:
        made = rootless.create(slice_("127.0.0.1"))
        rootless.update(changed(made, endpoints=(Endpoint(addresses=("10.0.0.1",)),)), request=alice())


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("0.0.0.0", "may not be unspecified (0.0.0.0)"),
        ("::", "may not be unspecified (::)"),
        ("169.254.169.254", "may not be in the link-local range (169.254.0.0/16, fe80::/10)"),
        ("fe80::1", "may not be in the link-local range (169.254.0.0/16, fe80::/10)"),
        ("::ffff:169.254.169.254", "may not be in the link-local range (169.254.0.0/16, fe80::/10)"),
        ("224.0.0.1", "may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)"),
        ("ff02::1", "may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)"),
    ],
)
def test_what_is_beside_the_machine_is_refused_whoever_writes_it(world: World, address: str, why: str) -> None:
    for obj in (slice_(address, kind="IPv6" if ":" in address else "IPv4"), endpoints(address)):
        with pytest.raises(errors.Invalid) as refused:
            world.create(obj)
        assert refused.value.message.endswith(f'Invalid value: "{address}": {why}')
