"""Dividing endpoints among slices: what is written, and what is left alone."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from msgspec.structs import replace

from podium.controllers.endpointslice import endpoint as rules
from podium.controllers.endpointslice import slices
from podium.models import core_v1, meta_v1
from podium.models.discovery_v1 import EndpointSlice
from tests.controllers.endpoints.services import pod, service

SERVICE = service()


def pods(first: int, last: int) -> list[core_v1.Pod]:
    return [pod(f"p{number}", f"10.0.{number // 256}.{number % 256}") for number in range(first, last)]


def groups(found: Sequence[core_v1.Pod], of: core_v1.Service = SERVICE) -> dict[slices.PortsKey, slices.Group]:
    result: dict[slices.PortsKey, slices.Group] = {}
    for one in found:
        ports = rules.ports(of, one)
        group = result.setdefault(slices.ports_key(ports), slices.Group(ports))
        group.add(rules.of_pod(one, of, "", "IPv4"))
    return result


class World:
    """Slices as the API has them after each plan."""

    def __init__(self) -> None:
        self.slices: dict[str, EndpointSlice] = {}
        self._made = 0

    def step(self, found: Sequence[core_v1.Pod], of: core_v1.Service = SERVICE) -> slices.Plan:
        plan = slices.plan(of, "IPv4", groups(found, of), list(self.slices.values()))
        for one in plan.create:
            self._made += 1
            name = f"web-{self._made}"
            self.slices[name] = replace(one, metadata=replace(one.metadata, name=name))
        for one in plan.update:
            assert one.metadata.name in self.slices
            self.slices[one.metadata.name] = one
        for one in plan.delete:
            del self.slices[one.metadata.name]
        return plan

    def sizes(self) -> list[int]:
        return sorted(len(one.endpoints) for one in self.slices.values())

    def addresses(self) -> list[str]:
        return sorted(each.addresses[0] for one in self.slices.values() for each in one.endpoints)


def writes(plan: slices.Plan) -> tuple[int, int, int]:
    return len(plan.create), len(plan.update), len(plan.delete)


def test_a_service_without_pods_has_an_empty_slice() -> None:
    world = World()
    assert writes(world.step([])) == (1, 0, 0)
    (one,) = world.slices.values()
    assert (one.endpoints, one.ports, one.addressType) == ((), (), "IPv4")
    assert writes(world.step([])) == (0, 0, 0)


def test_the_empty_slice_is_used_when_a_pod_comes() -> None:
    world = World()
    world.step([])
    assert writes(world.step(pods(1, 2))) == (0, 1, 0)
    (one,) = world.slices.values()
    assert [port.port for port in one.ports] == [8080]


def test_metadata() -> None:
    made = replace(SERVICE, metadata=replace(SERVICE.metadata, labels={"team": "a", slices.MANAGED_BY: "me"}))
    one = slices.new_slice(made, "IPv4", ())
    assert one.metadata.labels == {
        "team": "a",
        "kubernetes.io/service-name": "web",
        "endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io",
    }
    assert one.metadata.generateName == "web-"
    (owner,) = one.metadata.ownerReferences
    assert (owner.kind, owner.uid, owner.controller, owner.blockOwnerDeletion) == ("Service", "uid-web", True, True)
    headless = slices.labels(service(clusterIP="None"))
    assert headless["service.kubernetes.io/headless"] == ""


def test_at_most_a_hundred_endpoints_a_slice() -> None:
    world = World()
    world.step(pods(0, 250))
    assert world.sizes() == [50, 100, 100]
    assert len(set(world.addresses())) == 250


def test_nothing_is_written_when_nothing_changed() -> None:
    world = World()
    world.step(pods(0, 250))
    assert writes(world.step(pods(0, 250))) == (0, 0, 0)


def test_a_pod_that_becomes_ready_changes_its_slice_only() -> None:
    world = World()
    before = [*pods(0, 150), pod("late", "10.1.0.1", ready=None)]
    world.step(before)
    assert writes(world.step([*pods(0, 150), pod("late", "10.1.0.1")])) == (0, 1, 0)


def test_pods_that_are_replaced_are_written_once() -> None:
    """The slices that lose endpoints are filled with the new ones."""
    world = World()
    world.step(pods(0, 200))
    plan = world.step([*pods(0, 180), *pods(300, 320)])
    assert writes(plan) == (0, 1, 0)
    assert world.sizes() == [100, 100]


def test_a_slice_with_room_for_all_is_filled() -> None:
    world = World()
    world.step(pods(0, 150))
    assert writes(world.step(pods(0, 160))) == (0, 1, 0)
    assert world.sizes() == [60, 100]
    assert writes(world.step(pods(0, 230))) == (1, 0, 0)
    assert world.sizes() == [60, 70, 100]


def test_slices_are_not_merged_and_empty_ones_go() -> None:
    world = World()
    world.step(pods(0, 200))
    world.step(pods(90, 110))
    assert world.sizes() == [10, 10]
    assert writes(world.step(pods(100, 110))) == (0, 0, 1)
    assert writes(world.step([])) == (0, 1, 0)
    assert world.sizes() == [0]


def test_pods_with_other_ports_have_slices_of_their_own() -> None:
    of = service(ports=(core_v1.ServicePort(name="http", port=80, targetPort="http", protocol="TCP"),))
    found = [
        pod(f"p{number}", f"10.0.0.{number}", ports=(core_v1.ContainerPort(name="http", containerPort=number),))
        for number in (8080, 9090)
        for number in (number % 200,)
    ]
    world = World()
    world.step(found, of)
    assert sorted(port.port or 0 for one in world.slices.values() for port in one.ports) == [80, 90]


def test_changed_labels_of_the_service_are_carried_over() -> None:
    world = World()
    world.step(pods(0, 150))
    labelled = replace(SERVICE, metadata=replace(SERVICE.metadata, labels={"team": "a"}))
    assert writes(world.step(pods(0, 150), labelled)) == (0, 2, 0)
    assert {one.metadata.labels.get("team") for one in world.slices.values()} == {"a"}


def test_slices_of_an_earlier_service_of_the_name_are_not_used() -> None:
    world = World()
    world.step(pods(0, 2))
    again = replace(SERVICE, metadata=meta_v1.ObjectMeta(name="web", namespace="default", uid="another"))
    assert writes(world.step(pods(0, 2), again)) == (1, 0, 1)


def test_any_order_of_changes_ends_with_each_endpoint_once() -> None:
    """Seeded: whatever came and went, every endpoint is there exactly once, and no slice is too large."""
    for seed in range(20):
        chance, world = Random(seed), World()
        for _ in range(15):
            chosen = [one for one in pods(0, 330) if chance.random() < chance.choice((0.1, 0.5, 0.9))]
            world.step(chosen)
            assert world.addresses() == sorted(one.status.podIP for one in chosen)
            assert world.slices
            assert all(len(one.endpoints) <= slices.LARGEST for one in world.slices.values())
            assert writes(world.step(chosen)) == (0, 0, 0)
