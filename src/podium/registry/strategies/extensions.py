"""What extends the API: custom resources, aggregated APIs, admission webhooks and policies."""

from __future__ import annotations

from typing import Any

from podium.machinery import field, names
from podium.machinery.field import Path
from podium.models.admissionregistration_v1 import (
    MutatingAdmissionPolicy,
    MutatingWebhook,
    ValidatingAdmissionPolicy,
    ValidatingAdmissionPolicyBinding,
    ValidatingAdmissionPolicyStatus,
    ValidatingWebhook,
)
from podium.models.apiextensions_v1 import (
    CustomResourceConversion,
    CustomResourceDefinition,
    CustomResourceDefinitionNames,
    CustomResourceDefinitionStatus,
)
from podium.models.apiregistration_v1 import APIService, APIServiceCondition, APIServiceStatus
from podium.models.meta_v1 import LabelSelector
from podium.registry.strategies import checks
from podium.registry.strategies.checks import METADATA, SPEC, Errors
from podium.registry.strategies.replica_set import keep_status
from podium.registry.strategy import Strategy, keep_spec

_HTTPS = 443


# --- CustomResourceDefinition -----------------------------------------------------------------------------------


def _default_definition(obj: CustomResourceDefinition) -> None:
    spec = obj.spec
    spec.scope = spec.scope or ""
    spec.names.singular = spec.names.singular or spec.names.kind.lower()
    if spec.names.kind and not spec.names.listKind:
        spec.names.listKind = f"{spec.names.kind}List"
    spec.conversion = spec.conversion or CustomResourceConversion(strategy="None")
    webhook = spec.conversion.webhook
    if webhook is not None and webhook.clientConfig is not None and webhook.clientConfig.service is not None:
        webhook.clientConfig.service.port = webhook.clientConfig.service.port or _HTTPS


def _prepare_definition(obj: CustomResourceDefinition) -> None:
    stored = tuple(version.name for version in obj.spec.versions if version.storage)
    obj.status = CustomResourceDefinitionStatus(acceptedNames=CustomResourceDefinitionNames(), storedVersions=stored)


def _prepare_definition_update(new: CustomResourceDefinition, old: CustomResourceDefinition) -> None:
    new.status = old.status
    stored = [version.name for version in new.spec.versions if version.storage]
    missing = tuple(name for name in stored if name not in old.status.storedVersions)
    if missing:
        new.status = type(old.status)(**{name: getattr(old.status, name) for name in old.status.__struct_fields__})
        new.status.storedVersions = (*old.status.storedVersions, *missing)


def _validate_definition(obj: CustomResourceDefinition) -> Errors:
    spec = obj.spec
    errors: Errors = []
    wanted = f"{spec.names.plural}.{spec.group}"
    if obj.metadata.name != wanted:
        why = 'must be spec.names.plural+"."+spec.group'
        errors.append(field.invalid(METADATA.child("name"), obj.metadata.name, why))
    if not spec.group:
        errors.append(field.required(SPEC.child("group")))
    else:
        errors += checks.dns_subdomain(SPEC.child("group"), spec.group)
        if "." not in spec.group:
            errors.append(field.invalid(SPEC.child("group"), spec.group, "should be a domain with at least one dot"))
    errors += checks.enum(SPEC.child("scope"), spec.scope, ("Cluster", "Namespaced"))
    errors += _versions(obj)
    for name in ("plural", "singular", "kind", "listKind"):
        value, where = getattr(spec.names, name), SPEC.child("names", name)
        if not value:
            errors.append(field.required(where))
        else:
            errors += field.each(where, value, names.dns_label_1035(value.lower()))
    for position, short in enumerate(spec.names.shortNames):
        errors += field.each(SPEC.child("names", "shortNames").index(position), short, names.dns_label_1035(short))
    if spec.names.kind and spec.names.kind == spec.names.listKind:
        where = SPEC.child("names", "listKind")
        errors.append(field.invalid(where, spec.names.listKind, "kind and listKind may not be the same"))
    return errors


