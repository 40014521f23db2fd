"""Jobs: how often a Pod has to succeed. What their spec may say is in job_spec.py, their status in job_status.py."""

from __future__ import annotations

from podium.machinery import field, names
from podium.models import codec, conditions
from podium.models.batch_v1 import Job, JobSpec, JobStatus
from podium.models.core_v1 import Affinity, Container, PodTemplateSpec
from podium.models.meta_v1 import LabelSelector
from podium.registry.strategies import checks, job_spec, job_status, pod_defaults, pod_template, pod_warnings
from podium.registry.strategies.checks import METADATA, SPEC, Errors
from podium.registry.strategy import Strategy, keep_only_spec, keep_status

CONTROLLER_UID = "batch.kubernetes.io/controller-uid"
JOB_NAME = "batch.kubernetes.io/job-name"
_LEGACY_UID = "controller-uid"
_LEGACY_NAME = "job-name"
_BACKOFF_LIMIT = 6
_IMMUTABLE = ("completionMode", "podFailurePolicy", "backoffLimitPerIndex", "managedBy", "successPolicy")
_TEMPLATE = SPEC.child("template")
UNTRACKABLE = (
    "In Indexed Jobs with a number of completions higher than 10^5 and a parallelism higher than 10^4, Kubernetes "
    "might not be able to track completedIndexes when a big number of indexes fail"
)


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
    spec.manualSelector = bool(spec.manualSelector)
    if not spec.podReplacementPolicy:
        spec.podReplacementPolicy = "TerminatingOrFailed" if spec.podFailurePolicy is None else "Failed"
    default_spec(spec)


def default_spec(spec: JobSpec) -> None:
    """What a CronJob's template gets, too."""
    if spec.podFailurePolicy is not None:
        for rule in spec.podFailurePolicy.rules:
            for pattern in rule.onPodConditions:
                pattern.status = pattern.status or "True"
    pod_defaults.default_template(spec.template)


def _generated_labels(job: Job) -> dict[str, str]:
    uid, name = job.metadata.uid, job.metadata.name
    return {_LEGACY_UID: uid, _LEGACY_NAME: name, CONTROLLER_UID: uid, JOB_NAME: name}


def _prepare_create(job: Job) -> None:
    """A Job finds its Pods by its own uid, unless its author chose a selector. Labels of the author's that contradict
    are left for validation to refuse."""
    job.status = JobStatus()
    spec, uid = job.spec, job.metadata.uid
    if spec.manualSelector:
        return
    spec.template.metadata.labels = {**_generated_labels(job), **spec.template.metadata.labels}
    spec.selector = spec.selector or LabelSelector()
    spec.selector.matchLabels = {CONTROLLER_UID: uid, **spec.selector.matchLabels}


def _validate(job: Job) -> Errors:
    spec = job.spec
    errors = _generated(job) + job_spec.validate(SPEC, spec)
    where = SPEC.child("selector")
    if spec.selector is None:
        errors.append(field.required(where))
    errors += checks.label_selector(where, spec.selector)
    selector = checks.compiled(spec.selector)
    if selector is not None and spec.selector is not None:
        errors += pod_template.mismatch(_TEMPLATE, spec.template, selector)
    return errors + _hostname(job)


def _generated(job: Job) -> Errors:
    spec = job.spec
    if spec.manualSelector or spec.selector is None:
        return []
    labels, where = _generated_labels(job), _TEMPLATE.child("metadata", "labels")
    there = spec.template.metadata.labels
    errors: Errors = []
    for key, value in labels.items():
        if key not in there:
            errors.append(field.required(where.key(key), f"must be '{value}'"))
        elif there[key] != value:
            errors.append(field.invalid(where.key(key), there, f"must be '{value}'"))
    selector = checks.compiled(spec.selector)
    if selector is not None and not selector.matches(labels):
        errors.append(field.invalid(SPEC.child("selector"), spec.selector, "`selector` not auto-generated"))
    return errors


