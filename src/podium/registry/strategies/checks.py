"""Checks that many kinds share, quick for the strings that come again and again (names, keys, images)."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping
from functools import lru_cache

from podium.machinery import field, names
from podium.machinery.errors import FieldError
from podium.machinery.field import Path
from podium.models import core_v1, intstr, meta_v1, quantity
from podium.models import selectors as selector_models

Errors = list[FieldError]

ROOT = Path("")
METADATA = Path("metadata")
SPEC = Path("spec")
STATUS = Path("status")

PROTOCOLS = ("SCTP", "TCP", "UDP")


@lru_cache(maxsize=8192)
def _label(value: str) -> tuple[str, ...]:
    return tuple(names.dns_label(value))


@lru_cache(maxsize=8192)
def _subdomain(value: str) -> tuple[str, ...]:
    return tuple(names.dns_subdomain(value))


@lru_cache(maxsize=8192)
def _label_is_fine(key: str, value: str) -> bool:
    return not names.label_key(key) and not names.label_value(value)


@lru_cache(maxsize=4096)
def port_name_messages(value: str) -> tuple[str, ...]:
    return tuple(names.port_name(value))


def dns_label(path: Path, value: str, *, needed: bool = False) -> Errors:
    """A DNS label; "" only if it isn't needed."""
    if not value:
        return [field.required(path)] if needed else []
    messages = _label(value)
    return field.each(path, value, messages) if messages else []


def dns_subdomain(path: Path, value: str, *, needed: bool = False) -> Errors:
    if not value:
        return [field.required(path)] if needed else []
    messages = _subdomain(value)
    return field.each(path, value, messages) if messages else []


def qualified_name(path: Path, value: str) -> Errors:
    return field.each(path, value, names.label_key(value))


def label_name(path: Path, value: str) -> Errors:
    return field.each(path, value, names.label_key(value))


def labels(path: Path, values: Mapping[str, str]) -> Errors:
    errors: Errors = []
    for key, value in values.items():
        if not _label_is_fine(key, value):
            errors += field.each(path, key, names.label_key(key))
            errors += field.each(path, value, names.label_value(value))
    return errors


def annotation_keys(path: Path, values: Mapping[str, str]) -> Errors:
    errors: Errors = []
    for key in values:
        errors += field.each(path, key, names.label_key(key.lower()))
    if names.annotations_size(values) > names.ANNOTATIONS_LIMIT:
        errors.append(field.too_long(path, names.ANNOTATIONS_LIMIT))
    return errors


_SET_OPERATORS = ("In", "NotIn")
_EXISTENCE_OPERATORS = ("Exists", "DoesNotExist")


def label_selector(path: Path, selector: meta_v1.LabelSelector | None) -> Errors:
    if selector is None:
        return []
    errors = labels(path.child("matchLabels"), selector.matchLabels) if selector.matchLabels else []
    for position, one in enumerate(selector.matchExpressions):
        where = path.child("matchExpressions").index(position)
        if one.operator in _SET_OPERATORS:
            if not one.values:
                errors.append(
                    field.required(where.child("values"), "must be specified when `operator` is 'In' or 'NotIn'")
                )
        elif one.operator in _EXISTENCE_OPERATORS:
            if one.values:
                why = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"
                errors.append(field.forbidden(where.child("values"), why))
        else:
            errors.append(field.invalid(where.child("operator"), one.operator, "not a valid selector operator"))
        errors += label_name(where.child("key"), one.key)
        for index, value in enumerate(one.values):
            errors += field.each(where.child("values").index(index), value, names.label_value(value))
    return errors


def compiled(selector: meta_v1.LabelSelector | None) -> selector_models.Selector | None:
    """The selector's matcher; None if it has an operator that there isn't."""
    try:
        return selector_models.compile(selector)
    except ValueError:
        return None


def empty_selector(selector: meta_v1.LabelSelector) -> bool:
    return not selector.matchLabels and not selector.matchExpressions


def port_number(path: Path, value: int) -> Errors:
    return [] if 0 < value < 65536 else field.each(path, value, names.port_number(value))


def port_number_or_name(path: Path, value: int | str | None) -> Errors:
    if isinstance(value, str):
        return field.each(path, value, port_name_messages(value))
    return port_number(path, value or 0)


def not_negative(path: Path, struct: object, *fields: str) -> Errors:
    """The named counts of a struct are not below 0."""
    errors: Errors = []
    for name in fields:
        value = getattr(struct, name)
        if value is not None and value < 0:
            errors.append(field.invalid(path.child(name), value, field.NOT_NEGATIVE))
    return errors


def at_most(path: Path, struct: object, total: str, *parts: str) -> Errors:
    """The named counts of a status are part of its total."""
    errors: Errors = []
    limit = getattr(struct, total) or 0
    for name in parts:
        value = getattr(struct, name) or 0
        if value > limit:
            errors.append(field.invalid(path.child(name), value, f"cannot be greater than status.{total}"))
    return errors


def not_decremented(path: Path, new: int | None, old: int | None) -> Errors:
    if old is not None and (new is None or new < old):
        return [field.invalid(path, new or 0, "cannot be decremented")]
    return []


def int_or_percent(path: Path, value: int | str | None) -> Errors:
    """A count that is not negative, or a percentage."""
    if isinstance(value, str):
        return field.each(path, value, names.percent(value))
    return field.not_negative(path, value or 0)


