from __future__ import annotations

from collections import Counter
from random import Random

import pytest

from podium.models import core_v1
from podium.scheduler.cache import Cache
from podium.scheduler.outcome import FitError, Placement
from podium.scheduler.schedule import Decider, cluster_checks, feasible_nodes_to_find, refusal

from .build import cluster, info, node, pod
from .random_cluster import RandomCluster


@pytest.mark.parametrize(
    ("total", "enough"), [(1, 1), (99, 99), (100, 100), (200, 100), (1000, 420), (5000, 500), (10000, 500)]
)
def test_how_many_feasible_nodes_are_enough(total: int, enough: int) -> None:
    assert feasible_nodes_to_find(total) == enough


def test_equal_nodes_are_chosen_by_chance() -> None:
    cache = cluster(*(node(f"n{number}") for number in range(4)))
    chosen = {_place(Decider(cache, Random(seed)), cache, pod()) for seed in range(40)}
    assert chosen == {"n0", "n1", "n2", "n3"}


def test_a_search_among_many_goes_on_where_the_last_one_ended() -> None:
    cache = cluster(*(node(f"n{number:03}", pods=1) for number in range(300)))
    decider = Decider(cache, Random(1))
    for _ in range(300):
        one = info(cache, pod(owner="rs"))
        outcome = decider.decide(one)
        assert isinstance(outcome, Placement)
        cache.assume(one, outcome.node)
    assert isinstance(decider.decide(info(cache, pod())), FitError)


def test_zones_are_searched_in_turn() -> None:
    nodes = [node(f"n{number}", zone="1" if number < 4 else "2") for number in range(6)]
    assert [one.name for one in cluster(*nodes).nodes] == ["n0", "n4", "n1", "n5", "n2", "n3"]


def test_pods_with_the_same_spec_share_what_is_remembered() -> None:
    cache = Cache()
    first, second = (info(cache, pod(cpu="1", owner="rs", labels={"a": "b"})) for _ in range(2))
    assert first.template is second.template
    other = info(cache, pod(cpu="1", owner="other"))
    assert other.template is not first.template
    assert other.template.shape is first.template.shape
    assert info(cache, pod(cpu="2", owner="other")).template.shape is not first.template.shape


def test_a_nominated_node_is_tried_first() -> None:
    cache = cluster(node("a", cpu="64"), node("b"))
    assert _place(Decider(cache, Random(1)), cache, pod(cpu="1", status={"nominatedNodeName": "b"})) == "b"
    assert _place(Decider(cache, Random(1)), cache, pod(cpu="8", status={"nominatedNodeName": "b"})) == "a"
    assert _place(Decider(cache, Random(1)), cache, pod(cpu="1", status={"nominatedNodeName": "gone"})) == "a"


def test_room_is_kept_for_pods_that_are_nominated() -> None:
    cache = cluster(node("a", cpu="2"))
    cache.nominate(info(cache, pod(cpu="2", priority=10)), "a")
    decider = Decider(cache, Random(1))
    outcome = decider.decide(info(cache, pod(cpu="1", priority=10)))
    assert isinstance(outcome, FitError)
    assert outcome.message == "0/1 nodes are available: 1 Insufficient cpu."
    assert _place(decider, cache, pod(cpu="1", priority=11)) == "a"


@pytest.mark.parametrize("seed", range(20))
def test_what_is_remembered_is_what_would_be_found_anew(seed: int) -> None:
    """With a cluster that changes at random, the decider's answer is among those that a fresh look allows."""
    rng = Random(seed)
    world = RandomCluster(rng)
    decider = Decider(world.cache, rng)
    outcomes: Counter[type] = Counter()
    for _ in range(150):
        world.change()
        one = info(world.cache, world.new_pod())
        outcome = decider.decide(one)
        checks = cluster_checks(one.template, world.cache)
        fresh = {each.name: refusal(one.template, each, checks) for each in world.cache.nodes}
        outcomes[type(outcome)] += 1
        if isinstance(outcome, Placement):
            assert fresh[outcome.node] is None
            world.place(one, outcome.node)
        elif outcome.total and outcome.everywhere is None:
            assert all(fresh.values())
            assert all(fresh[name] is why for name, why in outcome.refused.items())
    assert min(outcomes[Placement], outcomes[FitError]) > 5


@pytest.mark.parametrize("seed", range(20))
def test_the_cache_is_what_a_rebuild_would_give(seed: int) -> None:
    rng = Random(seed)
    world = RandomCluster(rng)
    decider = Decider(world.cache, rng)
    for _ in range(120):
        world.change()
        one = info(world.cache, world.new_pod())
        outcome = decider.decide(one)
        if isinstance(outcome, Placement):
            world.place(one, outcome.node)
    assert snapshot(world.cache) == snapshot(world.rebuilt())


def _place(decider: Decider, cache: Cache, one: core_v1.Pod) -> str:
    outcome = decider.decide(info(cache, one))
    assert isinstance(outcome, Placement)
    return outcome.node


def snapshot(cache: Cache) -> dict[str, object]:
    """All that the cache sums up, in a form that can be compared."""
    every = ("cpu", "memory", "ephemeral", "scored_cpu", "scored_memory")
    return {
        "nodes": {
            one.name: (
                one.present,
                sorted(one.pods),
                [getattr(one, name) for name in every],
                {name: amount for name, amount in one.scalars.items() if amount},
                {port: users for port, users in one.ports.items() if users},
            )
            for one in cache.infos.values()
        },
        "order": sorted(one.name for one in cache.nodes),
        "pods": {uid: one.node for uid, one in cache.pods.items()},
        "owners": cache.by_owner,
        "priorities": cache.priorities,
        "images": cache.image_holders,
        "anti": cache.anti_terms.as_dict(),
        "preferred": cache.preferred_terms.as_dict(),
        "counts": [
            dict(cache.counts.of((term,), terminating=True)) for term in sorted(cache.anti_terms.as_dict(), key=repr)
        ],
    }
