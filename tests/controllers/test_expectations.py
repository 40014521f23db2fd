"""A controller that waits for its cache, but not for ever."""

from __future__ import annotations

from podium.clock import VirtualClock
from podium.controllers.expectations import LONGEST_WAIT, Expectations
from podium.controllers.written import LONGEST_WAIT as LONGEST_WAIT_FOR_WRITES
from podium.controllers.written import Written
from podium.models import apps_v1, meta_v1


def test_creations_are_waited_for() -> None:
    expectations = Expectations(VirtualClock())
    assert expectations.satisfied("owner")
    expectations.expect_creations("owner", 2)
    expectations.creation_observed("owner")
    assert not expectations.satisfied("owner")
    assert expectations.pending_creations("owner") == 1
    expectations.creation_observed("owner")
    assert expectations.satisfied("owner")
    expectations.creation_observed("owner")  # somebody else's: must not be owed later
    expectations.expect_creations("owner", 1)
    assert not expectations.satisfied("owner")


def test_deletions_are_waited_for_one_by_one() -> None:
    expectations = Expectations(VirtualClock())
    expectations.expect_deletions("owner", ["a", "b"])
    expectations.deletion_observed("owner", "a")
    expectations.deletion_observed("owner", "a")
    expectations.deletion_observed("owner", "c")
    assert not expectations.satisfied("owner")
    expectations.deletion_observed("owner", "b")
    assert expectations.satisfied("owner")


def test_after_five_minutes_it_goes_on_without() -> None:
    clock = VirtualClock()
    expectations = Expectations(clock)
    expectations.expect_creations("owner", 1)
    clock.elapsed = 100
    assert expectations.seconds_left("owner") == LONGEST_WAIT - 100
    clock.elapsed = LONGEST_WAIT + 1
    assert expectations.satisfied("owner")
    assert expectations.seconds_left("owner") is None
    assert expectations.pending_creations("owner") == 0


def written(uid: str, revision: int) -> apps_v1.ReplicaSet:
    return apps_v1.ReplicaSet(metadata=meta_v1.ObjectMeta(uid=uid, resourceVersion=str(revision)))


def test_a_cache_that_is_older_than_our_own_writes_is_not_decided_by() -> None:
    clock = VirtualClock()
    notes = Written(clock)
    assert notes.is_shown("owner", [])
    notes.note("owner", written("a", 9))
    notes.note("owner", written("b", 100))
    assert not notes.is_shown("owner", [written("a", 10)])
    assert not notes.is_shown("owner", [written("b", 99)])
    assert notes.is_shown("owner", [written("b", 100)])
    notes.note("owner", written("c", 200))
    notes.gone("owner", "c")
    assert notes.is_shown("owner", [])
    notes.note("owner", written("d", 300))
    clock.elapsed = LONGEST_WAIT_FOR_WRITES
    assert notes.is_shown("owner", [])
