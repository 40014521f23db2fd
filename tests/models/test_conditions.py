"""Conditions: when the time of the transition moves, and when nothing changes at all."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from podium.models import apps_v1, conditions, core_v1

THEN = datetime(2026, 1, 1, tzinfo=UTC)
NOW = THEN + timedelta(hours=1)


def condition(type_: str, status: str, reason: str = "") -> apps_v1.DeploymentCondition:
    return apps_v1.DeploymentCondition(type=type_, status=status, reason=reason)


def test_a_new_condition_is_of_now() -> None:
    (added,) = conditions.put((), condition("Available", "True"), NOW)
    assert added.lastTransitionTime == NOW


def test_the_same_status_keeps_its_time_and_place() -> None:
    before = conditions.put(conditions.put((), condition("A", "True", "x"), THEN), condition("B", "True"), THEN)
    after = conditions.put(before, condition("A", "True", "y"), NOW)
    assert [one.type for one in after] == ["A", "B"]
    assert (after[0].reason, after[0].lastTransitionTime) == ("y", THEN)
    assert before[0].reason == "x"


def test_another_status_moves_the_time() -> None:
    before = conditions.put((), condition("A", "True"), THEN)
    (after,) = conditions.put(before, condition("A", "False"), NOW)
    assert after.lastTransitionTime == NOW


def test_nothing_changed_is_the_same_tuple() -> None:
    before = conditions.put((), condition("A", "True", "x"), THEN)
    assert conditions.put(before, condition("A", "True", "x"), NOW) is before
    assert conditions.without(before, "B") is before


def test_what_is_given_stays_as_it_is() -> None:
    given = condition("A", "True")
    conditions.put((), given, NOW)
    assert given.lastTransitionTime is None


def test_finding() -> None:
    pod = (core_v1.PodCondition(type="Ready", status="True"), core_v1.PodCondition(type="Initialized", status="False"))
    assert conditions.get(pod, "Initialized") is pod[1]
    assert conditions.get(pod, "Nope") is None
    assert conditions.is_true(pod, "Ready")
    assert not conditions.is_true(pod, "Initialized")
    assert not conditions.is_true(pod, "Nope")
    assert conditions.without(pod, "Ready") == pod[1:]
