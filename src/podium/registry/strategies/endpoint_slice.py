"""EndpointSlices: addresses of one type, and the ports that all of them have."""

from __future__ import annotations

from podium.machinery import field
from podium.machinery.field import Path
from podium.models.discovery_v1 import EndpointConditions, EndpointSlice
from podium.registry.strategies import checks
from podium.registry.strategies.checks import Errors
from podium.registry.strategy import Strategy


def _default(obj: EndpointSlice) -> None:
    for port in obj.ports:
        port.name = port.name or ""
        port.protocol = port.protocol or "TCP"
    for endpoint in obj.endpoints:
        endpoint.conditions = endpoint.conditions or EndpointConditions()


def _validate(obj: EndpointSlice) -> Errors:
    errors = checks.enum(Path("addressType"), obj.addressType, ("FQDN", "IPv4", "IPv6"))
    if len(obj.endpoints) > 1000:
        errors.append(field.too_many(Path("endpoints"), len(obj.endpoints), 1000))
    for position, endpoint in enumerate(obj.endpoints):
        where = Path("endpoints").index(position)
        if not endpoint.addresses:
            errors.append(field.required(where.child("addresses"), "must contain at least 1 address"))
        for index, address in enumerate(endpoint.addresses):
            place = where.child("addresses").index(index)
            if obj.addressType == "FQDN":
                errors += checks.dns_subdomain(place, address)
            else:
                errors += checks.endpoint_address(place, address)
        errors += checks.dns_label(where.child("hostname"), endpoint.hostname)
    seen: set[str] = set()
    for position, port in enumerate(obj.ports):
        where = Path("ports").index(position)
        name = port.name or ""
        if name in seen:
            errors.append(field.duplicate(where.child("name"), name))
        seen.add(name)
        errors += checks.dns_label(where.child("name"), name)
        errors += checks.enum(where.child("protocol"), port.protocol or "", checks.PROTOCOLS)
        if port.port is not None:
            errors += checks.port_number(where.child("port"), port.port)
    return errors


STRATEGY = Strategy(
    default=_default,
    validate=_validate,
    validate_update=lambda new, old: (
        _validate(new) + field.immutable(Path("addressType"), new.addressType, old.addressType)
    ),
)
