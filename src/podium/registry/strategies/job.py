"""Jobs and CronJobs: how often a Pod has to succeed, and a template that stays."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from podium.machinery import field, names
from podium.machinery.field import Path
from podium.models import codec
from podium.models.batch_v1 import CronJob, CronJobStatus, Job, JobSpec, JobStatus, PodFailurePolicy
from podium.models.core_v1 import PodTemplateSpec
from podium.models.meta_v1 import LabelSelector
from podium.registry.strategies import checks, pod_defaults, pod_template, pod_warnings
from podium.registry.strategies.checks import METADATA, SPEC, STATUS, Errors
from podium.registry.strategies.replica_set import keep_status, template_warnings
from podium.registry.strategy import Strategy

CONTROLLER_UID = "batch.kubernetes.io/controller-uid"
JOB_NAME = "batch.kubernetes.io/job-name"
_LEGACY_UID = "controller-uid"
_LEGACY_NAME = "job-name"
_BACKOFF_LIMIT = 6
_MOST_INDEXED = 100_000
_IMMUTABLE = ("completionMode", "podFailurePolicy", "backoffLimitPerIndex", "managedBy", "successPolicy")
_COUNTS = (
    "parallelism",
    "completions",
    "activeDeadlineSeconds",
    "backoffLimit",
    "ttlSecondsAfterFinished",
    "backoffLimitPerIndex",
    "maxFailedIndexes",
)
_ACTIONS = ("Count", "FailIndex", "FailJob", "Ignore")


def _default(job: Job) -> None:
    spec = job.spec
    if spec.completions is None and spec.parallelism is None:
        spec.completions = spec.parallelism = 1
    spec.parallelism = 1 if spec.parallelism is None else spec.parallelism
    if spec.backoffLimit is None:
        spec.backoffLimit = _BACKOFF_LIMIT if spec.backoffLimitPerIndex is None else 2**31 - 1
    if not job.metadata.labels and spec.template.metadata.labels:
        job.metadata.labels = dict(spec.template.metadata.labels)
    spec.completionMode = spec.completionMode or "NonIndexed"
    spec.suspend = bool(spec.suspend)
    if not spec.podReplacementPolicy:
        spec.podReplacementPolicy = "TerminatingOrFailed" if spec.podFailurePolicy is None else "Failed"
    _default_spec(spec)


def _default_spec(spec: JobSpec) -> None:
    """What a CronJob's template gets, too."""
    if spec.podFailurePolicy is not None:
        for rule in spec.podFailurePolicy.rules:
            for pattern in rule.onPodConditions:
                pattern.status = pattern.status or "True"
    pod_defaults.default_template(spec.template)


def _prepare_create(job: Job) -> None:
    """A Job finds its Pods by its own uid, unless its author chose a selector."""
    job.status = JobStatus()
    spec, uid = job.spec, job.metadata.uid
    if spec.manualSelector:
        return
    labels = {_LEGACY_UID: uid, CONTROLLER_UID: uid, _LEGACY_NAME: job.metadata.name, JOB_NAME: job.metadata.name}
    spec.template.metadata.labels = {**spec.template.metadata.labels, **labels}
    spec.selector = spec.selector or LabelSelector()
    spec.selector.matchLabels = {**spec.selector.matchLabels, CONTROLLER_UID: uid}


def _validate(job: Job) -> Errors:
    spec = job.spec
    errors = _spec(SPEC, spec)
    where = SPEC.child("selector")
    if spec.selector is None:
        return [*errors, field.required(where)]
    errors += checks.label_selector(where, spec.selector)
    selector = checks.compiled(spec.selector)
    if selector is not None:
        errors += pod_template.mismatch(SPEC.child("template"), spec.template, selector)
    if not spec.manualSelector and spec.selector.matchLabels != {CONTROLLER_UID: job.metadata.uid}:
        errors.append(field.invalid(where, spec.selector, "`selector` not auto-generated"))
    return errors


