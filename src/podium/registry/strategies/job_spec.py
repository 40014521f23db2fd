"""What may be said in the spec of a Job, or of a CronJob's template: counts, policies of failure and success."""

from __future__ import annotations

import contextlib

from podium.machinery import field
from podium.machinery.field import Path
from podium.models.batch_v1 import (
    JobSpec,
    PodFailurePolicyOnExitCodesRequirement,
    PodFailurePolicyOnPodConditionsPattern,
    PodFailurePolicyRule,
    SuccessPolicyRule,
)
from podium.registry.strategies import checks, pod_template
from podium.registry.strategies.checks import Errors

MOST_PARALLEL = 100_000
"""Pods that work on indexes at once."""
MOST_FAILED_INDEXES = 100_000
SOFT_LIMIT = 100_000
"""With more completions than that, what may fail and how much may run at once is limited, so that it can be tracked."""
ABOVE_SOFT_LIMIT = 10_000
_LONGEST_MANAGER = 63
_MOST_RULES = 20
_MOST_PATTERNS = 20
_MOST_EXIT_CODES = 255
_LONGEST_INDEXES = 64 * 1024
_ACTIONS = ("Count", "FailIndex", "FailJob", "Ignore")
_COUNTS = (
    "parallelism",
    "completions",
    "activeDeadlineSeconds",
    "backoffLimit",
    "ttlSecondsAfterFinished",
    "backoffLimitPerIndex",
    "maxFailedIndexes",
)


def validate(path: Path, spec: JobSpec) -> Errors:
    errors = checks.not_negative(path, spec, *_COUNTS)
    if spec.maxFailedIndexes is not None and spec.backoffLimitPerIndex is None:
        why = "when maxFailedIndexes is specified"
        errors.append(field.required(path.child("backoffLimitPerIndex"), why))
    if spec.managedBy:
        errors += _manager(path.child("managedBy"), spec.managedBy)
    if spec.completionMode:
        errors += checks.enum(path.child("completionMode"), spec.completionMode, ("NonIndexed", "Indexed"))
    if spec.completionMode == "Indexed":
        errors += _indexed(path, spec)
    elif spec.completionMode in ("", "NonIndexed"):
        for name in ("backoffLimitPerIndex", "maxFailedIndexes"):
            value = getattr(spec, name)
            if value is not None:
                errors.append(field.invalid(path.child(name), value, "requires indexed completion mode"))
    errors += _failure_policy(path.child("podFailurePolicy", "rules"), spec)
    errors += _success_policy(path.child("successPolicy"), spec)
    policies = ("Failed", "TerminatingOrFailed") if spec.podFailurePolicy is None else ("Failed",)
    where = path.child("podReplacementPolicy")
    errors += checks.enum(where, spec.podReplacementPolicy, policies, needed=False)
    errors += pod_template.validate(path.child("template"), spec.template)
    return errors + _restart_policy(path.child("template", "spec", "restartPolicy"), spec)


def _manager(path: Path, value: str) -> Errors:
    domain, slash, name = value.partition("/")
    errors: Errors = []
    if not slash or not domain or not name:
        errors.append(field.invalid(path, value, 'must be a domain-prefixed path (such as "acme.io/foo")'))
    else:
        errors += checks.dns_subdomain(path, domain)
    if len(value) > _LONGEST_MANAGER:
        errors.append(field.too_long(path, _LONGEST_MANAGER))
    return errors


def _indexed(path: Path, spec: JobSpec) -> Errors:
    errors: Errors = []
    if spec.completions is None:
        errors.append(field.required(path.child("completions"), "when completion mode is Indexed"))
    if (spec.parallelism or 0) > MOST_PARALLEL:
        why = f"must be less than or equal to {MOST_PARALLEL} when completion mode is Indexed"
        errors.append(field.invalid(path.child("parallelism"), spec.parallelism, why))
    failed, where = spec.maxFailedIndexes, path.child("maxFailedIndexes")
    if failed is not None and spec.completions is not None and failed > spec.completions:
        errors.append(field.invalid(where, failed, "must be less than or equal to completions"))
    if failed is not None and failed > MOST_FAILED_INDEXES:
        errors.append(field.invalid(where, failed, f"must be less than or equal to {MOST_FAILED_INDEXES}"))
    if (spec.completions or 0) <= SOFT_LIMIT or spec.backoffLimitPerIndex is None:
        return errors
    if failed is None:
        errors.append(field.required(where, f"must be specified when completions is above {SOFT_LIMIT}"))
    why = (
        f"must be less than or equal to {ABOVE_SOFT_LIMIT} when completions are above {SOFT_LIMIT} "
        "and used with backoff limit per index"
    )
    if (spec.parallelism or 0) > ABOVE_SOFT_LIMIT:
        errors.append(field.invalid(path.child("parallelism"), spec.parallelism, why))
    if failed is not None and failed > ABOVE_SOFT_LIMIT:
        errors.append(field.invalid(where, failed, why))
    return errors


