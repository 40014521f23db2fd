"""What Services are given when they are stored: IP families, a cluster IP, node ports.

Requested values come from the whole range, drawn ones from its upper part, so that the two seldom meet (KEP-3070,
KEP-3668). Accounts are kept from the live Services; a write that fails gives back what it was given.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from random import Random

from podium.machinery import errors, field
from podium.machinery.errors import FieldError
from podium.models.core_v1 import Service, ServicePort, ServiceSpec
from podium.registry.storage import Collection, Event

NETWORK = ipaddress.ip_network("10.96.0.0/16")
PORTS = range(30000, 32768)
API_ADDRESS = "10.96.0.1"
_STATIC_ADDRESSES = 256
_STATIC_PORTS = 86
_HEADLESS = "None"


class Services:
    """The addresses and ports in use, by the uid of the Service that has them."""

    def __init__(self, collection: Collection, rng: Random) -> None:
        self._rng = rng
        self._addresses: dict[str, str] = {}
        self._ports: dict[int, str] = {}
        for entry in collection:
            self._take(entry.object)
        collection.listeners.append(self._changed)

    def allocate(self, new: Service, old: Service | None) -> Callable[[], None]:
        """Fill in what the Service needs; returns what undoes it."""
        if new.spec.type == "ExternalName":
            return lambda: None
        uid = new.metadata.uid
        addresses, ports = dict(self._addresses), dict(self._ports)
        try:
            _set_families(new)
            self._address(new, uid)
            self._node_ports(new, uid)
        except errors.StatusError:
            self._addresses, self._ports = addresses, ports
            raise
        added = [address for address in self._addresses if address not in addresses]
        added_ports = [port for port in self._ports if port not in ports]

        def undo() -> None:
            for address in added:
                self._addresses.pop(address, None)
            for port in added_ports:
                self._ports.pop(port, None)

        return undo

    # Addresses

    def _address(self, new: Service, uid: str) -> None:
        spec = new.spec
        wanted = spec.clusterIP or (spec.clusterIPs[0] if spec.clusterIPs else "")
        if wanted == _HEADLESS:
            spec.clusterIP, spec.clusterIPs = _HEADLESS, (_HEADLESS,)
            return
        if not wanted:
            wanted = self._free_address()
        elif self._addresses.get(wanted) != uid:
            self._check_address(new, wanted)
        self._addresses[wanted] = uid
        spec.clusterIP, spec.clusterIPs = wanted, (wanted,)

    def _free_address(self) -> str:
        """A random free one of the upper part, of the lower one when that is full."""
        first, last = int(NETWORK.network_address) + 1, int(NETWORK.broadcast_address) - 1
        for low, high in ((first + _STATIC_ADDRESSES, last), (first, first + _STATIC_ADDRESSES - 1)):
            size = high - low + 1
            start = self._rng.randrange(size)
            for step in range(size):
                address = str(ipaddress.IPv4Address(low + (start + step) % size))
                if address not in self._addresses:
                    return address
        raise errors.InternalError("failed to allocate a serviceIP: range is full")

    def _check_address(self, new: Service, wanted: str) -> None:
        try:
            inside = ipaddress.ip_address(wanted) in NETWORK
        except ValueError:
            inside = False
        if not inside:
            why = f"the provided IP is not in the valid range. The range of valid IPs is {NETWORK}"
        elif wanted in self._addresses:
            why = "provided IP is already allocated"
        else:
            return
        path = field.Path("spec.clusterIPs")
        wrong = field.invalid(path, [wanted], f"failed to allocate IP {wanted}: {why}")
        raise errors.Invalid("Service", new.metadata.name, [wrong])

    # Ports

    def _node_ports(self, new: Service, uid: str) -> None:
        spec = new.spec
        if spec.type == "NodePort" or (spec.type == "LoadBalancer" and spec.allocateLoadBalancerNodePorts is not False):
            given: dict[int, set[str]] = {}
            for position, port in enumerate(spec.ports):
                self._node_port(new, position, port, uid, given)
        if spec.type == "LoadBalancer" and spec.externalTrafficPolicy == "Local":
            self._health_check_port(spec, uid)

    def _health_check_port(self, spec: ServiceSpec, uid: str) -> None:
        wanted = spec.healthCheckNodePort
        if not wanted:
            wanted = spec.healthCheckNodePort = self._free_port()
        elif self._ports.get(wanted) != uid and (why := self._port_problem(wanted)):
            raise errors.InternalError(f"failed to allocate requested HealthCheck NodePort {wanted}: {why}")
        self._ports[wanted] = uid

    def _node_port(
        self,
        new: Service,
        position: int,
        port: ServicePort,
        uid: str,
        given: dict[int, set[str]],
    ) -> None:
        """One port's. Two protocols of a Service may share a number."""
        protocol = port.protocol or "TCP"
        if not port.nodePort:
            same = [
                number for number, protocols in given.items() if protocol not in protocols and _twin(new, port, number)
            ]
            port.nodePort = same[0] if same else self._free_port()
        elif self._ports.get(port.nodePort) != uid or protocol in given.get(port.nodePort, ()):
            self._check_port(new, position, port.nodePort)
        self._ports[port.nodePort] = uid
        given.setdefault(port.nodePort, set()).add(protocol)

    def _free_port(self) -> int:
        first, last = PORTS[0] + _STATIC_PORTS, PORTS[-1]
        for low, high in ((first, last), (PORTS[0], first - 1)):
            size = high - low + 1
            start = self._rng.randrange(size)
            for step in range(size):
                port = low + (start + step) % size
                if port not in self._ports:
                    return port
        raise errors.InternalError("failed to allocate a nodePort: range is full")

    def _check_port(self, new: Service, position: int, wanted: int) -> None:
        why = self._port_problem(wanted)
        if why:
            path = field.Path("spec.ports").index(position).child("nodePort")
            raise errors.Invalid("Service", new.metadata.name, [field.invalid(path, wanted, why)])

    def _port_problem(self, wanted: int) -> str:
        if wanted not in PORTS:
            return f"provided port is not in the valid range. The range of valid ports is {PORTS[0]}-{PORTS[-1]}"
        return "provided port is already allocated" if wanted in self._ports else ""

    # Accounts

    def _take(self, service: Service) -> None:
        uid = service.metadata.uid
        for address in _addresses_of(service):
            self._addresses[address] = uid
        for port in _ports_of(service):
            self._ports[port] = uid

    def _changed(self, event: Event) -> None:
        if event.old is not None:
            uid = event.old.object.metadata.uid
            for address in _addresses_of(event.old.object):
                if self._addresses.get(address) == uid:
                    del self._addresses[address]
            for port in _ports_of(event.old.object):
                if self._ports.get(port) == uid:
                    del self._ports[port]
        if not event.deleted:
            self._take(event.entry.object)


