"""How far and how fast, and what is said about it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from podium.controllers.autoscaling import limits
from podium.controllers.autoscaling.limits import Bounds, History
from podium.models.autoscaling_v2 import HorizontalPodAutoscalerBehavior, HPAScalingPolicy, HPAScalingRules
from tests.controllers.build import NOW, ago


def rules(*policies: tuple[str, int, int], select: str = "Max", window: int | None = None) -> HPAScalingRules:
    return HPAScalingRules(
        policies=tuple(
            HPAScalingPolicy(type=kind, value=value, periodSeconds=period) for kind, value, period in policies
        ),
        selectPolicy=select,
        stabilizationWindowSeconds=window,
    )


ANY = rules(("Percent", 100, 15), ("Pods", 4, 15), window=0)


def behavior(up: HPAScalingRules = ANY, down: HPAScalingRules | None = None) -> HorizontalPodAutoscalerBehavior:
    return HorizontalPodAutoscalerBehavior(scaleUp=up, scaleDown=down or rules(("Percent", 100, 15)))


@pytest.mark.parametrize(
    ("current", "wanted", "replicas", "limited", "reason"),
    [
        (5, 7, 7, False, "DesiredWithinRange"),
        (1, 7, 4, True, "ScaleUpLimit"),
        (3, 9, 6, True, "ScaleUpLimit"),
        (8, 20, 10, True, "TooManyReplicas"),
        (5, 0, 2, True, "TooFewReplicas"),
        (5, 5, 5, False, "DesiredWithinRange"),
    ],
)
def test_without_behavior(current: int, wanted: int, replicas: int, limited: bool, reason: str) -> None:
    found = limits.limit(Bounds(current, 2, 10), wanted, None, History(), NOW)
    assert (found.replicas, found.limited, found.limit[0]) == (replicas, limited, reason)
    assert found.able == limits.READY


def test_going_down_waits_for_five_minutes_of_low_recommendations() -> None:
    history = History(((8, ago(200)), (9, ago(301)), (5, ago(20))))
    found = limits.limit(Bounds(8, 1, 10), 3, None, history, NOW)
    assert (found.replicas, found.able[0]) == (8, "ScaleDownStabilized")
    assert found.history.recommendations == ((8, ago(200)), (5, ago(20)), (3, NOW))
    later = limits.limit(Bounds(8, 1, 10), 3, None, found.history, NOW + timedelta(seconds=101))
    assert (later.replicas, later.able[0]) == (5, "ScaleDownStabilized")
    last = limits.limit(Bounds(5, 1, 10), 3, None, later.history, NOW + timedelta(seconds=301))
    assert (last.replicas, last.able[0]) == (3, "ReadyForNewScale")


@pytest.mark.parametrize(
    ("up", "history", "allowed"),
    [
        (rules(("Pods", 4, 60)), History(), 14),
        (rules(("Percent", 25, 60)), History(), 13),  # 12.5, rounded up
        (rules(("Pods", 4, 60), ("Percent", 100, 60)), History(), 20),
        (rules(("Pods", 4, 60), ("Percent", 100, 60), select="Min"), History(), 14),
        (rules(("Pods", 4, 60), select="Disabled"), History(), 10),
        (rules(("Pods", 4, 60)), History(ups=((3, ago(30)),)), 11),  # it was 7 a minute ago
        (rules(("Pods", 4, 60)), History(ups=((3, ago(90)),)), 14),
        (rules(("Pods", 4, 60)), History(downs=((2, ago(30)),)), 16),  # it was 12
        (rules(("Pods", 4, 60), ("Pods", 2, 10)), History(ups=((4, ago(30)),)), 12),
    ],
)
def test_up_policies(up: HPAScalingRules, history: History, allowed: int) -> None:
    assert limits.up_limit(10, up, history, NOW) == allowed
    found = limits.limit(Bounds(10, 1, 100), 50, behavior(up), history, NOW)
    assert (found.replicas, found.limit[0]) == (max(allowed, 10), "ScaleUpLimit")


@pytest.mark.parametrize(
    ("down", "history", "allowed"),
    [
        (rules(("Pods", 4, 60), window=0), History(), 6),
        (rules(("Percent", 25, 60), window=0), History(), 7),  # 7.5, rounded down
        (rules(("Pods", 4, 60), ("Percent", 10, 60), window=0), History(), 6),
        (rules(("Pods", 4, 60), ("Percent", 10, 60), select="Min", window=0), History(), 9),
        (rules(("Pods", 4, 60), select="Disabled", window=0), History(), 10),
        (rules(("Pods", 4, 60), window=0), History(downs=((3, ago(30)),)), 9),
        (rules(("Pods", 4, 60), window=0), History(downs=((9, ago(30)),)), 15),  # nothing more for now
    ],
)
def test_down_policies(down: HPAScalingRules, history: History, allowed: int) -> None:
    assert limits.down_limit(10, down, history, NOW) == allowed
    found = limits.limit(Bounds(10, 1, 100), 1, behavior(down=down), history, NOW)
    assert (found.replicas, found.limit[0]) == (min(allowed, 10), "ScaleDownLimit")


@pytest.mark.parametrize(
    ("up_window", "down_window", "earlier", "wanted", "replicas", "reason"),
    [
        (60, 0, ((12, 30),), 20, 12, "ScaleUpStabilized"),
        (60, 0, ((12, 61),), 20, 20, "ReadyForNewScale"),
        (60, 0, ((5, 30),), 20, 10, "ScaleUpStabilized"),
        (0, 60, ((9, 30),), 3, 9, "ScaleDownStabilized"),
        (0, 60, ((9, 61),), 3, 3, "ReadyForNewScale"),
        (0, None, ((9, 299),), 3, 9, "ScaleDownStabilized"),
        (0, None, ((9, 301),), 3, 3, "ReadyForNewScale"),
    ],
)
def test_stabilization_windows(
    up_window: int,
    down_window: int | None,
    earlier: tuple[tuple[int, int], ...],
    wanted: int,
    replicas: int,
    reason: str,
) -> None:
    both = behavior(rules(("Pods", 100, 15), window=up_window), rules(("Percent", 100, 15), window=down_window))
    history = History(tuple((value, ago(seconds)) for value, seconds in earlier))
    found = limits.limit(Bounds(10, 1, 100), wanted, both, history, NOW)
    assert (found.replicas, found.able[0]) == (replicas, reason)
    assert found.history.recommendations[-1] == (wanted, NOW)


def test_bounds_come_before_rates() -> None:
    found = limits.limit(Bounds(10, 5, 12), 50, behavior(), History(), NOW)
    assert (found.replicas, found.limit[0]) == (12, "TooManyReplicas")
    found = limits.limit(Bounds(10, 5, 12), 1, behavior(down=rules(("Percent", 100, 15), window=0)), History(), NOW)
    assert (found.replicas, found.limit[0]) == (5, "TooFewReplicas")


def test_only_what_a_policy_looks_back_to_is_remembered() -> None:
    both = behavior(rules(("Pods", 1, 30)), rules(("Pods", 1, 60)))
    history = History(ups=((1, ago(40)), (2, ago(20))), downs=((1, ago(70)), (2, ago(50))))
    assert history.scaled(3, 5, both, NOW).ups == ((2, ago(20)), (2, NOW))
    assert history.scaled(5, 2, both, NOW).downs == ((2, ago(50)), (3, NOW))
    assert history.scaled(5, 2, None, NOW) is history
