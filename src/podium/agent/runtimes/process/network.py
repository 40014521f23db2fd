"""The network of process Pods: each Pod its own address, so that two replicas may listen on the same port.

`NamespaceNetwork` (Linux, root): a network namespace per Pod, tied to the machine by a veth pair and a bridge, so that
Pods and the machine reach each other. `LoopbackNetwork` (anyone): an address of 127/8 per Pod, which its programs are
told in HOST and PODIUM_POD_IP and have to bind to.
"""

from __future__ import annotations

import ctypes
import fcntl
import hashlib
import ipaddress
import os
import socket
import threading
from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Protocol, TypeVar

from podium.agent.runtimes.process.shim import records

T = TypeVar("T")
CLONE_NEWNET = 0x40000000
MS_BIND, MNT_DETACH = 4096, 2
NAMESPACES = Path("/run/netns")
CLUSTERS = Path("/run/podium")
"""A file for each cluster of this machine that has a bridge: where its data is."""
SERVICE_NETWORK = "10.96.0.0/16"
SERVICES = "services"
"""Stands for a uid: the namespace that Services are listened for in."""
LOCAL_TABLE = 255
SECOND = range(16, 255)
"""The second numbers of loopback addresses that clusters have; machines use lower ones for themselves."""
CLAIM_PORT = 10250
"""Of UDP: the kubelet's is TCP."""
PREFERRED = [f"10.{second}.0.0/16" for second in (*range(244, 256), *range(128, 244))]

_libc = ctypes.CDLL(None, use_errno=True)


class PodNetwork(Protocol):
    isolated: bool
    """Whether containers get a network namespace (and with it a view of the file system) of their own."""

    def start(self, keep: Iterable[str]) -> None:
        """Prepare, for one more node; the first time take away what Pods other than these, by uid, left behind.
        Blocks for some milliseconds, as attach and stop do."""

    def node_cidr(self, index: int) -> str:
        """The network of the node with that index; its first address is the node's."""

    def attach(self, uid: str, address: str) -> str:
        """Give a Pod that address; the file of its namespace, or an empty text."""

    def detach(self, uid: str) -> None:
        """Take a Pod's namespace away, if it has one."""

    def listen(self, address: str, port: int) -> socket.socket | None:
        """A socket that Pods reach at that address of a Service; None if they share the machine's network. Blocks."""

    def environment(self, address: str) -> dict[str, str]:
        """What a Pod's programs are told about their address."""

    def stop(self) -> None:
        """One node less; with the last one everything goes that was prepared."""


class LoopbackNetwork:
    """Addresses of 127/8: the second number tells clusters apart, the third nodes, the fourth Pods.

    While a cluster runs, a socket is bound to an address of its second number, so that no other takes that. The kernel
    lets go of it however the server ends.
    """

    isolated = False

    def __init__(self, cluster: str, state: Path) -> None:
        """`cluster` is four hexadecimal digits; `state` is the file that remembers the number it was given."""
        self._second = SECOND[int(cluster, 16) % 200]
        self._state = state
        self._lock = threading.Lock()
        self._users = 0
        self._claim: socket.socket | None = None

    def start(self, keep: Iterable[str]) -> None:
        """The loopback device is always there: all it takes is a number that no other cluster has."""
        with self._lock:
            if not self._users:
                self._take_number()
            self._users += 1

    def _take_number(self) -> None:
        remembered = records.read(self._state)
        wanted = self._second if remembered is None else remembered["second"]
        for second in (wanted, *SECOND):
            self._claim = _claim(f"127.{second}.255.254")
            if self._claim is not None:
                break
        else:
            second = wanted  # something that is no cluster has the port everywhere
        self._second = second
        if remembered is None or remembered["second"] != second:
            records.write(self._state, {"second": second})

    def node_cidr(self, index: int) -> str:
        return f"127.{self._second}.{index % 256}.0/24"

    def attach(self, uid: str, address: str) -> str:
        return ""

    def detach(self, uid: str) -> None:
        """There is nothing to take away."""

    def listen(self, address: str, port: int) -> socket.socket | None:
        return None

    def environment(self, address: str) -> dict[str, str]:
        return {"HOST": address, "POD_IP": address, "PODIUM_POD_IP": address}

    def stop(self) -> None:
        with self._lock:
            self._users -= 1
            if not self._users and self._claim is not None:
                self._claim.close()
                self._claim = None


