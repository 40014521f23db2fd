"""CronJobs: a Job's template, and when to use it."""

from __future__ import annotations

import re

from podium.machinery import cron, field
from podium.machinery.field import Path
from podium.models.batch_v1 import CronJob, CronJobStatus
from podium.registry.strategies import checks, job_spec
from podium.registry.strategies.checks import METADATA, SPEC, Errors
from podium.registry.strategies.job import default_spec, name_warnings, spec_warnings
from podium.registry.strategy import Strategy, keep_only_spec, keep_status

_LONGEST_NAME = 52
"""A Job's name gets eleven characters more."""
_POLICIES = ("Allow", "Forbid", "Replace")
_JOB_SPEC = SPEC.child("jobTemplate", "spec")
_ZONE_PART = re.compile(r"[A-Za-z._0-9+-]{1,14}")


def _default(obj: CronJob) -> None:
    spec = obj.spec
    spec.concurrencyPolicy = spec.concurrencyPolicy or "Allow"
    spec.suspend = bool(spec.suspend)
    if spec.successfulJobsHistoryLimit is None:
        spec.successfulJobsHistoryLimit = 3
    if spec.failedJobsHistoryLimit is None:
        spec.failedJobsHistoryLimit = 1
    default_spec(spec.jobTemplate.spec)


def _prepare_create(obj: CronJob) -> None:
    obj.status = CronJobStatus()


def _validate(obj: CronJob, old: CronJob | None = None) -> Errors:
    spec = obj.spec
    errors = _schedule(SPEC.child("schedule"), spec.schedule)
    errors += checks.not_negative(SPEC, spec, "startingDeadlineSeconds")
    if spec.timeZone and (old is None or old.spec.timeZone != spec.timeZone):
        errors += _time_zone(SPEC.child("timeZone"), spec.timeZone)
    errors += checks.enum(SPEC.child("concurrencyPolicy"), spec.concurrencyPolicy, _POLICIES)
    errors += job_spec.validate(_JOB_SPEC, spec.jobTemplate.spec)
    selector = spec.jobTemplate.spec.selector
    if selector is not None:
        errors.append(field.invalid(_JOB_SPEC.child("selector"), selector, "`selector` will be auto-generated"))
    if spec.jobTemplate.spec.manualSelector:
        errors.append(field.not_supported(_JOB_SPEC.child("manualSelector"), True, ("nil", "false")))
    return errors + checks.not_negative(SPEC, spec, "successfulJobsHistoryLimit", "failedJobsHistoryLimit")


def _schedule(path: Path, text: str) -> Errors:
    if not text:
        return [field.required(path)]
    errors: Errors = []
    try:
        cron.parse(re.sub(r"^(CRON_)?TZ=\S* +", "", text))
    except cron.CronError as problem:
        errors.append(field.invalid(path, text, str(problem)))
    if "TZ" in text:
        why = "cannot use TZ or CRON_TZ in schedule, use timeZone field instead"
        errors.append(field.invalid(path, text, why))
    return errors


def _time_zone(path: Path, zone: str) -> Errors:
    parts = zone.split("/")
    if any(part in (".", "..") or part.startswith("-") or not _ZONE_PART.fullmatch(part) for part in parts):
        return [field.invalid(path, zone, f"unknown time zone {zone}")]
    if zone.lower() == "local":
        why = "timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones"
        return [field.invalid(path, zone, why)]
    try:
        cron.zone(zone)
    except cron.UnknownTimeZone as problem:
        return [field.invalid(path, zone, str(problem))]
    return []


def _validate_new(obj: CronJob) -> Errors:
    errors = _validate(obj)
    if len(obj.metadata.name) > _LONGEST_NAME:
        why = f"must be no more than {_LONGEST_NAME} characters"
        errors.append(field.invalid(METADATA.child("name"), obj.metadata.name, why))
    return errors


def _warnings(new: CronJob, old: CronJob | None) -> list[str]:
    named = name_warnings(new.metadata.name) if old is None else []
    before = None if old is None else old.spec.jobTemplate.spec
    return named + spec_warnings(_JOB_SPEC, new.spec.jobTemplate.spec, before)


STRATEGY = Strategy(
    default=_default,
    prepare_create=_prepare_create,
    prepare_update=keep_status,
    validate=_validate_new,
    validate_update=_validate,
    prepare_status_update=keep_only_spec,
    warnings=_warnings,
)
