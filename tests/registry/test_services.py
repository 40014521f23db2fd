"""Cluster IPs and node ports: given, drawn, kept, given back."""

from __future__ import annotations

import asyncio
import ipaddress
from random import Random
from typing import Any

import pytest

from podium.machinery import errors
from podium.models import codec
from podium.models.core_v1 import Service, ServicePort, ServiceSpec
from podium.registry import services
from podium.registry.services import NETWORK, PORTS, Services
from podium.registry.types import Request
from tests.registry.world import World, changed, meta


def service(name: str = "s", **spec: Any) -> Service:
    fields: dict[str, Any] = {"ports": (ServicePort(port=80),), "selector": {"a": "b"}, **spec}
    return Service(metadata=meta(name), spec=ServiceSpec(**fields))


def test_every_service_gets_an_address_of_its_own(world: World) -> None:
    made = [world.create(service(f"s{number}")) for number in range(50)]
    addresses = {one.spec.clusterIP for one in made}
    assert len(addresses) == 50
    for one in made:
        assert one.spec.clusterIPs == (one.spec.clusterIP,)
        assert one.spec.ipFamilies == ("IPv4",)
        assert one.spec.ipFamilyPolicy == "SingleStack"
        assert int(ipaddress.ip_address(one.spec.clusterIP)) > int(NETWORK.network_address) + 256


def test_also_at_the_same_time(world: World) -> None:
    async def all_of_them() -> list[Any]:
        return await asyncio.gather(*(world.do_create(service(f"s{number}")) for number in range(20)))

    assert len({one.spec.clusterIP for one in world.run(all_of_them())}) == 20


def test_none_for_those_who_want_none(world: World) -> None:
    assert world.create(service(clusterIP="None")).spec.clusterIPs == ("None",)
    loose = world.create(service("l", clusterIP="None", selector={}))
    assert (loose.spec.ipFamilyPolicy, loose.spec.ipFamilies) == ("RequireDualStack", ("IPv4", "IPv6"))
    external = world.create(service("e", type="ExternalName", externalName="example.com", ports=(), selector={}))
    assert external.spec.clusterIP == ""


class TestRequested:
    def test_given(self, world: World) -> None:
        assert world.create(service(clusterIP="10.96.0.10")).spec.clusterIPs == ("10.96.0.10",)

    def test_taken(self, world: World) -> None:
        world.create(service(clusterIP="10.96.0.10"))
        with pytest.raises(errors.Invalid) as caught:
            world.create(service("other", clusterIP="10.96.0.10"))
        assert caught.value.message == (
            'Service "other" is invalid: spec.clusterIPs: Invalid value: ["10.96.0.10"]: failed to allocate IP '
            "10.96.0.10: provided IP is already allocated"
        )

    def test_out_of_range(self, world: World) -> None:
        with pytest.raises(errors.Invalid, match="the provided IP is not in the valid range"):
            world.create(service(clusterIP="10.0.0.1"))

    def test_the_port_of_a_health_check_is_one_services_alone(self, world: World) -> None:
        asked: dict[str, Any] = {
            "type": "LoadBalancer",
            "externalTrafficPolicy": "Local",
            "healthCheckNodePort": 30010,
        }
        made = world.create(service(**asked))
        for name, port, why in (("b", 30010, "is already allocated"), ("c", 80, "is not in the valid range")):
            with pytest.raises(errors.InternalError) as caught:
                world.create(service(name, **{**asked, "healthCheckNodePort": port}))
            assert caught.value.message.startswith(
                f"failed to allocate requested HealthCheck NodePort {port}: provided port {why}"
            )
        with pytest.raises(errors.Invalid, match="provided port is already allocated"):
            world.create(service("d", type="NodePort", ports=(ServicePort(port=80, nodePort=30010),)))
        assert world.update(changed(made, metadata__labels={"a": "b"})).spec.healthCheckNodePort == 30010
        world.delete(Service, "s")
        assert world.create(service("e", **asked)).spec.healthCheckNodePort == 30010

    def test_a_refused_service_keeps_nothing(self, world: World) -> None:
        world.create(service(type="NodePort", ports=(ServicePort(port=80, nodePort=30001),)))
        ports = (ServicePort(port=80, nodePort=30001),)
        with pytest.raises(errors.Invalid):
            world.create(service("other", clusterIP="10.96.0.10", type="NodePort", ports=ports))
        world.create(service("third", clusterIP="10.96.0.10"))


def test_an_update_keeps_the_address(world: World) -> None:
    made = world.create(service())
    again = world.update(changed(made, metadata__resourceVersion="", spec__clusterIP="", spec__clusterIPs=()))
    assert again.spec.clusterIP == made.spec.clusterIP


def test_a_deleted_service_gives_it_back(world: World) -> None:
    world.create(service(clusterIP="10.96.0.10"))
    world.delete(Service, "s")
    world.create(service("other", clusterIP="10.96.0.10"))


@pytest.mark.parametrize("also", [{}, {"spec__clusterIP": "", "spec__clusterIPs": ()}])
def test_becoming_external_gives_it_back(world: World, also: dict[str, Any]) -> None:
    made = world.create(service(clusterIP="10.96.0.10"))
    external = changed(made, spec__type="ExternalName", spec__externalName="example.com", **also)
    spec = world.update(external).spec
    assert (spec.clusterIP, spec.clusterIPs, spec.ipFamilies, spec.ipFamilyPolicy) == ("", (), (), "")
    world.create(service("other", clusterIP="10.96.0.10"))