def _versions(obj: CustomResourceDefinition) -> Errors:
    where = SPEC.child("versions")
    versions = obj.spec.versions
    if not versions:
        return [field.invalid(where, versions, "must have exactly one version marked as storage version")]
    errors: Errors = []
    seen: set[str] = set()
    for position, version in enumerate(versions):
        errors += field.each(where.index(position).child("name"), version.name, names.dns_label_1035(version.name))
        if version.name in seen:
            errors.append(field.invalid(where, versions, "must contain unique version names"))
        seen.add(version.name)
        if version.schema is None or version.schema.openAPIV3Schema is None:
            place = where.index(position).child("schema", "openAPIV3Schema")
            errors.append(field.required(place, "schemas are required"))
    if sum(version.storage for version in versions) != 1:
        errors.append(field.invalid(where, versions, "must have exactly one version marked as storage version"))
    return errors


def _validate_definition_update(new: CustomResourceDefinition, old: CustomResourceDefinition) -> Errors:
    errors = _validate_definition(new)
    errors += field.immutable(SPEC.child("group"), new.spec.group, old.spec.group)
    errors += field.immutable(SPEC.child("names", "plural"), new.spec.names.plural, old.spec.names.plural)
    errors += field.immutable(SPEC.child("scope"), new.spec.scope, old.spec.scope)
    return errors + field.immutable(SPEC.child("names", "kind"), new.spec.names.kind, old.spec.names.kind)


DEFINITION_STRATEGY = Strategy(
    default=_default_definition,
    prepare_create=_prepare_definition,
    prepare_update=_prepare_definition_update,
    validate=_validate_definition,
    validate_update=_validate_definition_update,
    prepare_status_update=keep_spec,
    update_unconditional=False,
)


# --- APIService -------------------------------------------------------------------------------------------------


def _default_service(obj: APIService) -> None:
    if obj.spec.service is not None and obj.spec.service.port is None:
        obj.spec.service.port = _HTTPS


def _prepare_service(obj: APIService) -> None:
    obj.status = APIServiceStatus()
    if obj.spec.service is None:
        available = APIServiceCondition(
            type="Available",
            status="True",
            reason="Local",
            message="Local APIServices are always available",
            lastTransitionTime=obj.metadata.creationTimestamp,
        )
        obj.status.conditions = (available,)


def _validate_service(obj: APIService) -> Errors:
    spec = obj.spec
    errors: Errors = []
    wanted = f"{spec.version}.{spec.group}"
    if obj.metadata.name != wanted:
        why = f'must be `spec.version+"."+spec.group`: "{wanted}"'
        errors.append(field.invalid(METADATA.child("name"), obj.metadata.name, why))
    if spec.group == "" and spec.version != "v1":
        errors.append(
            field.required(SPEC.child("group"), "only v1 may have an empty group and it better be legacy kube")
        )
    if spec.group:
        errors += field.each(SPEC.child("group"), spec.group, names.dns_subdomain(spec.group))
    errors += field.each(SPEC.child("version"), spec.version, names.dns_label_1035(spec.version))
    for name, limit in (("groupPriorityMinimum", 20000), ("versionPriority", 1000)):
        value = getattr(spec, name)
        if not 0 < value <= limit:
            errors.append(field.invalid(SPEC.child(name), value, f"must be positive and less than {limit}"))
    return errors + (_local_service(obj) if spec.service is None else _remote_service(obj))


def _local_service(obj: APIService) -> Errors:
    spec = obj.spec
    errors: Errors = []
    if spec.caBundle:
        why = "local APIServices may not have a caBundle"
        errors.append(field.invalid(SPEC.child("caBundle"), f"{len(spec.caBundle)} bytes", why))
    if spec.insecureSkipTLSVerify:
        why = "local APIServices may not have insecureSkipTLSVerify"
        errors.append(field.invalid(SPEC.child("insecureSkipTLSVerify"), True, why))
    return errors


def _remote_service(obj: APIService) -> Errors:
    spec = obj.spec
    errors = checks.needed(SPEC.child("service"), spec.service, "namespace", "name")
    if spec.insecureSkipTLSVerify and spec.caBundle:
        why = "may not be true if caBundle is present"
        errors.append(field.invalid(SPEC.child("insecureSkipTLSVerify"), True, why))
    return errors


