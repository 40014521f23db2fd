"""What may become of a Job's status: the order of its conditions, and what its end promises (KEP-4368).

Whoever writes it, this cluster's controller or the one that spec.managedBy names, clients can rely on it.
"""

from __future__ import annotations

from podium.machinery import field
from podium.models import conditions
from podium.models.batch_v1 import Job, JobStatus
from podium.registry.strategies import checks
from podium.registry.strategies.checks import STATUS, Errors
from podium.registry.strategies.job_spec import count_indexes, first_of_both

_CONDITIONS = STATUS.child("conditions")
_COMPLETED, _FAILED = STATUS.child("completedIndexes"), STATUS.child("failedIndexes")
_UNCOUNTED = STATUS.child("uncountedTerminatedPods")


def validate_update(new: Job, old: Job) -> Errors:
    errors = checks.not_negative(STATUS, new.status, "active", "succeeded", "failed", "ready", "terminating")
    errors += _uncounted(new.status)
    errors += _conditions(new, old)
    if is_finished(new) != is_finished(old) or new.status != old.status:
        errors += _end(new)
    errors += _times(new, old)
    errors += _indexes(new, old)
    return errors + _counters(new, old)


def _is(job: Job, type_: str) -> bool:
    return conditions.is_true(job.status.conditions, type_)


def is_finished(job: Job) -> bool:
    return _is(job, "Complete") or _is(job, "Failed")


def _uncounted(status: JobStatus) -> Errors:
    if status.uncountedTerminatedPods is None:
        return []
    errors: Errors = []
    seen: set[str] = set()
    for name in ("succeeded", "failed"):
        for position, uid in enumerate(getattr(status.uncountedTerminatedPods, name)):
            where = _UNCOUNTED.child(name).index(position)
            if not uid:
                errors.append(field.invalid(where, uid, "must not be empty"))
            elif uid in seen:
                errors.append(field.duplicate(where, uid))
            seen.add(uid)
    return errors


_EXCLUSIVE = (
    ("Complete", "Failed", "cannot set Complete=True and Failed=true conditions"),
    ("Complete", "FailureTarget", "cannot set Complete=True and FailureTarget=true conditions"),
    ("SuccessCriteriaMet", "Failed", "cannot set SuccessCriteriaMet=True and Failed=true conditions"),
    ("SuccessCriteriaMet", "FailureTarget", "cannot set SuccessCriteriaMet=True and FailureTarget=true conditions"),
)
_FIRST = (
    ("Failed", "FailureTarget", "cannot set Failed=True condition without the FailureTarget=true condition"),
    (
        "Complete",
        "SuccessCriteriaMet",
        "cannot set Complete=True condition without the SuccessCriteriaMet=true condition",
    ),
)


def _conditions(new: Job, old: Job) -> Errors:
    """Terminal ones stay, exclude each other, and come after the one that announces them."""
    wrong = [why for one, other, why in _EXCLUSIVE if _is(new, one) and _is(new, other)]
    wrong += [why for last, first, why in _FIRST if _is(new, last) and not _is(new, first)]
    if new.spec.successPolicy is not None and _is(new, "Complete") and not _is(new, "SuccessCriteriaMet"):
        wrong.append("cannot set Complete=True for Job with SuccessPolicy unless SuccessCriteriaMet=True")
    for type_ in ("Failed", "Complete", "FailureTarget"):
        if _is(old, type_) and not _is(new, type_):
            wrong.append(f"cannot disable the terminal {type_}=True condition")
    if _is(old, "SuccessCriteriaMet") and not _is(new, "SuccessCriteriaMet"):
        wrong.append("cannot disable the SuccessCriteriaMet=True condition")
    return [field.contradictory(_CONDITIONS, why) for why in wrong]