def _hostname(job: Job) -> Errors:
    """The Pod of the highest index has the longest hostname."""
    name, completions = job.metadata.name, job.spec.completions
    if job.spec.completionMode != "Indexed" or not completions:
        return []
    longest = f"{name}-{completions - 1}"
    if not names.dns_label(longest):
        return []
    why = f"will not able to create pod with invalid DNS label: {longest}"
    return [field.invalid(METADATA.child("name"), name, why)]


def _validate_update(new: Job, old: Job) -> Errors:
    errors = _validate(new)
    mine, theirs = new.spec, old.spec
    where = SPEC.child("completions")
    if mine.completionMode != "Indexed":
        errors += field.immutable(where, mine.completions, theirs.completions)
    elif mine.completions not in (None, theirs.completions, mine.parallelism):
        why = f"can only be modified in tandem with {SPEC.child('parallelism')}"
        errors.append(field.invalid(where, mine.completions, why))
    errors += field.immutable(SPEC.child("selector"), mine.selector, theirs.selector)
    errors += _template_update(mine.template, old)
    for name in _IMMUTABLE:
        errors += field.immutable(SPEC.child(name), getattr(mine, name), getattr(theirs, name))
    return errors


def _template_update(new: PodTemplateSpec, old: Job) -> Errors:
    """While a Job is suspended and none of its Pods is left, where they may run and what they need can be changed."""
    before = old.spec.template
    if new == before:
        return []
    template = codec.copy(new)
    if _is_at_rest(old):
        template.metadata.annotations, template.metadata.labels = before.metadata.annotations, before.metadata.labels
        for name in ("nodeSelector", "tolerations", "schedulingGates"):
            setattr(template.spec, name, getattr(before.spec, name))
        template.spec.affinity = _with_node_affinity(template.spec.affinity, before.spec.affinity)
        template.spec.containers = _with_resources(template.spec.containers, before.spec.containers)
        template.spec.initContainers = _with_resources(template.spec.initContainers, before.spec.initContainers)
    return [] if template == before else [field.invalid(_TEMPLATE, new, field.IMMUTABLE)]


def _is_at_rest(job: Job) -> bool:
    status = job.status
    stopped = status.startTime is None or conditions.is_true(status.conditions, "Suspended")
    return bool(job.spec.suspend) and stopped and not status.active


def _with_node_affinity(new: Affinity | None, old: Affinity | None) -> Affinity | None:
    """The new affinity, with the old one's rules about nodes."""
    wanted = None if old is None else old.nodeAffinity
    result = Affinity() if new is None else new
    result.nodeAffinity = wanted
    return old if result == (old or Affinity()) else result


def _with_resources(new: tuple[Container, ...], old: tuple[Container, ...]) -> tuple[Container, ...]:
    """The new containers, with what the old ones of the same names need."""
    resources = {container.name: container.resources for container in old}
    for container in new:
        container.resources = resources.get(container.name, container.resources)
    return new


def spec_warnings(path: field.Path, new: JobSpec, old: JobSpec | None) -> list[str]:
    warnings = []
    many = (new.completions or 0) > job_spec.SOFT_LIMIT and (new.parallelism or 0) > job_spec.ABOVE_SOFT_LIMIT
    if new.completionMode == "Indexed" and many:
        warnings.append(f"{path}: {UNTRACKABLE}")
    before = None if old is None else old.template
    return warnings + pod_warnings.of_template(path.child("template"), new.template, before)


def name_warnings(name: str) -> list[str]:
    problems = names.dns_label(name)
    if not problems:
        return []
    return [
        "metadata.name: this is used in Pod names and hostnames, which can result in surprising behavior; "
        f"a DNS label is recommended: [{', '.join(problems)}]"
    ]


def _warnings(new: Job, old: Job | None) -> list[str]:
    named = name_warnings(new.metadata.name) if old is None else []
    return named + spec_warnings(SPEC, new.spec, None if old is None else old.spec)


STRATEGY = Strategy(
    default=_default,
    prepare_create=_prepare_create,
    prepare_update=keep_status,
    validate=_validate,
    validate_update=_validate_update,
    prepare_status_update=keep_only_spec,
    validate_status_update=job_status.validate_update,
    warnings=_warnings,
)