def _validate_service_status(new: APIService, _old: APIService) -> Errors:
    errors: Errors = []
    for position, one in enumerate(new.status.conditions):
        where = Path("status").child("conditions").index(position).child("status")
        errors += checks.enum(where, one.status, ("True", "False", "Unknown"))
    return errors


API_SERVICE_STRATEGY = Strategy(
    default=_default_service,
    prepare_create=_prepare_service,
    prepare_update=keep_status,
    validate=_validate_service,
    validate_update=lambda new, _old: _validate_service(new),
    prepare_status_update=keep_spec,
    validate_status_update=_validate_service_status,
    name_errors=names.path_segment,
    generation=False,
    update_unconditional=False,
)


# --- webhooks ---------------------------------------------------------------------------------------------------

Webhook = ValidatingWebhook | MutatingWebhook


def _default_webhooks(obj: Any) -> None:
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


def _validate_webhooks(obj: Any) -> Errors:
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


WEBHOOKS_STRATEGY = Strategy(
    default=_default_webhooks,
    validate=_validate_webhooks,
    validate_update=lambda new, _old: _validate_webhooks(new),
    update_unconditional=False,
)


# --- admission policies -----------------------------------------------------------------------------------------


def _default_policy(obj: ValidatingAdmissionPolicy | MutatingAdmissionPolicy) -> None:
    obj.spec.failurePolicy = obj.spec.failurePolicy or "Fail"
    match = obj.spec.matchConstraints
    if match is not None:
        match.matchPolicy = match.matchPolicy or "Equivalent"
        match.namespaceSelector = match.namespaceSelector or LabelSelector()
        match.objectSelector = match.objectSelector or LabelSelector()
        for rule in (*match.resourceRules, *match.excludeResourceRules):
            rule.scope = rule.scope or "*"


def _prepare_policy(obj: ValidatingAdmissionPolicy) -> None:
    obj.status = ValidatingAdmissionPolicyStatus()


def _validate_policy(obj: Any) -> Errors:
    errors: Errors = []
    if obj.spec.matchConstraints is None or not obj.spec.matchConstraints.resourceRules:
        errors.append(field.required(SPEC.child("matchConstraints", "resourceRules")))
    if isinstance(obj, ValidatingAdmissionPolicy):
        if not obj.spec.validations and not obj.spec.auditAnnotations:
            why = "validations or auditAnnotations must contain at least one item"
            errors.append(field.required(SPEC.child("validations"), why))
        for position, one in enumerate(obj.spec.validations):
            if not one.expression.strip():
                where = SPEC.child("validations").index(position).child("expression")
                errors.append(field.required(where, "expression is not specified"))
    elif not obj.spec.mutations:
        errors.append(field.required(SPEC.child("mutations"), "mutations must contain at least one item"))
    return errors


POLICY_STRATEGY = Strategy(
    default=_default_policy,
    prepare_create=_prepare_policy,
    prepare_update=keep_status,
    validate=_validate_policy,
    validate_update=lambda new, _old: _validate_policy(new),
    prepare_status_update=keep_spec,
    update_unconditional=False,
)
MUTATING_POLICY_STRATEGY = Strategy(
    default=_default_policy,
    validate=_validate_policy,
    validate_update=lambda new, _old: _validate_policy(new),
    update_unconditional=False,
)


def _validate_binding(obj: Any) -> Errors:
    errors = checks.needed(SPEC, obj.spec, "policyName")
    if isinstance(obj, ValidatingAdmissionPolicyBinding):
        errors += checks.needed(SPEC, obj.spec, "validationActions")
        for position, action in enumerate(obj.spec.validationActions):
            where = SPEC.child("validationActions").index(position)
            errors += checks.enum(where, action, ("Audit", "Deny", "Warn"))
    return errors


POLICY_BINDING_STRATEGY = Strategy(
    validate=_validate_binding,
    validate_update=lambda new, _old: _validate_binding(new),
    update_unconditional=False,
)