class NamespaceNetwork:
    """One bridge per cluster, named by its id; each node an address and each Pod a namespace on it."""

    isolated = True

    def __init__(self, cluster: str, state: Path) -> None:
        """`cluster` is four hexadecimal digits; `state` is the file that remembers the network it was given."""
        self._cluster = cluster
        self._bridge = f"podium{cluster}"
        self._state = state
        self._lock = threading.Lock()
        self._users = 0
        self._network = ipaddress.IPv4Network(PREFERRED[0])

    def start(self, keep: Iterable[str]) -> None:
        with self._lock:
            if self._users:
                self._users += 1
                return
            _in_thread(self._prepare)
            self._users = 1
            kept = {self._namespace(uid).name for uid in keep}
            _in_thread(lambda: self._remove_others(kept))

    def node_cidr(self, index: int) -> str:
        subnets = 2 ** (24 - self._network.prefixlen)
        base = int(self._network.network_address) + (index % subnets) * 256
        cidr = ipaddress.IPv4Network((base, 24))
        _in_thread(lambda: self._add_node(str(cidr.network_address + 1)))
        return str(cidr)

    def attach(self, uid: str, address: str) -> str:
        _in_thread(lambda: self._connect(uid, address))
        return str(self._namespace(uid))

    def detach(self, uid: str) -> None:
        _in_thread(lambda: self._disconnect(uid))

    def listen(self, address: str, port: int) -> socket.socket | None:
        """In a namespace of its own, to which Pods have a route: the machine keeps out of it, since it may be part of
        another cluster that has the same addresses."""
        path = self._namespace(SERVICES)
        with self._lock:
            if not path.exists():
                _in_thread(lambda: self._connect(SERVICES, str(self._service_gateway), services=True))
        return _in_thread(lambda: _listen(path, address, port))

    def environment(self, address: str) -> dict[str, str]:
        return {"POD_IP": address, "PODIUM_POD_IP": address}

    def stop(self) -> None:
        with self._lock:
            self._users -= 1
            if self._users:
                return
            _in_thread(self._remove)

    def _namespace(self, uid: str) -> Path:
        return NAMESPACES / f"podium-{self._cluster}-{_short(uid)}"

    def _prepare(self) -> None:
        """Make the bridge, in a network that nothing else on this machine uses."""
        with _machine_lock(), _netlink() as ip:
            _remove_dead_clusters(ip)
            records.write(CLUSTERS / self._cluster, str(self._state))
            remembered = records.read(self._state)
            found = ip.link_lookup(ifname=self._bridge)
            if found and remembered is not None:
                self._network = ipaddress.IPv4Network(remembered["network"])
                return
            for stale in found:
                ip.link("del", index=stale)
            self._network = _free_network(_routes(ip), remembered["network"] if remembered else PREFERRED[0])
            records.write(self._state, {"network": str(self._network), "bridge": self._bridge})
            ip.link("add", ifname=self._bridge, kind="bridge")
            index = ip.link_lookup(ifname=self._bridge)[0]
            first = str(self._network.network_address + 1)
            ip.addr("add", index=index, address=first, prefixlen=self._network.prefixlen)
            ip.link("set", index=index, state="up")

    def _add_node(self, address: str) -> None:
        with _netlink() as ip:
            bridge = ip.link_lookup(ifname=self._bridge)[0]
            ip.addr("replace", index=bridge, address=address, prefixlen=self._network.prefixlen)

    @property
    def _service_gateway(self) -> ipaddress.IPv4Address:
        """What leads to Services: the last address of the cluster's network."""
        return self._network.broadcast_address - 1

    def _remove_others(self, kept: Container[str]) -> None:
        with _netlink() as ip:
            for path in NAMESPACES.glob(f"podium-{self._cluster}-*"):
                if path.name not in kept:
                    _remove_namespace(ip, path)

    def _disconnect(self, uid: str) -> None:
        with _netlink() as ip:
            _remove_namespace(ip, self._namespace(uid))

    def _connect(self, uid: str, address: str, *, services: bool = False) -> None:
        path = self._namespace(uid)
        with _netlink() as ip:
            _remove_namespace(ip, path)
        _make_namespace(path)
        namespace = os.open(path, os.O_RDONLY)
        try:
            with _netlink() as ip:
                bridge = ip.link_lookup(ifname=self._bridge)[0]
                peer = {"ifname": "eth0", "net_ns_fd": namespace}
                ip.link("add", ifname=_device(path), kind="veth", peer=peer, master=bridge, state="up")
            _enter(namespace)  # this thread ends right after
            with _netlink() as ip:
                index = ip.link_lookup(ifname="eth0")[0]
                ip.addr("add", index=index, address=address, prefixlen=self._network.prefixlen)
                ip.link("set", index=1, state="up")
                ip.link("set", index=index, state="up")
                if services:  # every address of a Service is this namespace's own
                    ip.route("add", dst=SERVICE_NETWORK, oif=1, type="local", scope="host", table=LOCAL_TABLE)
                    return
                ip.route("add", dst="default", gateway=_gateway(address))
                ip.route("add", dst=SERVICE_NETWORK, gateway=str(self._service_gateway))
        finally:
            os.close(namespace)

    def _remove(self) -> None:
        with _netlink() as ip:
            _remove_cluster(ip, self._cluster)


def _claim(address: str) -> socket.socket | None:
    """A socket that holds the address; None if another has it."""
    claim = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        claim.bind((address, CLAIM_PORT))
    except OSError:
        claim.close()
        return None
    return claim


