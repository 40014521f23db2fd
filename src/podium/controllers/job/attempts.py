"""How often an index has failed: counted in annotations of its Pods, each Pod handing the count on to its successor."""

from __future__ import annotations

from podium.controllers.job import failure_policy
from podium.models import batch_v1, core_v1
from podium.models.numbers import MOST_IN_32_BITS, natural

FAILURES = "batch.kubernetes.io/job-index-failure-count"
IGNORED = "batch.kubernetes.io/job-index-ignored-failure-count"
"""Failures that the podFailurePolicy says don't count. They delay the next attempt all the same."""


def _count(pod: core_v1.Pod, name: str) -> int:
    return natural(pod.metadata.annotations.get(name, ""), MOST_IN_32_BITS) or 0


def failures(pod: core_v1.Pod) -> int:
    """How often its index had failed before this Pod."""
    return _count(pod, FAILURES)


def all_failures(pod: core_v1.Pod) -> int:
    return _count(pod, FAILURES) + _count(pod, IGNORED)


def for_successor(job: batch_v1.Job, replaced: core_v1.Pod | None) -> dict[str, str]:
    """The annotations of the Pod that is tried next."""
    if replaced is None:
        return {FAILURES: "0"}
    counted, ignored = _count(replaced, FAILURES), _count(replaced, IGNORED)
    if failure_policy.match(job.spec.podFailurePolicy, replaced).counts:
        counted += 1
    else:
        ignored += 1
    result = {FAILURES: str(counted)}
    if ignored:
        result[IGNORED] = str(ignored)
    return result
