"""What the ReplicaSets get when the Deployment itself is scaled."""

from __future__ import annotations

import pytest

from podium.controllers.deployment.scale import is_saturated, is_scaling, scale
from podium.models import apps_v1
from tests.controllers.build import replica_set
from tests.controllers.cluster import deployment


def scaled(to: int, before: int, surge: int, *sizes: int) -> list[int]:
    """Sizes of the ReplicaSets, oldest first, the newest last, after the Deployment went from `before` to `to`."""
    one = deployment(to, surge=surge, unavailable=1)
    sets = [
        replica_set(f"rs{number}", size, age=100 - number, desired=before, maximum=before + surge)
        for number, size in enumerate(sizes)
    ]
    steps = {step.replica_set.metadata.name: step.replicas for step in scale(one, sets[-1], sets[:-1])}
    return [steps.get(one.metadata.name, one.spec.replicas or 0) for one in sets]


@pytest.mark.parametrize(
    ("to", "before", "surge", "sizes", "expected"),
    [
        pytest.param(5, 3, 1, (3,), [5], id="the only one"),
        pytest.param(5, 3, 1, (3, 0), [5, 0], id="the only active one, although it is old"),
        pytest.param(5, 0, 1, (0, 0), [0, 5], id="none is active: the newest"),
        pytest.param(15, 10, 3, (8, 5), [11, 7], id="shared in proportion"),
        pytest.param(5, 10, 3, (8, 5), [5, 3], id="taken in proportion"),
        pytest.param(20, 10, 0, (5, 5), [10, 10], id="equal shares"),
        pytest.param(12, 10, 0, (3, 4, 3), [3, 5, 4], id="the large one first, among equals the newest"),
        pytest.param(11, 10, 0, (5, 5), [5, 6], id="one more goes to the newest of equals"),
        pytest.param(9, 10, 0, (5, 5), [4, 5], id="one fewer comes from the oldest of equals"),
        pytest.param(0, 10, 3, (8, 5), [0, 0], id="down to nothing"),
        pytest.param(10, 10, 3, (8, 5), [8, 5], id="nothing to do"),
        pytest.param(100, 20, 0, (10, 10), [50, 50], id="large"),
    ],
)
def test_scale(to: int, before: int, surge: int, sizes: tuple[int, ...], expected: list[int]) -> None:
    assert scaled(to, before, surge, *sizes) == expected


@pytest.mark.parametrize(
    ("desired", "replicas", "scaling"), [(3, 3, False), (3, 5, True), (None, 5, False), (5, 5, False)]
)
def test_scaling_shows_in_what_was_noted(desired: int | None, replicas: int, scaling: bool) -> None:
    sets = [replica_set("a", 3, desired=desired), replica_set("b", 0, desired=99)]
    assert is_scaling(deployment(replicas), sets) is scaling


@pytest.mark.parametrize(
    ("size", "available", "desired", "saturated"),
    [(5, 5, 5, True), (5, 4, 5, False), (5, 5, 4, False), (4, 4, 5, False)],
)
def test_saturated(size: int, available: int, desired: int, saturated: bool) -> None:
    assert is_saturated(deployment(5), replica_set("a", size, available=available, desired=desired)) is saturated


def test_once_the_new_one_is_saturated_the_old_ones_go() -> None:
    new, old = replica_set("new", 5, desired=5), replica_set("old", 2)
    steps = scale(deployment(5), new, [old])
    assert [(step.replica_set.metadata.name, step.replicas) for step in steps] == [("old", 0)]


def test_under_recreate_several_stay_as_they_are() -> None:
    sets: list[apps_v1.ReplicaSet] = [replica_set("old", 2), replica_set("new", 1)]
    steps = scale(deployment(5, strategy="Recreate"), sets[1], sets[:1])
    assert [step.replicas for step in steps] == [2, 1]