def cluster_id(data_dir: Path) -> str:
    """Four hexadecimal digits that tell the clusters of a machine apart."""
    return hashlib.sha256(str(data_dir.resolve()).encode()).hexdigest()[:4]


@contextmanager
def _machine_lock() -> Iterator[None]:
    """One cluster at a time looks for a network that is free."""
    CLUSTERS.mkdir(parents=True, exist_ok=True)
    with (CLUSTERS / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _remove_dead_clusters(ip: Any) -> None:
    """A cluster that was killed, and whose data somebody deleted, can't clean up after itself any more."""
    for path in CLUSTERS.glob("[0-9a-f]" * 4):
        state = records.read(path)
        if state is not None and not Path(state).parent.exists():
            _remove_cluster(ip, path.name)


def _remove_cluster(ip: Any, cluster: str) -> None:
    for path in NAMESPACES.glob(f"podium-{cluster}-*"):
        _remove_namespace(ip, path)
    for index in ip.link_lookup(ifname=f"podium{cluster}"):
        ip.link("del", index=index)
    with suppress(FileNotFoundError):
        (CLUSTERS / cluster).unlink()


def _free_network(routes: Sequence[ipaddress.IPv4Network], wanted: str) -> ipaddress.IPv4Network:
    """The wanted network, or the first other one that overlaps with no route of the machine."""
    for text in (wanted, *PREFERRED):
        network = ipaddress.IPv4Network(text)
        if not any(network.overlaps(route) for route in routes):
            return network
    raise LookupError("every network of 10/8 that Pods could use is in use on this machine")


def _routes(ip: Any) -> list[ipaddress.IPv4Network]:
    found = []
    for route in ip.get_routes(family=2):
        destination = route.get_attr("RTA_DST")
        if destination is not None:
            found.append(ipaddress.IPv4Network((destination, route["dst_len"])))
    return found


def _gateway(address: str) -> str:
    """The node's address in a Pod's /24."""
    return str(ipaddress.IPv4Interface(f"{address}/24").network.network_address + 1)


def _short(uid: str) -> str:
    return hashlib.sha256(uid.encode()).hexdigest()[:12]


def _netlink() -> Any:
    from pyroute2 import IPRoute  # slow to import, and only some ever need it

    return IPRoute()


def _in_thread(action: Callable[[], T]) -> T:
    """Run in a thread of its own, which may change its network namespace because it ends afterwards."""
    results: list[T] = []
    failures: list[BaseException] = []

    def work() -> None:
        try:
            results.append(action())
        except BaseException as error:
            failures.append(error)

    thread = threading.Thread(target=work, name="podium-network")
    thread.start()
    thread.join()
    if failures:
        raise failures[0]
    return results[0]


def in_namespace(namespace: int, action: Callable[[], T]) -> T:
    """Run inside the network namespace that the descriptor is of. Blocks for a moment."""

    def work() -> T:
        _enter(namespace)
        return action()

    return _in_thread(work)


def _make_namespace(path: Path) -> None:
    """Make a network namespace that the file keeps alive, as `ip netns add` does."""
    NAMESPACES.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o444)

    def make() -> None:
        _check(_libc.unshare(CLONE_NEWNET), "unshare")
        source = b"/proc/thread-self/ns/net"
        _check(_libc.mount(source, os.fsencode(path), b"none", MS_BIND, None), f"mount {path}")

    _in_thread(make)


def _device(namespace: Path) -> str:
    """The machine's end of the pair that ties a namespace to the bridge."""
    _, cluster, name = namespace.name.split("-")
    return f"pd{cluster}{name[:8]}"


def _remove_namespace(ip: Any, path: Path) -> None:
    """The namespace goes some time after the last process in it has ended. Its pair of devices goes now: until then it
    would answer, where nothing listens any more, for an address that another Pod may have by now."""
    for index in ip.link_lookup(ifname=_device(path)):
        ip.link("del", index=index)
    if path.exists():
        _libc.umount2(os.fsencode(path), MNT_DETACH)
        with suppress(FileNotFoundError):
            path.unlink()


def _listen(namespace: Path, address: str, port: int) -> socket.socket:
    with namespace.open("rb") as file:
        _enter(file.fileno())  # this thread ends right after; the socket stays where it was made
    return socket.create_server((address, port))


def _enter(namespace: int) -> None:
    _check(_libc.setns(namespace, CLONE_NEWNET), "setns")


def _check(result: int, what: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


def can_isolate() -> str:
    """Why this machine can't give Pods network namespaces; empty if it can."""
    if not Path("/proc/thread-self/ns/net").exists():
        return "this is not Linux"
    if os.geteuid() != 0:
        return "not root"

    def probe() -> None:
        _check(_libc.unshare(CLONE_NEWNET | 0x00020000), "unshare")
        with _netlink() as ip:
            ip.link("add", ifname="podium-probe", kind="bridge")

    try:
        _in_thread(probe)
    except ImportError:
        return "the Python package pyroute2 is not installed"
    except Exception as error:  # pyroute2 has errors of its own
        return f"network namespaces are not available here: {error}"
    return ""