def _end(job: Job) -> Errors:
    """When it is over, nothing runs and everything is counted."""
    if not is_finished(job):
        return []
    status = job.status
    errors: Errors = []
    for name in ("active", "terminating"):
        value = getattr(status, name) or 0
        if value > 0:
            errors.append(field.invalid(STATUS.child(name), value, f"{name}>0 is invalid for finished job"))
    never_started = bool(job.spec.suspend) and job.spec.completions == 0
    if status.startTime is None and not never_started:
        errors.append(field.required(STATUS.child("startTime"), "startTime is required for finished job"))
    uncounted = status.uncountedTerminatedPods
    if uncounted is not None and (uncounted.succeeded or uncounted.failed):
        why = "uncountedTerminatedPods needs to be empty for finished job"
        errors.append(field.invalid(_UNCOUNTED, uncounted, why))
    return errors


def _times(new: Job, old: Job) -> Errors:
    started, completed, where = new.status.startTime, new.status.completionTime, STATUS.child("completionTime")
    errors: Errors = []
    if completed is not None and not _is(new, "Complete"):
        why = "cannot set completionTime when there is no Complete=True condition"
        errors.append(field.invalid(where, completed, why))
    if completed is None and _is(new, "Complete"):
        errors.append(field.required(where, "completionTime is required for Complete jobs"))
    if started is not None and completed is not None and completed < started:
        errors.append(field.invalid(where, completed, "completionTime cannot be set before startTime"))
    before = old.status.completionTime
    if completed is not None and before is not None and completed != before:
        errors.append(field.invalid(where, completed, "completionTime cannot be mutated"))
    if old.status.startTime not in (None, started) and not new.spec.suspend and not _was_suspended(old):
        why = "startTime cannot be removed for unsuspended job"
        errors.append(field.required(STATUS.child("startTime"), why))
    return errors


def _was_suspended(job: Job) -> bool:
    """A Job that is resumed starts anew."""
    return _is(job, "Suspended")


def _indexes(new: Job, old: Job) -> Errors:
    """They are as the spec allows, and no index has both succeeded and failed."""
    spec, status, before = new.spec, new.status, old.status
    errors: Errors = []
    if status.completedIndexes != before.completedIndexes:
        errors += _format("completedIndexes", status.completedIndexes, spec.completions)
        if status.completedIndexes and spec.completionMode != "Indexed":
            why = "cannot set non-empty completedIndexes when non-indexed completion mode"
            errors.append(field.invalid(_COMPLETED, status.completedIndexes, why))
    if status.failedIndexes is None:
        return errors
    if status.failedIndexes != before.failedIndexes:
        if spec.backoffLimitPerIndex is None:
            why = "cannot set non-null failedIndexes when backoffLimitPerIndex is null"
            errors.append(field.invalid(_FAILED, status.failedIndexes, why))
        else:
            errors += _format("failedIndexes", status.failedIndexes, spec.completions)
    if (status.completedIndexes, status.failedIndexes) != (before.completedIndexes, before.failedIndexes):
        both = first_of_both(status.completedIndexes, status.failedIndexes, spec.completions or 0)
        if both is not None:
            why = f"failedIndexes and completedIndexes overlap at index: {both}"
            errors.append(field.invalid(_FAILED, status.failedIndexes, why))
    return errors


def _format(name: str, value: str, completions: int | None) -> Errors:
    if completions is None:
        return []
    try:
        count_indexes(value, completions)
    except ValueError as problem:
        return [field.invalid(STATUS.child(name), value, f"error parsing {name}: {problem}")]
    return []


def _counters(new: Job, old: Job) -> Errors:
    errors: Errors = []
    status = new.status
    if (status.ready or 0) > (status.active or 0):
        errors.append(field.invalid(STATUS.child("ready"), status.ready, "cannot set more ready pods than active"))
    elastic = new.spec.completionMode == "Indexed" and new.spec.completions == new.spec.parallelism
    for name in ("failed",) if elastic else ("failed", "succeeded"):
        value, before = getattr(status, name) or 0, getattr(old.status, name) or 0
        if value < before:
            errors.append(field.invalid(STATUS.child(name), value, f"cannot decrease the {name} counter"))
    return errors
