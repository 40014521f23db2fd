"""Admission webhooks, admission policies and their bindings as tables."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from podium.registry.columns.base import AGE, NAME, UNSET, Cells, Columns, age, number, selector, text

WEBHOOKS = Columns(
    (NAME, number("Webhooks", "How many there are"), AGE),
    lambda obj, now: [obj.metadata.name, len(obj.webhooks), age(obj, now)],
)


def _kind(param: Any) -> str:
    return UNSET if param is None else f"{param.apiVersion}/{param.kind}"


VALIDATING_POLICIES = Columns(
    (
        NAME,
        number("Validations", "How many rules it has"),
        text("ParamKind", "Kind of its parameters"),
        AGE,
    ),
    lambda obj, now: [obj.metadata.name, len(obj.spec.validations), _kind(obj.spec.paramKind), age(obj, now)],
)
MUTATING_POLICIES = Columns(
    (NAME, number("Mutations", "How many changes it makes"), text("ParamKind", "Kind of its parameters"), AGE),
    lambda obj, now: [obj.metadata.name, len(obj.spec.mutations), _kind(obj.spec.paramKind), age(obj, now)],
)


def _policy_binding(obj: Any, now: datetime) -> Cells:
    ref = obj.spec.paramRef
    shown = UNSET
    if ref is not None:
        shown = "/".join(filter(None, (ref.namespace or "*", ref.name))) if ref.name else selector(ref.selector)
    return [obj.metadata.name, obj.spec.policyName, shown, age(obj, now)]


POLICY_BINDINGS = Columns(
    (NAME, text("PolicyName", "Which policy it applies"), text("ParamRef", "Its parameters"), AGE), _policy_binding
)