def test_dry_run_takes_nothing(world: World) -> None:
    assert world.create(service(clusterIP="10.96.0.10"), Request(dry_run=True)).spec.clusterIP == "10.96.0.10"
    world.create(service("other", clusterIP="10.96.0.10"))


def test_accounts_are_read_at_the_start(world: World) -> None:
    world.create(service(clusterIP="10.96.0.10", type="NodePort", ports=(ServicePort(port=80, nodePort=30001),)))
    fresh = Services(world.registry.live("services"), Random(1))
    with pytest.raises(errors.Invalid, match="provided IP is already allocated"):
        fresh.allocate(service("other", clusterIP="10.96.0.10"), None)
    with pytest.raises(errors.Invalid, match="provided port is already allocated"):
        fresh.allocate(service("other", type="NodePort", ports=(ServicePort(port=80, nodePort=30001),)), None)


class TestNodePorts:
    def test_drawn_from_the_range(self, world: World) -> None:
        made = [world.create(service(f"s{number}", type="NodePort")) for number in range(30)]
        ports = {one.spec.ports[0].nodePort for one in made}
        assert len(ports) == 30
        assert all(port in PORTS for port in ports)

    def test_only_where_they_belong(self, world: World) -> None:
        assert world.create(service()).spec.ports[0].nodePort is None
        balanced = world.create(service("b", type="LoadBalancer"))
        assert balanced.spec.ports[0].nodePort in PORTS
        bare = world.create(service("c", type="LoadBalancer", allocateLoadBalancerNodePorts=False))
        assert bare.spec.ports[0].nodePort is None

    def test_requested(self, world: World) -> None:
        world.create(service(type="NodePort", ports=(ServicePort(port=80, nodePort=30001),)))
        with pytest.raises(errors.Invalid) as caught:
            world.create(service("o", type="NodePort", ports=(ServicePort(port=80, nodePort=30001),)))
        assert caught.value.message == (
            'Service "o" is invalid: spec.ports[0].nodePort: Invalid value: 30001: provided port is already allocated'
        )
        with pytest.raises(errors.Invalid, match="The range of valid ports is 30000-32767"):
            world.create(service("o", type="NodePort", ports=(ServicePort(port=80, nodePort=80),)))

    def test_two_protocols_may_share_one(self, world: World) -> None:
        ports = (
            ServicePort(name="t", port=53, protocol="TCP", nodePort=30053),
            ServicePort(name="u", port=53, protocol="UDP"),
        )
        made = world.create(service(type="NodePort", ports=ports))
        assert [port.nodePort for port in made.spec.ports] == [30053, 30053]

    def test_kept_by_an_update(self, world: World) -> None:
        made = world.create(service(type="NodePort"))
        number = made.spec.ports[0].nodePort
        again = world.update(changed(made, spec__ports=(ServicePort(port=80, targetPort=8080),)))
        assert again.spec.ports[0].nodePort == number

    def test_given_back(self, world: World) -> None:
        made = world.create(service(type="NodePort", ports=(ServicePort(port=80, nodePort=30001),)))
        world.update(changed(made, spec__type="ClusterIP", spec__ports=(ServicePort(port=80, protocol="TCP"),)))
        world.create(service("o", type="NodePort", ports=(ServicePort(port=80, nodePort=30001),)))

    def test_health_checks_of_local_traffic_have_one(self, world: World) -> None:
        made = world.create(service(type="LoadBalancer", externalTrafficPolicy="Local"))
        assert made.spec.healthCheckNodePort in PORTS


def test_a_full_range(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(services, "PORTS", range(30000, 30002))
    monkeypatch.setattr(services, "_STATIC_PORTS", 1)
    for number in range(2):
        world.create(service(f"s{number}", type="NodePort"))
    with pytest.raises(errors.InternalError, match="range is full"):
        world.create(service("third", type="NodePort"))


def test_dual_stack_is_not_configured(world: World) -> None:
    with pytest.raises(errors.Invalid, match="this cluster is not configured for dual-stack services"):
        world.create(service(ipFamilyPolicy="RequireDualStack"))
    with pytest.raises(errors.Invalid, match="not configured on this cluster"):
        world.create(service(ipFamilies=("IPv6",)))


def test_a_create_that_fails_takes_nothing(world: World) -> None:
    world.create(service("s", type="NodePort"))
    ports = (ServicePort(port=80, nodePort=30001),)
    with pytest.raises(errors.AlreadyExists):
        world.create(
            service("s", clusterIP="10.96.0.10", type="NodePort", ports=codec.copy(ServiceSpec(ports=ports)).ports)
        )
    world.create(service("o", clusterIP="10.96.0.10", type="NodePort", ports=ports))


def test_headless_with_a_selector_is_as_any_other(world: World) -> None:
    made = world.create(service(clusterIP="None"))
    assert (made.spec.ipFamilyPolicy, made.spec.ipFamilies) == ("SingleStack", ("IPv4",))
