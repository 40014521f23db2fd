"""MutatingWebhookConfigurations and ValidatingWebhookConfigurations: who is asked about which requests."""

from __future__ import annotations

from typing import Any

from podium.machinery import field, names
from podium.machinery.field import Path
from podium.models.admissionregistration_v1 import MutatingWebhook, ValidatingWebhook
from podium.models.meta_v1 import LabelSelector
from podium.registry.strategies import checks
from podium.registry.strategies.checks import Errors
from podium.registry.strategy import Strategy

_HTTPS = 443
Webhook = ValidatingWebhook | MutatingWebhook


def _default(obj: Any) -> None:
    for hook in obj.webhooks:
        hook.failurePolicy = hook.failurePolicy or "Fail"
        hook.matchPolicy = hook.matchPolicy or "Equivalent"
        hook.timeoutSeconds = 10 if hook.timeoutSeconds is None else hook.timeoutSeconds
        hook.namespaceSelector = hook.namespaceSelector or LabelSelector()
        hook.objectSelector = hook.objectSelector or LabelSelector()
        if isinstance(hook, MutatingWebhook):
            hook.reinvocationPolicy = hook.reinvocationPolicy or "Never"
        for rule in hook.rules:
            rule.scope = rule.scope or "*"
        if hook.clientConfig.service is not None and hook.clientConfig.service.port is None:
            hook.clientConfig.service.port = _HTTPS


def _validate(obj: Any) -> Errors:
    errors: Errors = []
    seen: set[str] = set()
    for position, hook in enumerate(obj.webhooks):
        where = Path("webhooks").index(position)
        errors += _webhook(where, hook)
        if hook.name in seen:
            errors.append(field.duplicate(where.child("name"), hook.name))
        seen.add(hook.name)
    return errors


def _webhook(path: Path, hook: Webhook) -> Errors:
    errors = _qualified(path.child("name"), hook.name)
    if not hook.admissionReviewVersions:
        why = "must specify one of v1, v1beta1"
        errors.append(field.required(path.child("admissionReviewVersions"), why))
    errors += checks.enum(path.child("failurePolicy"), hook.failurePolicy, ("Fail", "Ignore"), needed=False)
    errors += checks.enum(path.child("matchPolicy"), hook.matchPolicy, ("Equivalent", "Exact"), needed=False)
    if not hook.sideEffects:
        errors.append(field.required(path.child("sideEffects"), "must specify one of None, NoneOnDryRun"))
    elif hook.sideEffects not in ("None", "NoneOnDryRun"):
        errors.append(field.not_supported(path.child("sideEffects"), hook.sideEffects, ("None", "NoneOnDryRun")))
    if hook.timeoutSeconds is not None and not 1 <= hook.timeoutSeconds <= 30:
        why = "the timeout value must be between 1 and 30 seconds"
        errors.append(field.invalid(path.child("timeoutSeconds"), hook.timeoutSeconds, why))
    for name in ("namespaceSelector", "objectSelector"):
        errors += checks.label_selector(path.child(name), getattr(hook, name))
    for position, rule in enumerate(hook.rules):
        where = path.child("rules").index(position)
        errors += checks.needed(where, rule, "operations", "apiGroups", "apiVersions", "resources")
    config, where = hook.clientConfig, path.child("clientConfig")
    if bool(config.url) == (config.service is not None):
        errors.append(field.required(where, "exactly one of url or service is required"))
    elif config.url and not config.url.startswith("https://"):
        why = "'https' is the only allowed URL scheme; desired format: https://host[/path]"
        errors.append(field.invalid(where.child("url"), config.url, why))
    elif config.service is not None:
        errors += checks.needed(where.child("service"), config.service, "name", "namespace")
    return errors


def _qualified(path: Path, name: str) -> Errors:
    if not name:
        return [field.required(path)]
    errors = field.each(path, name, names.dns_subdomain(name))
    if len(name.split(".")) < 3:
        errors.append(field.invalid(path, name, "should be a domain with at least three segments separated by dots"))
    return errors


STRATEGY = Strategy(
    default=_default,
    validate=_validate,
    validate_update=lambda new, _old: _validate(new),
    update_unconditional=False,
)
