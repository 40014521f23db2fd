"""Ingresses, NetworkPolicies and endpoints as tables."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from podium.models.discovery_v1 import EndpointSlice
from podium.models.networking_v1 import Ingress, IngressClass
from podium.registry.columns.base import (
    AGE,
    NAME,
    NONE,
    UNSET,
    Cells,
    Columns,
    age,
    first_few,
    selector,
    text,
)
from podium.registry.columns.services import addresses


def _ingress(obj: Ingress, now: datetime) -> Cells:
    hosts = first_few(rule.host for rule in obj.spec.rules if rule.host)
    return [
        obj.metadata.name,
        obj.spec.ingressClassName or NONE,
        hosts or "*",
        addresses(obj.status.loadBalancer.ingress),
        "80, 443" if obj.spec.tls else "80",
        age(obj, now),
    ]


INGRESSES = Columns(
    (
        NAME,
        text("Class", "Who carries it out"),
        text("Hosts", "Hosts that its rules are for"),
        text("Address", "Where it answers"),
        text("Ports", "Ports that it answers on"),
        AGE,
    ),
    _ingress,
)


def _ingress_class(obj: IngressClass, now: datetime) -> Cells:
    parameters = NONE
    if obj.spec.parameters is not None:
        one = obj.spec.parameters
        kind = f"{one.kind}.{one.apiGroup}" if one.apiGroup else one.kind
        parameters = f"{kind}/{one.name}"
    return [obj.metadata.name, obj.spec.controller, parameters, age(obj, now)]


INGRESS_CLASSES = Columns(
    (NAME, text("Controller", "Who carries it out"), text("Parameters", "Its configuration"), AGE), _ingress_class
)
NETWORK_POLICIES = Columns(
    (NAME, text("Pod-Selector", "Pods that it is for"), AGE),
    lambda obj, now: [
        obj.metadata.name,
        NONE if obj.spec.podSelector is None else selector(obj.spec.podSelector),
        age(obj, now),
    ],
)


def _slice(obj: EndpointSlice, now: datetime) -> Cells:
    ports = first_few(str(port.port) for port in obj.ports if port.port is not None) if obj.ports else UNSET
    found = [address for endpoint in obj.endpoints for address in endpoint.addresses]
    return [obj.metadata.name, obj.addressType, ports or UNSET, first_few(found) or UNSET, age(obj, now)]


ENDPOINT_SLICES = Columns(
    (
        NAME,
        text("AddressType", "What its addresses are"),
        text("Ports", "Ports of its endpoints"),
        text("Endpoints", "Addresses of its endpoints"),
        AGE,
    ),
    _slice,
)
SERVICE_CIDRS = Columns(
    (NAME, text("CIDRs", "Its address ranges"), AGE),
    lambda obj, now: [obj.metadata.name, ",".join(obj.spec.cidrs), age(obj, now)],
)


def _address(obj: Any, now: datetime) -> Cells:
    ref = obj.spec.parentRef
    parts = (f"{ref.resource}.{ref.group}" if ref.group else ref.resource, ref.namespace, ref.name)
    return [obj.metadata.name, "/".join(filter(None, parts)), age(obj, now)]


ADDRESSES = Columns((NAME, text("ParentRef", "What has the address"), AGE), _address)
