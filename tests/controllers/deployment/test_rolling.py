"""The steps of a rolling update, and of Recreate. old and new: (replicas, Pods there are, available)."""

from __future__ import annotations

import pytest

from podium.controllers.deployment import recreate, rolling
from tests.controllers.build import pod, replica_set
from tests.controllers.cluster import deployment

Size = tuple[int, int, int]


@pytest.mark.parametrize(
    ("surge", "unavailable", "old", "new", "steps"),
    [
        pytest.param(3, 2, (10, 10, 10), (0, 0, 0), {"new": 3}, id="fill the surge"),
        pytest.param(0, 2, (10, 10, 10), (0, 0, 0), {"old": 8}, id="no surge: first down"),
        pytest.param(3, 2, (10, 10, 10), (3, 3, 0), {"old": 8}, id="down by what may be unavailable"),
        pytest.param(3, 2, (8, 10, 10), (3, 3, 0), {}, id="the old ones still have to go"),
        pytest.param(3, 2, (8, 8, 8), (3, 3, 0), {"new": 5}, id="up into what they left"),
        pytest.param(3, 2, (8, 8, 8), (5, 5, 0), {}, id="wait until new ones are available"),
        pytest.param(3, 2, (8, 8, 8), (5, 5, 4), {"old": 4}, id="down by the new ones that are"),
        pytest.param(3, 2, (8, 8, 6), (5, 5, 0), {}, id="unhealthy old ones: nothing to spare"),
        pytest.param(3, 2, (10, 10, 6), (3, 3, 0), {"old": 8}, id="unhealthy old ones go first"),
        pytest.param(3, 2, (10, 10, 9), (3, 3, 3), {"old": 5}, id="unhealthy ones and as many more as can be missed"),
        pytest.param(3, 2, (0, 3, 0), (8, 8, 8), {"new": 10}, id="the last ones"),
        pytest.param(3, 2, (0, 0, 0), (10, 10, 10), {}, id="nothing left to do"),
        pytest.param(3, 2, (0, 0, 0), (12, 12, 12), {"new": 10}, id="too many"),
        pytest.param(1, 0, (10, 10, 10), (0, 0, 0), {"new": 1}, id="one by one: up"),
        pytest.param(1, 0, (10, 10, 10), (1, 1, 0), {}, id="one by one: wait"),
        pytest.param(1, 0, (10, 10, 10), (1, 1, 1), {"old": 9}, id="one by one: down"),
        pytest.param(1, 0, (9, 10, 10), (1, 1, 1), {}, id="one by one: until it is gone"),
    ],
)
def test_step(surge: int, unavailable: int, old: Size, new: Size, steps: dict[str, int]) -> None:
    olds = [replica_set("old", old[0], has=old[1], available=old[2])]
    newest = replica_set("new", new[0], has=new[1], available=new[2], age=10)
    found = rolling.step(deployment(10, surge=surge, unavailable=unavailable), newest, olds)
    assert {one.replica_set.metadata.name: one.replicas for one in found} == steps


def test_the_oldest_goes_first() -> None:
    olds = [replica_set("old", 3, age=50), replica_set("oldest", 3, age=99)]
    newest = replica_set("new", 4, available=4, age=1)
    found = rolling.step(deployment(6, surge=4, unavailable=2), newest, olds)
    assert [(one.replica_set.metadata.name, one.replicas) for one in found] == [("oldest", 0), ("old", 0)]
    newest = replica_set("new", 4, available=2, age=1)
    found = rolling.step(deployment(6, surge=4, unavailable=2), newest, olds)
    assert [(one.replica_set.metadata.name, one.replicas) for one in found] == [("oldest", 0), ("old", 2)]


def test_no_room_is_given_away_before_it_is_known_how_many_pods_there_are() -> None:
    unobserved = replica_set("old", 2, observed=False)
    newest = replica_set("new", 2, available=0)
    assert rolling.step(deployment(6, surge=4, unavailable=0), newest, [unobserved]) == []


def test_recreate_first_ends_all_that_is_old() -> None:
    olds = [replica_set("old", 3), replica_set("older", 0)]
    assert [(one.replica_set.metadata.name, one.replicas) for one in recreate.scale_down(olds)] == [("old", 0)]
    one = deployment(3, strategy="Recreate")
    assert [step.replicas for step in recreate.scale_up(one, replica_set("new", 0))] == [3]
    assert recreate.scale_up(one, replica_set("new", 3)) == []


def test_recreate_waits_for_the_last_old_pod() -> None:
    gone = [replica_set("old", 0)]
    assert not recreate.old_pods_running(gone, [])
    assert not recreate.old_pods_running(gone, [pod("a", phase="Failed")])
    assert recreate.old_pods_running(gone, [pod("a", deleting=True)])
    assert recreate.old_pods_running([replica_set("old", 0, has=1)], [])