def not_more_than_100_percent(path: Path, value: int | str | None) -> Errors:
    percent = intstr.percentage(value) if value is not None else None
    if percent is None or percent <= 100:
        return []
    return [field.invalid(path, value, "must not be greater than 100%")]


def count_or_percent(value: int | str | None) -> int:
    """The number itself, whether a count or a percentage; 0 for none."""
    if value is None:
        return 0
    percent = intstr.percentage(value)
    return intstr.int_value(value) if percent is None else percent


def ip_address(path: Path, value: str) -> Errors:
    return field.each(path, value, names.ip_address(value))


LOOPBACK = "may not be in the loopback range (127.0.0.0/8, ::1/128)"


def other_machines_address(path: Path, value: str) -> Errors:
    """An address that means the same wherever it is used: not each machine itself, nor what is next to it."""
    errors = endpoint_address(path, value)
    return [field.invalid(path, value, LOOPBACK)] if not errors and is_loopback(value) else errors


def endpoint_address(path: Path, value: str) -> Errors:
    """As `other_machines_address`; loopback addresses may be Pods', which admission knows (endpoint_addresses.py)."""
    errors = ip_address(path, value)
    if not errors and (why := _nearby(value)):
        return [field.invalid(path, value, why)]
    return errors


@lru_cache(maxsize=4096)
def _nearby(value: str) -> str:
    address = _address(value)
    if address.is_unspecified:
        return f"may not be unspecified ({value})"
    if address.is_link_local:
        return "may not be in the link-local range (169.254.0.0/16, fe80::/10)"
    if any(address in network for network in _LINK_LOCAL_MULTICAST):
        return "may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)"
    return ""


def is_loopback(value: str) -> bool:
    """Of a valid address."""
    return _address(value).is_loopback


def _address(value: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """::ffff:127.0.0.1 is 127.0.0.1."""
    address = ipaddress.ip_address(value)
    return getattr(address, "ipv4_mapped", None) or address


_LINK_LOCAL_MULTICAST = (ipaddress.ip_network("224.0.0.0/24"), ipaddress.ip_network("ff02::/16"))


def cidr(path: Path, value: str) -> Errors:
    return field.each(path, value, names.cidr(value))


def not_negative_quantity(path: Path, value: str) -> Errors:
    return [field.invalid(path, value, field.NOT_NEGATIVE)] if quantity.number(value) < 0 else []


def object_name(path: Path, value: str) -> Errors:
    """A reference by name that must be there."""
    return [] if value else [field.required(path)]


def needed(path: Path, struct: object, *fields: str) -> Errors:
    """The named fields are not empty."""
    return [field.required(path.child(name)) for name in fields if not getattr(struct, name)]


def enum(path: Path, value: str, supported: Iterable[str], *, needed: bool = True) -> Errors:
    """One of some values, listed as they are given; "" only if it isn't needed."""
    if not value:
        return [field.required(path)] if needed else []
    listed = tuple(supported)
    return [] if value in listed else [field.not_supported(path, value, listed)]


_NODE_SELECTOR_PAIRS = ("Gt", "Lt")


def node_selector_term(path: Path, term: core_v1.NodeSelectorTerm, *, check_values: bool = True) -> Errors:
    errors: Errors = []
    for position, one in enumerate(term.matchExpressions):
        where = path.child("matchExpressions").index(position)
        values = where.child("values")
        if one.operator in _SET_OPERATORS:
            if not one.values:
                errors.append(field.required(values, "must be specified when `operator` is 'In' or 'NotIn'"))
        elif one.operator in _EXISTENCE_OPERATORS:
            if one.values:
                errors.append(
                    field.forbidden(values, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'")
                )
        elif one.operator in _NODE_SELECTOR_PAIRS:
            if len(one.values) != 1:
                errors.append(field.required(values, "must be specified single value when `operator` is 'Lt' or 'Gt'"))
        else:
            errors.append(field.invalid(where.child("operator"), one.operator, "not a valid selector operator"))
        errors += label_name(where.child("key"), one.key)
        if check_values:
            for index, value in enumerate(one.values):
                errors += field.each(values.index(index), value, names.label_value(value))
    for position, one in enumerate(term.matchFields):
        errors += _node_field(path.child("matchFields").index(position), one)
    return errors


def _node_field(path: Path, one: core_v1.NodeSelectorRequirement) -> Errors:
    errors: Errors = []
    if one.operator not in _SET_OPERATORS:
        errors.append(field.invalid(path.child("operator"), one.operator, "not a valid selector operator"))
    elif len(one.values) != 1:
        why = "must be only one value when `operator` is 'In' or 'NotIn' for node field selector"
        errors.append(field.required(path.child("values"), why))
    if one.key != "metadata.name":
        return [*errors, field.invalid(path.child("key"), one.key, "not a valid field selector key")]
    for index, value in enumerate(one.values):
        errors += field.each(path.child("values").index(index), value, _subdomain(value))
    return errors


def node_selector(path: Path, selector: core_v1.NodeSelector) -> Errors:
    where = path.child("nodeSelectorTerms")
    if not selector.nodeSelectorTerms:
        return [field.required(where, "must have at least one node selector term")]
    errors: Errors = []
    for position, term in enumerate(selector.nodeSelectorTerms):
        errors += node_selector_term(where.index(position), term)
    return errors
