"""IngressClasses: whose controller carries Ingresses out, with which parameters."""

from __future__ import annotations

from podium.machinery import field, names
from podium.models.networking_v1 import IngressClass
from podium.registry.strategies import checks
from podium.registry.strategies.checks import SPEC, Errors
from podium.registry.strategy import Strategy


def _default(obj: IngressClass) -> None:
    parameters = obj.spec.parameters
    if parameters is not None and not parameters.scope:
        parameters.scope = "Cluster"


def _validate(obj: IngressClass) -> Errors:
    where = SPEC.child("controller")
    if not obj.spec.controller:
        return [field.required(where)]
    errors: Errors = []
    if len(obj.spec.controller) > 250:
        errors.append(field.too_long(where, 250))
    domain, slash, path = obj.spec.controller.partition("/")
    if not slash or not path:
        errors.append(
            field.invalid(where, obj.spec.controller, 'must be a domain-prefixed path (such as "acme.io/foo")')
        )
    else:
        errors += field.each(where, domain, names.dns_subdomain(domain))
    parameters = obj.spec.parameters
    if parameters is not None:
        place = SPEC.child("parameters")
        errors += checks.needed(place, parameters, "kind", "name")
        errors += checks.enum(place.child("scope"), parameters.scope, ("Cluster", "Namespace"))
        if parameters.scope == "Namespace" and not parameters.namespace:
            errors.append(field.required(place.child("namespace"), "`parameters.scope` is set to 'Namespace'"))
    return errors


def _validate_update(new: IngressClass, old: IngressClass) -> Errors:
    return _validate(new) + field.immutable(SPEC.child("controller"), new.spec.controller, old.spec.controller)


STRATEGY = Strategy(default=_default, validate=_validate, validate_update=_validate_update)
