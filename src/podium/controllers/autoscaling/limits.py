"""From what the metrics ask for to what is done: not too far, not too fast, and not back and forth.

Without `spec.behavior`: down only to the most that was asked for in the last five minutes, up at most to the double (or
to 4). With it: as its stabilization windows and policies say (KEP-853).
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from msgspec.structs import replace as with_fields

from podium.models.autoscaling_v2 import HorizontalPodAutoscalerBehavior, HPAScalingRules

DOWNSCALE_STABILIZATION = 300
UP_FACTOR = 2
UP_MINIMUM = 4

At = tuple[int, datetime]


@dataclass(frozen=True, slots=True)
class History:
    """What was asked for and done lately, each with its time."""

    recommendations: tuple[At, ...] = ()
    ups: tuple[At, ...] = ()
    """By how many replicas, each above 0."""
    downs: tuple[At, ...] = ()

    def scaled(
        self, before: int, after: int, behavior: HorizontalPodAutoscalerBehavior | None, now: datetime
    ) -> History:
        """With one more change of the scale, without those that no policy looks back to."""
        if behavior is None:
            return self
        up, down = behavior.scaleUp or HPAScalingRules(), behavior.scaleDown or HPAScalingRules()
        if after > before:
            ups = (*_recent(self.ups, _longest(up), now), (after - before, now))
            return History(self.recommendations, ups, self.downs)
        downs = (*_recent(self.downs, _longest(down), now), (before - after, now))
        return History(self.recommendations, self.ups, downs)


def _longest(rules: HPAScalingRules) -> int:
    return max((policy.periodSeconds for policy in rules.policies), default=0)


def _recent(events: tuple[At, ...], seconds: float, now: datetime) -> tuple[At, ...]:
    cutoff = now - timedelta(seconds=seconds)
    return tuple(event for event in events if event[1] >= cutoff)


@dataclass(frozen=True, slots=True)
class Bounds:
    current: int
    minimum: int
    maximum: int


@dataclass(frozen=True, slots=True)
class Limited:
    """How many replicas there shall be, and what to say about it."""

    replicas: int
    able: tuple[str, str]
    """The reason and message of AbleToScale."""
    limited: bool
    limit: tuple[str, str]
    """The reason and message of ScalingLimited."""
    history: History = field(default_factory=History)


READY = ("ReadyForNewScale", "recommended size matches current size")
DOWN_STABILIZED = (
    "ScaleDownStabilized",
    "recent recommendations were higher than current one, applying the highest recent recommendation",
)
UP_STABILIZED = (
    "ScaleUpStabilized",
    "recent recommendations were lower than current one, applying the lowest recent recommendation",
)
WITHIN = ("DesiredWithinRange", "the desired count is within the acceptable range")
UP_LIMIT = ("ScaleUpLimit", "the desired replica count is increasing faster than the maximum scale rate")
DOWN_LIMIT = ("ScaleDownLimit", "the desired replica count is decreasing faster than the maximum scale rate")
TOO_MANY = ("TooManyReplicas", "the desired replica count is more than the maximum replica count")
TOO_FEW = ("TooFewReplicas", "the desired replica count is less than the minimum replica count")


def limit(
    bounds: Bounds, wanted: int, behavior: HorizontalPodAutoscalerBehavior | None, history: History, now: datetime
) -> Limited:
    """`wanted`: what the metrics ask for."""
    if behavior is None:
        stabilized, history = _stabilize_down(wanted, history, now)
        able = READY if stabilized == wanted else DOWN_STABILIZED
        replicas, reason = _within_rules(bounds, stabilized)
    else:
        up, down = rules_of(behavior)
        stabilized, history = _stabilize(bounds.current, wanted, up, down, history, now)
        able = READY
        if stabilized != wanted:
            able = UP_STABILIZED if wanted >= bounds.current else DOWN_STABILIZED
        replicas, reason = _within_rates(bounds, stabilized, up, down, history, now)
    return Limited(replicas, able, replicas != stabilized, reason, history)


def rules_of(behavior: HorizontalPodAutoscalerBehavior) -> tuple[HPAScalingRules, HPAScalingRules]:
    """Up and down, with their windows filled in."""
    up, down = behavior.scaleUp or HPAScalingRules(), behavior.scaleDown or HPAScalingRules()
    if up.stabilizationWindowSeconds is None:
        up = with_fields(up, stabilizationWindowSeconds=0)
    if down.stabilizationWindowSeconds is None:
        down = with_fields(down, stabilizationWindowSeconds=DOWNSCALE_STABILIZATION)
    return up, down


# --- without behavior ---


def _stabilize_down(wanted: int, history: History, now: datetime) -> tuple[int, History]:
    recent = _recent(history.recommendations, DOWNSCALE_STABILIZATION, now)
    highest = max((one for one, _ in recent), default=wanted)
    return max(wanted, highest), History((*recent, (wanted, now)), history.ups, history.downs)


def _within_rules(bounds: Bounds, wanted: int) -> tuple[int, tuple[str, str]]:
    fastest = max(UP_FACTOR * bounds.current, UP_MINIMUM)
    most, reason = (fastest, UP_LIMIT) if bounds.maximum > fastest else (bounds.maximum, TOO_MANY)
    if wanted < bounds.minimum:
        return bounds.minimum, TOO_FEW
    if wanted > most:
        return most, reason
    return wanted, WITHIN


# --- with behavior ---


def _stabilize(
    current: int, wanted: int, up: HPAScalingRules, down: HPAScalingRules, history: History, now: datetime
) -> tuple[int, History]:
    """Between the least that was asked for in the window for going up and the most in that for going down."""
    up_window, down_window = up.stabilizationWindowSeconds or 0, down.stabilizationWindowSeconds or 0
    up_cutoff, down_cutoff = now - timedelta(seconds=up_window), now - timedelta(seconds=down_window)
    lowest = min((one for one, at in history.recommendations if at > up_cutoff), default=wanted)
    highest = max((one for one, at in history.recommendations if at > down_cutoff), default=wanted)
    stabilized = max(current, min(wanted, lowest))
    stabilized = min(stabilized, max(wanted, highest))
    recent = _recent(history.recommendations, max(up_window, down_window), now)
    return stabilized, History((*recent, (wanted, now)), history.ups, history.downs)


def _within_rates(
    bounds: Bounds, wanted: int, up: HPAScalingRules, down: HPAScalingRules, history: History, now: datetime
) -> tuple[int, tuple[str, str]]:
    if wanted > bounds.current:
        fastest = max(up_limit(bounds.current, up, history, now), bounds.current)
        most, reason = (fastest, UP_LIMIT) if bounds.maximum > fastest else (bounds.maximum, TOO_MANY)
        if wanted > most:
            return most, reason
    elif wanted < bounds.current:
        fastest = min(down_limit(bounds.current, down, history, now), bounds.current)
        least, reason = (fastest, DOWN_LIMIT) if bounds.minimum < fastest else (bounds.minimum, TOO_FEW)
        if wanted < least:
            return least, reason
    return wanted, WITHIN


def up_limit(current: int, rules: HPAScalingRules, history: History, now: datetime) -> int:
    """The most replicas that the policies allow now: "4 Pods in 60 s" of 10 that were 8 a minute ago allows 12."""
    if rules.selectPolicy == "Disabled":
        return current
    allowed = []
    for policy in rules.policies:
        start = _at_start(current, policy.periodSeconds, history, now)
        if policy.type == "Pods":
            allowed.append(start + policy.value)
        else:
            allowed.append(math.ceil(start * (1 + policy.value / 100)))
    return _select(allowed, rules.selectPolicy == "Min", current)


def down_limit(current: int, rules: HPAScalingRules, history: History, now: datetime) -> int:
    """The fewest replicas that the policies allow now."""
    if rules.selectPolicy == "Disabled":
        return current
    allowed = []
    for policy in rules.policies:
        start = _at_start(current, policy.periodSeconds, history, now)
        if policy.type == "Pods":
            allowed.append(start - policy.value)
        else:
            allowed.append(int(start * (1 - policy.value / 100)))
    return _select(allowed, rules.selectPolicy != "Min", current)


def _at_start(current: int, seconds: int, history: History, now: datetime) -> int:
    """How many replicas there were when the period began."""
    return current - _sum(history.ups, seconds, now) + _sum(history.downs, seconds, now)


def _sum(events: Iterable[At], seconds: int, now: datetime) -> int:
    cutoff = now - timedelta(seconds=seconds)
    return sum(change for change, at in events if at > cutoff)


def _select(allowed: list[int], least: bool, current: int) -> int:
    if not allowed:
        return current
    return min(allowed) if least else max(allowed)
