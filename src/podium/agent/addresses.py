"""The addresses of the Pods of a node: each once, given out again only after all others had their turn."""

from __future__ import annotations

import ipaddress


class AddressPool:
    """The hosts of a network, apart from the first, which is the node's."""

    def __init__(self, cidr: str) -> None:
        network = ipaddress.ip_network(cidr, strict=False)
        self._first = int(network.network_address) + 2
        self._count = max(network.num_addresses - 3, 0)
        self._next = 0
        self._used: set[str] = set()

    def take(self) -> str:
        """A free address; LookupError when there is none."""
        for _ in range(self._count):
            address = str(ipaddress.IPv4Address(self._first + self._next))
            self._next = (self._next + 1) % self._count
            if address not in self._used:
                self._used.add(address)
                return address
        raise LookupError("no addresses available in the node's network")

    def claim(self, address: str) -> bool:
        """Mark an address as used; False if it is used already, or none of this network's."""
        in_network = 0 <= int(ipaddress.IPv4Address(address)) - self._first < self._count
        if address in self._used or not in_network:
            return False
        self._used.add(address)
        return True

    def give_back(self, address: str) -> None:
        self._used.discard(address)