def _spec(path: Path, spec: JobSpec) -> Errors:
    errors = checks.not_negative(path, spec, *_COUNTS)
    if spec.completionMode:
        errors += checks.enum(path.child("completionMode"), spec.completionMode, ("Indexed", "NonIndexed"))
    if spec.completionMode == "Indexed":
        if spec.completions is None:
            errors.append(field.required(path.child("completions"), "when completion mode is Indexed"))
        if (spec.parallelism or 0) > _MOST_INDEXED:
            why = f"must be less than or equal to {_MOST_INDEXED} when completion mode is Indexed"
            errors.append(field.invalid(path.child("parallelism"), spec.parallelism, why))
    elif spec.backoffLimitPerIndex is not None:
        why = "requires indexed completion mode"
        errors.append(field.invalid(path.child("backoffLimitPerIndex"), spec.backoffLimitPerIndex, why))
    if spec.maxFailedIndexes is not None and spec.backoffLimitPerIndex is None:
        why = "when maxFailedIndexes is specified"
        errors.append(field.required(path.child("backoffLimitPerIndex"), why))
    policies = ("Failed", "TerminatingOrFailed") if spec.podFailurePolicy is None else ("Failed",)
    where = path.child("podReplacementPolicy")
    errors += checks.enum(where, spec.podReplacementPolicy, policies, needed=False)
    if spec.managedBy:
        errors += checks.qualified_name(path.child("managedBy"), spec.managedBy)
    if spec.podFailurePolicy is not None:
        errors += _failure_policy(path.child("podFailurePolicy"), spec.podFailurePolicy)
    if spec.successPolicy is not None and not spec.successPolicy.rules:
        why = "at least one rules must be specified when the successPolicy is specified"
        errors.append(field.required(path.child("successPolicy", "rules"), why))
    errors += pod_template.validate(path.child("template"), spec.template)
    return errors + _restart_policy(path.child("template", "spec", "restartPolicy"), spec)


def _restart_policy(path: Path, spec: JobSpec) -> Errors:
    policy = spec.template.spec.restartPolicy
    if policy in ("", "Always"):
        return [field.required(path, 'valid values: "OnFailure", "Never"')]
    if policy not in ("OnFailure", "Never"):
        return [field.not_supported(path, policy, ("OnFailure", "Never"))]
    if spec.podFailurePolicy is not None and policy != "Never":
        return [field.invalid(path, policy, 'only "Never" is supported when podFailurePolicy is specified')]
    return []


def _failure_policy(path: Path, policy: PodFailurePolicy) -> Errors:
    errors: Errors = []
    for position, rule in enumerate(policy.rules):
        where = path.child("rules").index(position)
        errors += checks.enum(where.child("action"), rule.action, _ACTIONS)
        if rule.onExitCodes is not None:
            errors += checks.enum(where.child("onExitCodes", "operator"), rule.onExitCodes.operator, ("In", "NotIn"))
            if not rule.onExitCodes.values:
                place = where.child("onExitCodes", "values")
                errors.append(field.invalid(place, rule.onExitCodes.values, "at least one value is required"))
            if rule.onPodConditions:
                why = "specifying both OnExitCodes and OnPodConditions is not supported"
                errors.append(field.invalid(where, rule, why))
        elif not rule.onPodConditions:
            why = "specifying one of OnExitCodes and OnPodConditions is required"
            errors.append(field.invalid(where, rule, why))
    return errors


def _validate_update(new: Job, old: Job) -> Errors:
    errors = _validate(new)
    mine, theirs = new.spec, old.spec
    if mine.completions != theirs.completions:
        elastic = theirs.completionMode == "Indexed" and mine.completions == mine.parallelism
        if not elastic:
            errors.append(field.invalid(SPEC.child("completions"), mine.completions, field.IMMUTABLE))
    errors += field.immutable(SPEC.child("selector"), mine.selector, theirs.selector)
    errors += _template_update(mine.template, old)
    for name in _IMMUTABLE:
        errors += field.immutable(SPEC.child(name), getattr(mine, name), getattr(theirs, name))
    return errors


def _template_update(new: PodTemplateSpec, old: Job) -> Errors:
    """Until a suspended Job has started, where its Pods may run can still change."""
    template = codec.copy(new)
    before = old.spec.template
    if old.spec.suspend and old.status.startTime is None:
        for name in ("nodeSelector", "affinity", "tolerations", "schedulingGates"):
            setattr(template.spec, name, getattr(before.spec, name))
        template.metadata.annotations = before.metadata.annotations
        template.metadata.labels = before.metadata.labels
    return [] if template == before else [field.invalid(SPEC.child("template"), new, field.IMMUTABLE)]


