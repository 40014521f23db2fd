"""How Endpoints look as slices: what is taken over, and what is written again."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from podium.controllers.endpointslicemirroring import decide
from podium.models import core_v1, meta_v1
from podium.models.discovery_v1 import EndpointSlice
from tests.controllers.endpoints.services import service


def endpoints(*ips: str, not_ready: tuple[str, ...] = (), port: int = 80, **meta: Any) -> core_v1.Endpoints:
    subset = core_v1.EndpointSubset(
        addresses=tuple(core_v1.EndpointAddress(ip=ip) for ip in ips),
        notReadyAddresses=tuple(core_v1.EndpointAddress(ip=ip) for ip in not_ready),
        ports=(core_v1.EndpointPort(port=port, protocol="TCP"),),
    )
    metadata = meta_v1.ObjectMeta(name="db", namespace="default", uid="e", **meta)
    return core_v1.Endpoints(metadata=metadata, subsets=(subset,))


def planned(made: core_v1.Endpoints, existing: list[EndpointSlice]) -> tuple[int, int, int]:
    plan = decide.plan(made, decide.desired(made), existing)
    return len(plan.create), len(plan.update), len(plan.delete)


def slices(made: core_v1.Endpoints) -> list[EndpointSlice]:
    created = decide.plan(made, decide.desired(made), []).create
    return [replace(one, metadata=replace(one.metadata, name=f"s{at}")) for at, one in enumerate(created)]


@pytest.mark.parametrize(
    ("meta", "selector", "mirrored"),
    [
        ({}, {}, True),
        ({}, {"app": "db"}, False),
        ({"labels": {decide.SKIP: "true"}}, {}, False),
        ({"annotations": {decide.LEADER: "me"}}, {}, False),
    ],
)
def test_which_are_mirrored(meta: dict[str, Any], selector: dict[str, str], mirrored: bool) -> None:
    made = endpoints("192.0.2.1", **meta)
    assert decide.is_mirrored(made, service("db", selector=selector)) is mirrored
    assert decide.is_mirrored(made, None) is False
    assert decide.is_mirrored(None, service("db", selector={})) is False


def test_a_slice_for_each_family() -> None:
    found = slices(endpoints("192.0.2.1", "2001:db8::1", not_ready=("192.0.2.2",)))
    assert sorted((one.addressType, len(one.endpoints)) for one in found) == [("IPv4", 2), ("IPv6", 1)]


def test_what_cannot_be_mirrored_is_counted() -> None:
    assert decide.desired(endpoints("192.0.2.1", "no address")).invalid == 1
    many = endpoints(*(f"10.0.{number // 256}.{number % 256}" for number in range(1200)))
    assert decide.desired(many).skipped == 200


def test_what_is_right_is_left_alone() -> None:
    made = endpoints("192.0.2.1", "192.0.2.2")
    assert planned(made, slices(made)) == (0, 0, 0)
    assert planned(endpoints("192.0.2.1"), slices(made)) == (0, 1, 0)
    assert planned(endpoints("192.0.2.1", "192.0.2.2", labels={"a": "b"}), slices(made)) == (0, 1, 0)


def test_a_slice_that_is_not_wanted_any_more_is_used_for_one_that_is() -> None:
    assert planned(endpoints("192.0.2.1", port=81), slices(endpoints("192.0.2.1"))) == (0, 1, 0)
    assert planned(endpoints("2001:db8::1"), slices(endpoints("192.0.2.1"))) == (1, 0, 1)
