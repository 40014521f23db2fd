"""Pod templates, as workloads carry them: a Pod's rules, plus what a template may not have."""

from __future__ import annotations

from typing import Any

from podium.machinery import field
from podium.machinery.errors import FieldError
from podium.machinery.field import Path
from podium.models import meta_v1
from podium.models.core_v1 import PodSpec, PodTemplate, PodTemplateSpec
from podium.models.selectors import Selector
from podium.registry.strategies import checks, pod_annotations, pod_defaults, pod_spec, pod_warnings
from podium.registry.strategies.checks import SPEC, Errors
from podium.registry.strategy import Strategy

_TEMPLATE = SPEC.child("template")
MISMATCH = "`selector` does not match template `labels`"


def validate(path: Path, template: PodTemplateSpec) -> Errors:
    errors = validate_metadata(path, template)
    errors += pod_spec.validate(path.child("spec"), template.spec)
    if template.spec.ephemeralContainers:
        why = "ephemeral containers not allowed in pod template"
        errors.append(field.forbidden(path.child("spec", "ephemeralContainers"), why))
    return errors


def validate_metadata(path: Path, template: PodTemplateSpec) -> Errors:
    meta = template.metadata
    errors = checks.labels(path.child("labels"), meta.labels) if meta.labels else []
    if meta.annotations:
        errors += checks.annotation_keys(path.child("annotations"), meta.annotations)
        errors += pod_annotations.validate(path.child("annotations"), meta.annotations, template.spec)
    return errors


def mismatch(path: Path, template: PodTemplateSpec, selector: Selector) -> list[FieldError]:
    """A workload's selector must find the Pods that are made from its template."""
    if selector.empty or selector.matches(template.metadata.labels):
        return []
    return [field.invalid(path.child("metadata", "labels"), template.metadata.labels or None, MISMATCH)]


def for_replicas(path: Path, template: PodTemplateSpec, selector: Selector, kind: str) -> Errors:
    """The template of a workload that keeps Pods running: it matches, and its Pods never end by themselves."""
    return mismatch(path, template, selector) + validate(path, template) + keeps_running(path, template.spec, kind)


def keeps_running(path: Path, spec: PodSpec, kind: str) -> Errors:
    errors: Errors = []
    if spec.restartPolicy != "Always":
        errors.append(field.not_supported(path.child("spec", "restartPolicy"), spec.restartPolicy, ("Always",)))
    if spec.activeDeadlineSeconds is not None:
        why = f"activeDeadlineSeconds in {kind} is not Supported"
        errors.append(field.forbidden(path.child("spec", "activeDeadlineSeconds"), why))
    return errors


def selector(path: Path, given: meta_v1.LabelSelector | None, kind: str) -> Errors:
    """A workload's selector: there, and not everything."""
    if given is None:
        return [field.required(path)]
    errors = checks.label_selector(path, given)
    if checks.empty_selector(given):
        errors.append(field.invalid(path, given, f"empty selector is invalid for {kind}"))
    return errors


def warnings(new: Any, old: Any | None) -> list[str]:
    """Of a workload with its template in spec.template."""
    return pod_warnings.of_template(_TEMPLATE, new.spec.template, None if old is None else old.spec.template)


def _default(obj: PodTemplate) -> None:
    pod_defaults.default_template(obj.template)


STRATEGY = Strategy(
    default=_default,
    validate=lambda obj: validate(Path("template"), obj.template),
    validate_update=lambda new, _old: validate(Path("template"), new.template),
    warnings=lambda new, old: pod_warnings.of_template(Path("template"), new.template, old and old.template),
)