def _restart_policy(path: Path, spec: JobSpec) -> Errors:
    policy = spec.template.spec.restartPolicy
    if policy in ("", "Always"):
        return [field.required(path, 'valid values: "OnFailure", "Never"')]
    if policy not in ("OnFailure", "Never"):
        return [field.not_supported(path, policy, ("OnFailure", "Never"))]
    if spec.podFailurePolicy is not None and policy != "Never":
        return [field.invalid(path, policy, 'only "Never" is supported when podFailurePolicy is specified')]
    return []


def _needed_enum(path: Path, value: str, supported: tuple[str, ...]) -> Errors:
    """One of some values, which are listed if none is given."""
    if not value:
        listed = " ".join(map(field.quote, supported))
        return [field.required(path, f"valid values: [{listed}]")]
    return checks.enum(path, value, supported)


def _failure_policy(path: Path, spec: JobSpec) -> Errors:
    if spec.podFailurePolicy is None:
        return []
    rules = spec.podFailurePolicy.rules
    errors = [field.too_many(path, len(rules), _MOST_RULES)] if len(rules) > _MOST_RULES else []
    pod = spec.template.spec
    containers = {container.name for container in (*pod.containers, *pod.initContainers)}
    for position, rule in enumerate(rules):
        errors += _failure_rule(path.index(position), rule, spec, containers)
    return errors


def _failure_rule(path: Path, rule: PodFailurePolicyRule, spec: JobSpec, containers: set[str]) -> Errors:
    errors = _needed_enum(path.child("action"), rule.action, _ACTIONS)
    if rule.action == "FailIndex" and spec.backoffLimitPerIndex is None:
        why = "requires the backoffLimitPerIndex to be set"
        errors.append(field.invalid(path.child("action"), rule.action, why))
    if rule.onExitCodes is not None:
        errors += _exit_codes(path.child("onExitCodes"), rule.onExitCodes, containers)
    errors += _pod_conditions(path.child("onPodConditions"), rule.onPodConditions)
    if rule.onExitCodes is not None and rule.onPodConditions:
        why = "specifying both OnExitCodes and OnPodConditions is not supported"
        errors.append(field.contradictory(path, why))
    if rule.onExitCodes is None and not rule.onPodConditions:
        why = "specifying one of OnExitCodes and OnPodConditions is required"
        errors.append(field.contradictory(path, why))
    return errors


def _exit_codes(path: Path, required: PodFailurePolicyOnExitCodesRequirement, containers: set[str]) -> Errors:
    errors = _needed_enum(path.child("operator"), required.operator, ("In", "NotIn"))
    if required.containerName and required.containerName not in containers:
        why = "must be one of the container or initContainer names in the pod template"
        errors.append(field.invalid(path.child("containerName"), required.containerName, why))
    values, where = required.values, path.child("values")
    if not values:
        errors.append(field.invalid(where, values, "at least one value is required"))
    elif len(values) > _MOST_EXIT_CODES:
        errors.append(field.too_many(where, len(values), _MOST_EXIT_CODES))
    for position, value in enumerate(values):
        if required.operator == "In" and value == 0:
            errors.append(field.invalid(where.index(position), value, "must not be 0 for the In operator"))
        if value in values[:position]:
            errors.append(field.duplicate(where.index(position), value))
    if list(values) != sorted(values):
        errors.append(field.invalid(where, values, "must be ordered"))
    return errors


