"""EndpointAddresses: nobody outside leads Services, and with them the API server, to the machine's own loopback.

Kubernetes refuses loopback addresses as endpoints. Here Pods have some where networks need root, so those of the nodes'
Pod networks are admitted. Components in this process may name any: 127.0.0.1 is where Pods on their node's network are,
and the API itself.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator

from podium.machinery import errors, field
from podium.machinery.field import Path
from podium.models.core_v1 import Endpoints
from podium.models.discovery_v1 import EndpointSlice
from podium.registry.admission.base import Base
from podium.registry.admission.chain import Attributes
from podium.registry.core import Core
from podium.registry.strategies import checks
from podium.registry.types import SYSTEM

_SERVICE_NAME = "kubernetes.io/service-name"


class EndpointAddresses(Base):
    resources = ("endpoints", "endpointslices.discovery.k8s.io")
    operations = ("CREATE", "UPDATE")

    def validate(self, attributes: Attributes) -> None:
        if attributes.request.user is SYSTEM or _leads_where_it_did(attributes.obj, attributes.old):
            return
        found = [(path, address) for path, address in _addresses(attributes.obj) if checks.is_loopback(address)]
        if not found:
            return
        networks = _pod_networks(attributes.core)
        wrong = [
            field.invalid(path, address, checks.LOOPBACK)
            for path, address in found
            if not any(ipaddress.ip_address(address) in network for network in networks)
        ]
        if wrong:
            raise errors.Invalid(attributes.resource.group_kind, attributes.obj.metadata.name, wrong)


def _leads_where_it_did(new: Endpoints | EndpointSlice, old: Endpoints | EndpointSlice | None) -> bool:
    """Labels, owners and finalizers are anybody's to change, whoever said where it leads."""
    if isinstance(new, EndpointSlice) and isinstance(old, EndpointSlice):
        name = new.metadata.labels.get(_SERVICE_NAME)
        return (new.endpoints, new.ports, name) == (old.endpoints, old.ports, old.metadata.labels.get(_SERVICE_NAME))
    return isinstance(new, Endpoints) and isinstance(old, Endpoints) and new.subsets == old.subsets


def _addresses(obj: Endpoints | EndpointSlice) -> Iterator[tuple[Path, str]]:
    if isinstance(obj, Endpoints):
        for position, subset in enumerate(obj.subsets):
            for name in ("addresses", "notReadyAddresses"):
                for index, address in enumerate(getattr(subset, name)):
                    yield Path("subsets").index(position).child(name).index(index).child("ip"), address.ip
    elif obj.addressType != "FQDN":
        for position, endpoint in enumerate(obj.endpoints):
            for index, text in enumerate(endpoint.addresses):
                yield Path("endpoints").index(position).child("addresses").index(index), text


def _pod_networks(core: Core) -> list[ipaddress.IPv4Network | ipaddress.IPv6Network]:
    ranges = (entry.object.spec.podCIDR for entry in core.live("nodes"))
    return [ipaddress.ip_network(cidr, strict=False) for cidr in ranges if cidr]
