"""Endpoints: addresses and ports of a Service, as old clients know them."""

from __future__ import annotations

from podium.machinery import field
from podium.machinery.field import Path
from podium.models.core_v1 import Endpoints
from podium.registry.strategies import checks
from podium.registry.strategies.checks import Errors
from podium.registry.strategy import Strategy


def _default(obj: Endpoints) -> None:
    for subset in obj.subsets:
        for port in subset.ports:
            port.protocol = port.protocol or "TCP"


def _validate(obj: Endpoints) -> Errors:
    errors: Errors = []
    for position, subset in enumerate(obj.subsets):
        where = Path("subsets").index(position)
        if not subset.addresses and not subset.notReadyAddresses:
            errors.append(field.required(where, "must specify `addresses` or `notReadyAddresses`"))
        for name in ("addresses", "notReadyAddresses"):
            for index, address in enumerate(getattr(subset, name)):
                place = where.child(name).index(index)
                errors += checks.endpoint_address(place.child("ip"), address.ip)
                errors += checks.dns_label(place.child("hostname"), address.hostname)
        for index, port in enumerate(subset.ports):
            place = where.child("ports").index(index)
            errors += checks.dns_label(place.child("name"), port.name or "", needed=len(subset.ports) > 1)
            errors += checks.port_number(place.child("port"), port.port)
            errors += checks.enum(place.child("protocol"), port.protocol or "", checks.PROTOCOLS)
    return errors


STRATEGY = Strategy(
    default=_default,
    validate=_validate,
    validate_update=lambda new, _old: _validate(new),
    generation=False,
    create_on_update=True,
)