def _addresses_of(service: Service) -> list[str]:
    addresses = service.spec.clusterIPs or ((service.spec.clusterIP,) if service.spec.clusterIP else ())
    return [address for address in addresses if address != _HEADLESS]


def _ports_of(service: Service) -> list[int]:
    ports = [port.nodePort for port in service.spec.ports if port.nodePort]
    return [*ports, service.spec.healthCheckNodePort] if service.spec.healthCheckNodePort else ports


def _twin(service: Service, port: ServicePort, number: int) -> bool:
    """Whether another port of the Service has the same port number and that node port."""
    return any(
        other.port == port.port and other.nodePort == number for other in service.spec.ports if other is not port
    )


def _set_families(new: Service) -> None:
    """This cluster has IPv4 only; a headless Service without selector may have both (its endpoints are the user's)."""
    spec = new.spec
    loose = spec.clusterIP == _HEADLESS and not spec.selector
    if not spec.ipFamilyPolicy:
        spec.ipFamilyPolicy = "RequireDualStack" if loose else "SingleStack"
    if loose:
        first = spec.ipFamilies[0] if spec.ipFamilies else "IPv4"
        other = "IPv6" if first == "IPv4" else "IPv4"
        spec.ipFamilies = (first,) if spec.ipFamilyPolicy == "SingleStack" else (first, other)
        return
    wrong: list[FieldError] = []
    if spec.ipFamilyPolicy == "RequireDualStack":
        why = "this cluster is not configured for dual-stack services"
        wrong.append(field.invalid("spec.ipFamilyPolicy", spec.ipFamilyPolicy, why))
    for position, family in enumerate(spec.ipFamilies):
        if family != "IPv4":
            path = field.Path("spec.ipFamilies").index(position)
            wrong.append(field.invalid(path, family, "not configured on this cluster"))
    if wrong:
        raise errors.Invalid("Service", new.metadata.name, wrong)
    spec.ipFamilies = ("IPv4",)
