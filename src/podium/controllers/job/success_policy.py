"""Whether a Job's successPolicy is met before all indexes have succeeded (KEP-3998)."""

from __future__ import annotations

from podium.controllers.job import indexes
from podium.controllers.job.indexes import Intervals
from podium.models.batch_v1 import SuccessPolicy


def match(policy: SuccessPolicy | None, completions: int, succeeded: Intervals) -> str | None:
    """Which rule is met, in words; None if none is.

    A rule with indexes is met when all of them have succeeded, or `succeededCount` of them. One without is met when
    that many have succeeded, whichever.
    """
    if policy is None or not succeeded:
        return None
    for position, rule in enumerate(policy.rules):
        count = rule.succeededCount
        if rule.succeededIndexes:
            required = indexes.parse(rule.succeededIndexes, completions)
            if not required:
                continue
            there = indexes.overlap(required, succeeded)
            met = there == indexes.total(required) or (count is not None and there >= count)
        else:
            met = count is not None and indexes.total(succeeded) >= count
        if met:
            return f"Matched rules at index {position}"
    return None