def _keep_spec_only(new: Any, old: Any) -> None:
    """Controllers track Jobs in annotations, which they may write together with the status."""
    new.spec = old.spec


def _validate_status(new: Job, _old: Job) -> Errors:
    return checks.not_negative(STATUS, new.status, "active", "succeeded", "failed", "ready", "terminating")


STRATEGY = Strategy(
    default=_default,
    prepare_create=_prepare_create,
    prepare_update=keep_status,
    validate=_validate,
    validate_update=_validate_update,
    prepare_status_update=_keep_spec_only,
    validate_status_update=_validate_status,
    warnings=template_warnings,
)


# --- CronJob ----------------------------------------------------------------------------------------------------

_LONGEST_NAME = 52  # a Job's name gets eleven characters more


def _default_cron(obj: CronJob) -> None:
    spec = obj.spec
    spec.concurrencyPolicy = spec.concurrencyPolicy or "Allow"
    spec.suspend = bool(spec.suspend)
    if spec.successfulJobsHistoryLimit is None:
        spec.successfulJobsHistoryLimit = 3
    if spec.failedJobsHistoryLimit is None:
        spec.failedJobsHistoryLimit = 1
    _default_spec(spec.jobTemplate.spec)


def _prepare_create_cron(obj: CronJob) -> None:
    obj.status = CronJobStatus()


def _validate_cron(obj: CronJob) -> Errors:
    spec = obj.spec
    errors: Errors = []
    if not spec.schedule:
        errors.append(field.required(SPEC.child("schedule")))
    elif "TZ" in spec.schedule:
        why = "cannot use TZ or CRON_TZ in schedule, use timeZone field instead"
        errors.append(field.invalid(SPEC.child("schedule"), spec.schedule, why))
    counts = ("startingDeadlineSeconds", "successfulJobsHistoryLimit", "failedJobsHistoryLimit")
    errors += checks.not_negative(SPEC, spec, *counts)
    policies = ("Allow", "Forbid", "Replace")
    errors += checks.enum(SPEC.child("concurrencyPolicy"), spec.concurrencyPolicy, policies)
    if spec.timeZone:
        errors += _time_zone(SPEC.child("timeZone"), spec.timeZone)
    where = SPEC.child("jobTemplate", "spec")
    if spec.jobTemplate.spec.manualSelector:
        errors.append(field.not_supported(where.child("manualSelector"), True, ("nil", "false")))
    return errors + _spec(where, spec.jobTemplate.spec)


def _time_zone(path: Path, zone: str) -> Errors:
    if zone.lower() == "local":
        why = "timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones"
        return [field.invalid(path, zone, why)]
    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return [field.invalid(path, zone, f"unknown time zone {zone}")]
    return []


def _validate_new_cron(obj: CronJob) -> Errors:
    errors = _validate_cron(obj)
    if len(obj.metadata.name) > _LONGEST_NAME:
        why = f"must be no more than {_LONGEST_NAME} characters"
        errors.append(field.invalid(METADATA.child("name"), obj.metadata.name, why))
    return errors


def _cron_warnings(new: CronJob, old: CronJob | None) -> list[str]:
    template = new.spec.jobTemplate.spec.template
    before = None if old is None else old.spec.jobTemplate.spec.template
    warnings = pod_warnings.of_template(SPEC.child("jobTemplate", "spec", "template"), template, before)
    if old is None and names.dns_label(new.metadata.name):
        warnings.append(
            "metadata.name: this is used in Pod names and hostnames, which can result in surprising behavior; "
            f"a DNS label is recommended: [{', '.join(names.dns_label(new.metadata.name))}]"
        )
    return warnings


CRON_STRATEGY = Strategy(
    default=_default_cron,
    prepare_create=_prepare_create_cron,
    prepare_update=keep_status,
    validate=_validate_new_cron,
    validate_update=lambda new, _old: _validate_cron(new),
    prepare_status_update=_keep_spec_only,
    warnings=_cron_warnings,
)