def _pod_conditions(path: Path, patterns: tuple[PodFailurePolicyOnPodConditionsPattern, ...]) -> Errors:
    errors = [field.too_many(path, len(patterns), _MOST_PATTERNS)] if len(patterns) > _MOST_PATTERNS else []
    for position, pattern in enumerate(patterns):
        where = path.index(position)
        errors += checks.qualified_name(where.child("type"), pattern.type)
        errors += _needed_enum(where.child("status"), pattern.status, ("False", "True", "Unknown"))
    return errors


def _success_policy(path: Path, spec: JobSpec) -> Errors:
    policy = spec.successPolicy
    if policy is None:
        return []
    if spec.completionMode != "Indexed":
        return [field.invalid(path, policy, "requires indexed completion mode")]
    where = path.child("rules")
    errors: Errors = []
    if not policy.rules:
        why = "at least one rules must be specified when the successPolicy is specified"
        errors.append(field.required(where, why))
    if len(policy.rules) > _MOST_RULES:
        errors.append(field.too_many(where, len(policy.rules), _MOST_RULES))
    if spec.completions is not None:
        for position, rule in enumerate(policy.rules):
            errors += _success_rule(where.index(position), rule, spec.completions)
    return errors


def _success_rule(path: Path, rule: SuccessPolicyRule, completions: int) -> Errors:
    errors: Errors = []
    if rule.succeededCount is None and not rule.succeededIndexes:
        why = "at least one of succeededCount or succeededIndexes must be specified"
        errors.append(field.required(path, why))
    total = 0
    if rule.succeededIndexes:
        where = path.child("succeededIndexes")
        if len(rule.succeededIndexes) > _LONGEST_INDEXES:
            errors.append(field.too_long(where, _LONGEST_INDEXES))
        try:
            total = count_indexes(rule.succeededIndexes, completions)
        except ValueError as problem:
            why = f"error parsing succeededIndexes: {problem}"
            errors.append(field.invalid(where, rule.succeededIndexes, why))
    if rule.succeededCount is not None:
        where = path.child("succeededCount")
        errors += field.not_negative(where, rule.succeededCount)
        if rule.succeededCount > completions:
            why = f"must be less than or equal to {completions} (the number of specified completions)"
            errors.append(field.invalid(where, rule.succeededCount, why))
        if rule.succeededIndexes and rule.succeededCount > total:
            why = (
                f"must be less than or equal to {total} (the number of indexes in the specified succeededIndexes field)"
            )
            errors.append(field.invalid(where, rule.succeededCount, why))
    return errors


def count_indexes(text: str, completions: int) -> int:
    """How many indexes a text such as "1,3-5" names; ValueError says why it is none."""
    last, total = -1, 0
    for part in text.split(",") if text else ():
        first, end = _interval(part, completions)
        if first <= last:
            raise ValueError(f"non-increasing order, previous: {last}, current: {first}")
        last = end
        total += end - first + 1
    return total


def first_of_both(one: str, other: str, completions: int) -> int | None:
    """The lowest index that both texts name; what is malformed names none."""
    mine, theirs = _intervals(one, completions), _intervals(other, completions)
    i = j = 0
    while i < len(mine) and j < len(theirs):
        (first, end), (start, last) = mine[i], theirs[j]
        if first <= last and start <= end:
            return max(first, start)
        i, j = (i + 1, j) if first <= start else (i, j + 1)
    return None


def _intervals(text: str, completions: int) -> list[tuple[int, int]]:
    found = []
    for part in text.split(",") if text else ():
        with contextlib.suppress(ValueError):  # told where the text is validated
            found.append(_interval(part, completions))
    return found


def _interval(part: str, completions: int) -> tuple[int, int]:
    limits = part.split("-")
    if len(limits) > 2:
        raise ValueError(
            f"the fragment {field.quote(part)} violates the requirement that an index interval can have at most "
            "two parts separated by '-'"
        )
    bounds = [_index(limit, completions) for limit in limits]
    if len(bounds) == 2 and bounds[0] >= bounds[1]:
        raise ValueError(f"non-increasing order, previous: {bounds[0]}, current: {bounds[1]}")
    return bounds[0], bounds[-1]


def _index(text: str, completions: int) -> int:
    if not (text.isascii() and text.isdigit()):
        raise ValueError(f"cannot convert string to integer for index: {field.quote(text)}")
    if int(text) >= completions:
        raise ValueError(f"too large index: {field.quote(text)}")
    return int(text)
