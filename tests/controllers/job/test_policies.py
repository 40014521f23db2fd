"""podFailurePolicy and successPolicy: which rule decides."""

from __future__ import annotations

import pytest

from podium.controllers.job import failure_policy, indexes, success_policy
from podium.models import core_v1
from podium.models.batch_v1 import (
    PodFailurePolicy,
    PodFailurePolicyOnExitCodesRequirement,
    PodFailurePolicyOnPodConditionsPattern,
    PodFailurePolicyRule,
    SuccessPolicy,
    SuccessPolicyRule,
)
from tests.controllers.job.build import pod


def on_exit(action: str, *values: int, operator: str = "In", container: str = "") -> PodFailurePolicyRule:
    codes = PodFailurePolicyOnExitCodesRequirement(containerName=container, operator=operator, values=values)
    return PodFailurePolicyRule(action=action, onExitCodes=codes)


def on_condition(action: str, type_: str, status: str = "True") -> PodFailurePolicyRule:
    pattern = PodFailurePolicyOnPodConditionsPattern(type=type_, status=status)
    return PodFailurePolicyRule(action=action, onPodConditions=(pattern,))


EXIT_42 = pod("p", "Failed", exit_code=42)
EVICTED = pod("p", "Failed", exit_code=137, conditions=(("DisruptionTarget", "True"),))


@pytest.mark.parametrize(
    ("rules", "failed", "action", "counts"),
    [
        ([], EXIT_42, "", True),
        ([on_exit("FailJob", 42)], EXIT_42, "FailJob", True),
        ([on_exit("FailJob", 1, 42)], EXIT_42, "FailJob", True),
        ([on_exit("FailJob", 1)], EXIT_42, "", True),
        ([on_exit("Ignore", 42)], EXIT_42, "Ignore", False),
        ([on_exit("Count", 42), on_exit("FailJob", 42)], EXIT_42, "Count", True),
        ([on_exit("FailIndex", 42)], EXIT_42, "FailIndex", True),
        ([on_exit("FailJob", 1, operator="NotIn")], EXIT_42, "FailJob", True),
        ([on_exit("FailJob", 42, operator="NotIn")], EXIT_42, "", True),
        ([on_exit("FailJob", 42, container="main")], EXIT_42, "FailJob", True),
        ([on_exit("FailJob", 42, container="other")], EXIT_42, "", True),
        # success never matches, not even NotIn
        ([on_exit("FailJob", 1, operator="NotIn")], pod("p", "Failed", exit_code=0), "", True),
        ([on_exit("Ignore", 3)], pod("p", "Failed", exit_code=0, init_exit_code=3), "Ignore", False),
        ([on_condition("Ignore", "DisruptionTarget")], EVICTED, "Ignore", False),
        ([on_condition("Ignore", "DisruptionTarget", "False")], EVICTED, "", True),
        ([on_condition("Ignore", "DisruptionTarget"), on_exit("FailJob", 137)], EVICTED, "Ignore", False),
        ([on_exit("FailJob", 137), on_condition("Ignore", "DisruptionTarget")], EVICTED, "FailJob", True),
    ],
)
def test_the_first_rule_that_matches_decides(
    rules: list[PodFailurePolicyRule], failed: core_v1.Pod, action: str, counts: bool
) -> None:
    match = failure_policy.match(PodFailurePolicy(rules=tuple(rules)), failed)
    assert (match.action, match.counts) == (action, counts)


def test_why_the_job_fails() -> None:
    policy = PodFailurePolicy(rules=(on_exit("Ignore", 1), on_exit("FailJob", 42)))
    expected = "Container main for pod default/p failed with exit code 42 matching FailJob rule at index 1"
    assert failure_policy.match(policy, EXIT_42).message == expected
    policy = PodFailurePolicy(rules=(on_condition("FailJob", "DisruptionTarget"),))
    expected = "Pod default/p has condition DisruptionTarget matching FailJob rule at index 0"
    assert failure_policy.match(policy, EVICTED).message == expected
    assert failure_policy.match(None, EXIT_42).counts


@pytest.mark.parametrize(
    ("rules", "succeeded", "met"),
    [
        ([("", 2)], "0,5", 0),
        ([("", 3)], "0,5", None),
        ([("0,5", None)], "0-5", 0),
        ([("0,5", None)], "0-4", None),
        ([("0-3", 2)], "2-3", 0),
        ([("0-3", 2)], "3-9", None),
        ([("0-3", None), ("", 2)], "8,9", 1),
        ([("", 0)], "", None),  # nothing is met before something has succeeded
        ([("20", None)], "0-9", None),  # no such index
    ],
)
def test_success_policy(rules: list[tuple[str, int | None]], succeeded: str, met: int | None) -> None:
    policy = SuccessPolicy(
        rules=tuple(SuccessPolicyRule(succeededIndexes=which, succeededCount=count) for which, count in rules)
    )
    message = success_policy.match(policy, 10, indexes.parse(succeeded, 10))
    assert message == (None if met is None else f"Matched rules at index {met}")
    assert success_policy.match(None, 10, indexes.parse(succeeded, 10)) is None
