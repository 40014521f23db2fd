"""NetworkPolicies: peers and ports that may be reached, or may reach."""

from __future__ import annotations

from podium.machinery import field
from podium.machinery.field import Path
from podium.models.networking_v1 import NetworkPolicy, NetworkPolicyPeer, NetworkPolicyPort
from podium.registry.strategies import checks
from podium.registry.strategies.checks import SPEC, Errors
from podium.registry.strategy import Strategy


def _default(obj: NetworkPolicy) -> None:
    spec = obj.spec
    for ingress in spec.ingress:
        _default_ports(ingress.ports)
    for egress in spec.egress:
        _default_ports(egress.ports)
    if not spec.policyTypes:
        spec.policyTypes = ("Ingress", "Egress") if spec.egress else ("Ingress",)


def _default_ports(ports: tuple[NetworkPolicyPort, ...]) -> None:
    for port in ports:
        port.protocol = port.protocol or "TCP"


def _validate(obj: NetworkPolicy) -> Errors:
    spec = obj.spec
    errors = checks.label_selector(SPEC.child("podSelector"), spec.podSelector)
    for position, ingress in enumerate(spec.ingress):
        where = SPEC.child("ingress").index(position)
        errors += _ports(where.child("ports"), ingress.ports) + _peers(where.child("from"), ingress.from_)
    for position, egress in enumerate(spec.egress):
        where = SPEC.child("egress").index(position)
        errors += _ports(where.child("ports"), egress.ports) + _peers(where.child("to"), egress.to)
    if len(spec.policyTypes) > 2:
        why = "may not specify more than two policyTypes"
        errors.append(field.invalid(SPEC.child("policyTypes"), spec.policyTypes, why))
    for position, kind in enumerate(spec.policyTypes):
        if kind not in ("Ingress", "Egress"):
            where = SPEC.child("policyTypes").index(position)
            errors.append(field.not_supported(where, kind, ("Egress", "Ingress")))
    return errors


def _ports(path: Path, ports: tuple[NetworkPolicyPort, ...]) -> Errors:
    errors: Errors = []
    for position, port in enumerate(ports):
        where = path.index(position)
        errors += checks.enum(where.child("protocol"), port.protocol, checks.PROTOCOLS, needed=False)
        if port.port is not None:
            errors += checks.port_number_or_name(where.child("port"), port.port)
        if port.endPort is None:
            continue
        if port.port is None:
            errors.append(field.required(where.child("port"), "must be specified when endPort is specified"))
        elif isinstance(port.port, str):
            why = "must not be specified when `port` is a string"
            errors.append(field.invalid(where.child("endPort"), port.endPort, why))
        elif port.endPort < port.port:
            why = "must be greater than or equal to `port`"
            errors.append(field.invalid(where.child("endPort"), port.endPort, why))
        else:
            errors += checks.port_number(where.child("endPort"), port.endPort)
    return errors


def _peers(path: Path, peers: tuple[NetworkPolicyPeer, ...]) -> Errors:
    errors: Errors = []
    for position, peer in enumerate(peers):
        where = path.index(position)
        errors += checks.label_selector(where.child("podSelector"), peer.podSelector)
        errors += checks.label_selector(where.child("namespaceSelector"), peer.namespaceSelector)
        selects = peer.podSelector is not None or peer.namespaceSelector is not None
        if peer.ipBlock is not None:
            errors += checks.cidr(where.child("ipBlock", "cidr"), peer.ipBlock.cidr)
            for index, cidr in enumerate(peer.ipBlock.except_):
                errors += checks.cidr(where.child("ipBlock", "except").index(index), cidr)
            if selects:
                errors.append(field.forbidden(where, "may not specify both ipBlock and another peer"))
        elif not selects:
            errors.append(field.required(where, "must specify a peer"))
    return errors


STRATEGY = Strategy(
    default=_default,
    validate=_validate,
    validate_update=lambda new, _old: _validate(new),
)
