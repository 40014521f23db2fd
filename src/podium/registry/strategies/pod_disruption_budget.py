"""PodDisruptionBudgets: how many Pods must stay, or may go, never both."""

from __future__ import annotations

from podium.machinery import field
from podium.models.policy_v1 import PodDisruptionBudget, PodDisruptionBudgetStatus
from podium.registry.strategies import checks
from podium.registry.strategies.checks import SPEC, STATUS, Errors
from podium.registry.strategy import Strategy, keep_only_spec, keep_status


def _prepare_create(obj: PodDisruptionBudget) -> None:
    obj.status = PodDisruptionBudgetStatus(currentHealthy=0, desiredHealthy=0, disruptionsAllowed=0, expectedPods=0)


def _validate(obj: PodDisruptionBudget) -> Errors:
    spec = obj.spec
    errors: Errors = []
    if spec.minAvailable is not None and spec.maxUnavailable is not None:
        errors.append(field.invalid(SPEC, spec, "minAvailable and maxUnavailable cannot be both set"))
    for name in ("minAvailable", "maxUnavailable"):
        value = getattr(spec, name)
        if value is not None:
            errors += checks.int_or_percent(SPEC.child(name), value)
            errors += checks.not_more_than_100_percent(SPEC.child(name), value)
    errors += checks.label_selector(SPEC.child("selector"), spec.selector)
    policies = ("AlwaysAllow", "IfHealthyBudget")
    where = SPEC.child("unhealthyPodEvictionPolicy")
    return errors + checks.enum(where, spec.unhealthyPodEvictionPolicy, policies, needed=False)


def _validate_status(new: PodDisruptionBudget, _old: PodDisruptionBudget) -> Errors:
    counts = ("disruptionsAllowed", "currentHealthy", "desiredHealthy", "expectedPods")
    return checks.not_negative(STATUS, new.status, *counts)


STRATEGY = Strategy(
    prepare_create=_prepare_create,
    prepare_update=keep_status,
    validate=_validate,
    validate_update=lambda new, _old: _validate(new),
    prepare_status_update=keep_only_spec,
    validate_status_update=_validate_status,
    update_unconditional=False,
)
