"""Nodes: what a node is given once (its Pod CIDR, its provider's id) stays."""

from __future__ import annotations

import copy

from podium.machinery import field
from podium.machinery.field import Path
from podium.models.core_v1 import Node
from podium.registry.strategies import checks, compute, placement
from podium.registry.strategies.checks import METADATA, SPEC, STATUS, Errors
from podium.registry.strategy import Strategy, keep_status

_CIDR = 'node updates may not change podCIDR except from "" to valid'


def _default(node: Node) -> None:
    if not node.status.allocatable and node.status.capacity:
        node.status.allocatable = dict(node.status.capacity)
    if node.spec.podCIDR and not node.spec.podCIDRs:
        node.spec.podCIDRs = (node.spec.podCIDR,)
    elif node.spec.podCIDRs and not node.spec.podCIDR:
        node.spec.podCIDR = node.spec.podCIDRs[0]


def _prepare_status_update(new: Node, old: Node) -> None:
    """An agent reports status, labels and annotations together; only spec is not its to change."""
    new.spec = copy.copy(old.spec)


def _resources(node: Node) -> Errors:
    errors: Errors = []
    for name in ("capacity", "allocatable"):
        for resource, value in getattr(node.status, name).items():
            if compute.amount_messages(resource, value):
                errors += compute.amount(STATUS.child(name, resource), resource, value)
    return errors


def _validate(node: Node) -> Errors:
    errors = placement.taints(METADATA.child("taints"), node.spec.taints) if node.spec.taints else []
    errors += _resources(node)
    where = SPEC.child("podCIDRs")
    for position, cidr in enumerate(node.spec.podCIDRs):
        errors += checks.cidr(where.index(position), cidr)
    families = [":" in cidr for cidr in node.spec.podCIDRs]
    if len(families) != len(set(families)):
        why = "may specify no more than one CIDR for each IP family"
        errors.append(field.invalid(where, node.spec.podCIDRs, why))
    return errors


def _validate_update(new: Node, old: Node) -> Errors:
    errors = _resources(new)
    seen: set[tuple[str, str]] = set()
    for position, address in enumerate(new.status.addresses):
        if (address.type, address.address) in seen:
            errors.append(field.duplicate(STATUS.child("addresses").index(position), address))
        seen.add((address.type, address.address))
    if old.spec.podCIDRs and old.spec.podCIDRs != new.spec.podCIDRs:
        errors.append(field.forbidden(SPEC.child("podCIDRs"), _CIDR))
    if old.spec.providerID and old.spec.providerID != new.spec.providerID:
        why = 'node updates may not change providerID except from "" to valid'
        errors.append(field.forbidden(SPEC.child("providerID"), why))
    if new.spec.taints:
        errors += placement.taints(METADATA.child("taints"), new.spec.taints)
    if new.spec.externalID != old.spec.externalID:
        errors.append(field.forbidden(Path("spec").child("externalID"), "may not be updated"))
    return errors


STRATEGY = Strategy(
    default=_default,
    prepare_update=keep_status,
    validate=_validate,
    validate_update=_validate_update,
    prepare_status_update=_prepare_status_update,
    validate_status_update=_validate_update,
    generation=False,
)
