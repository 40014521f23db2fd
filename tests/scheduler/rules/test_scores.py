"""Scores, checked against numbers worked out by hand from Kubernetes' formulas."""

from __future__ import annotations

import math
from typing import Any

import pytest

from podium.scheduler.cache import Cache
from podium.scheduler.rules import image_locality, pod_affinity, resources_fit, topology_spread
from podium.scheduler.rules.base import normalized

from ..build import cluster, info, node, placed_on, pod
from .test_filters import DB, WEB, term

MIB = 1024 * 1024


def spread_scores(cache: Cache, one: Any) -> list[int] | None:
    return topology_spread.scores(info(cache, one).template, cache, cache.nodes)


@pytest.mark.parametrize(
    ("asked", "least", "balanced"),
    [
        (("1", "2Gi"), 75, 100),  # a quarter of each is used
        (("2", "0"), (50 + 100) // 2, 75),  # half of the CPU, none of the memory: (1 - |0.5 - 0| / 2)
        (("4", "8Gi"), 0, 100),
        (("", ""), (97 + 97) // 2, 0),  # counts as 100m and 200Mi for the first, not at all for the second
    ],
)
def test_resources(asked: tuple[str, str], least: int, balanced: int) -> None:
    cache = cluster(node("a", cpu="4", memory="8Gi"))
    requests = info(cache, pod(cpu=asked[0], memory=asked[1])).template.shape.requests
    assert resources_fit.least_allocated(requests, cache.nodes[0]) == least
    assert resources_fit.balanced_allocation(requests, cache.nodes[0]) == balanced


def test_pods_that_ask_for_nothing_spread_too() -> None:
    cache = cluster(node("a"), node("b"), pods=(pod(on="a"),))
    assert placed_on(cache, pod()) == "b"


def test_normalized() -> None:
    assert normalized([0, 1, 4]) == [0, 25, 100]
    assert normalized([0, 1, 4], reverse=True) == [100, 75, 0]
    assert normalized([0, 0]) == [0, 0]
    assert normalized([0, 0], reverse=True) == [100, 100]


def test_soft_taints_and_preferred_affinity_outweigh_free_space() -> None:
    cache = cluster(node("a", cpu="64", memory="64Gi", taints=["k:PreferNoSchedule"]), node("b"))
    assert placed_on(cache, pod(cpu="1", memory="1Gi")) == "b"
    preferred = {"weight": 1, "preference": {"matchExpressions": [{"key": "disk", "operator": "Exists"}]}}
    spec = {"affinity": {"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [preferred]}}}
    cache = cluster(node("a", cpu="64", memory="64Gi"), node("b", labels={"disk": "ssd"}))
    assert placed_on(cache, pod(cpu="1", memory="1Gi", spec=spec)) == "b"
    assert placed_on(cache, pod(cpu="1", memory="1Gi")) == "a"


def test_pods_of_one_owner_spread_over_nodes() -> None:
    cache = cluster(node("a"), node("b"), node("c"), pods=(pod(on="a", owner="rs"), pod(on="a", owner="rs")))
    # Nodes: weight log(3 + 2), maxSkew 5. On a: round(2 * log 5 + 4) = 7, on b and c: 4.
    assert spread_scores(cache, pod(owner="rs")) == [100 * 4 // 7, 100, 100]
    assert spread_scores(cache, pod()) is None
    assert spread_scores(cache, pod(owner="other")) == [100, 100, 100]


def test_pods_of_one_owner_spread_over_zones() -> None:
    cache = cluster(node("a", zone="1"), node("b", zone="1"), node("c", zone="2"), pods=(pod(on="a", owner="rs"),))
    by_name = dict(zip([one.name for one in cache.nodes], spread_scores(cache, pod(owner="rs")) or [], strict=True))
    zone, host = math.log(2 + 2), math.log(3 + 2)
    a, b, c = round(zone + 2 + host + 4), round(zone + 2 + 4), 2 + 4
    assert by_name == {"a": 100 * c // a, "b": 100 * (a + c - b) // a, "c": 100}


def test_pods_without_owner_spread_with_their_service() -> None:
    cache = cluster(node("a"), node("b"), pods=(pod(on="a", labels=WEB),))
    assert spread_scores(cache, pod(labels=WEB)) is None
    cache.set_service("default", "web", WEB)
    assert spread_scores(cache, pod(labels=WEB)) == [100 * 4 // round(math.log(4) + 4), 100]
    assert spread_scores(cache, pod(labels=DB)) is None
    cache.set_service("default", "web", None)
    assert spread_scores(cache, pod(labels=WEB)) is None


def test_soft_constraints_ignore_nodes_without_the_label() -> None:
    constraint = {
        "maxSkew": 1,
        "topologyKey": "rack",
        "whenUnsatisfiable": "ScheduleAnyway",
        "labelSelector": {"matchLabels": WEB},
    }
    cache = cluster(
        node("a", labels={"rack": "1"}), node("b", labels={"rack": "2"}), node("c"), pods=(pod(on="a", labels=WEB),)
    )
    one = pod(labels=WEB, spec={"topologySpreadConstraints": [constraint]})
    assert spread_scores(cache, one) == [0, 100, 0]


def test_preferences_of_both_sides() -> None:
    weighted = [{"weight": 10, "podAffinityTerm": term(DB)}]
    near = {"affinity": {"podAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": weighted}}}
    apart = {"affinity": {"podAntiAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": weighted}}}
    nodes = [node("a", zone="1"), node("b", zone="2"), node("c", zone="3")]

    def scores(cache: Cache, one: Any) -> list[int] | None:
        return pod_affinity.scores(info(cache, one).template, cache, cache.nodes)

    cache = cluster(*nodes, pods=(pod(on="b", labels=DB),))
    assert scores(cache, pod(spec=near)) == [0, 100, 0]
    assert scores(cache, pod(spec=apart)) == [100, 0, 100]
    assert scores(cache, pod()) is None
    cache = cluster(*nodes, pods=(pod(on="b", spec=near), pod(on="c", spec=apart)))
    assert scores(cache, pod(labels=DB)) == [50, 100, 0]
    required = {"affinity": {"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term(DB)]}}}
    cache = cluster(*nodes, pods=(pod(on="b", spec=required),))
    assert scores(cache, pod(labels=DB)) == [0, 100, 0]


def test_image_locality() -> None:
    cache = cluster(node("a", images={"app:latest": 1000 * MIB}), node("b"))
    template = info(cache, pod(image="app")).template
    # On a: 1000 MB, halved since one of two nodes has it.
    assert image_locality.scores(template, cache, cache.nodes) == [100 * (500 - 23) // (1000 - 23), 0]
    assert image_locality.scores(info(cache, pod(image="app:1")).template, cache, cache.nodes) is None


@pytest.mark.parametrize(
    ("image", "full"),
    [("a", "a:latest"), ("r:5000/a", "r:5000/a:latest"), ("r:5000/a:1", "r:5000/a:1"), ("a@sha256:0", "a@sha256:0")],
)
def test_image_names(image: str, full: str) -> None:
    assert image_locality.normalized(image) == full
