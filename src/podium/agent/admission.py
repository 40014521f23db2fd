"""Whether a Pod that was bound to a node may start there: what the kubelet checks before anything else.

The scheduler has checked the same, but whoever sets spec.nodeName goes past it, and two schedulers may decide at once.
A Pod that is turned away is Failed for good; its controller makes another one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from msgspec import structs

from podium.agent.driver import NodeContext, PodDriver
from podium.agent.events import WARNING
from podium.agent.phase import FAILED, FINAL
from podium.models import quota
from podium.models.core_v1 import Node, Pod, Taint, Toleration
from podium.models.node_terms import node_term
from podium.models.quantity import thousandths, whole

HostPort = tuple[str, str, int]
"""Address, protocol, port."""
ANY_ADDRESS = "0.0.0.0"  # noqa: S104 - it is compared, nothing listens there
BASIC = ("cpu", "memory", "ephemeral-storage")


@dataclass(frozen=True, slots=True)
class Needs:
    """What a Pod takes of a node."""

    amounts: Mapping[str, int]
    """CPU in thousandths, everything else in whole units."""
    ports: tuple[HostPort, ...]


@dataclass(slots=True)
class Taken:
    """What the Pods of a node take together."""

    pods: dict[str, Needs] = field(default_factory=dict)
    amounts: dict[str, int] = field(default_factory=dict)
    ports: dict[HostPort, int] = field(default_factory=dict)

    def add(self, uid: str, needs: Needs) -> None:
        self.pods[uid] = needs
        self._count(needs, 1)

    def give_back(self, uid: str) -> None:
        needs = self.pods.pop(uid, None)
        if needs is not None:
            self._count(needs, -1)

    def change(self, uid: str, needs: Needs) -> None:
        """A Pod that is among them needs something else now."""
        if uid in self.pods:
            self.give_back(uid)
            self.add(uid, needs)

    def _count(self, needs: Needs, sign: int) -> None:
        for name, amount in needs.amounts.items():
            self.amounts[name] = self.amounts.get(name, 0) + sign * amount
        for port in needs.ports:
            self.ports[port] = self.ports.get(port, 0) + sign
            if not self.ports[port]:
                del self.ports[port]


def needs_of(pod: Pod) -> Needs:
    asked = quota.requests(pod)
    return Needs({name: _amount(name, value) for name, value in asked.items()}, host_ports(pod))


def host_ports(pod: Pod) -> tuple[HostPort, ...]:
    sidecars = (one for one in pod.spec.initContainers if one.restartPolicy == "Always")
    return tuple(
        (port.hostIP or ANY_ADDRESS, port.protocol or "TCP", port.hostPort)
        for container in (*sidecars, *pod.spec.containers)
        for port in container.ports
        if port.hostPort
    )


def rejection(pod: Pod, needs: Needs, taken: Taken, node: Node) -> tuple[str, str] | None:
    """Reason and message, in the kubelet's words, of why the Pod can't start on the node; None if it can."""
    system = node.metadata.labels.get("kubernetes.io/os", "linux")
    if pod.spec.os is not None and pod.spec.os.name != system:
        return "PodOSNotSupported", "Failed to admit pod as the OS field doesn't match node OS"
    return _shortage(needs, taken, node.status.allocatable) or _mismatch(pod, needs, taken, node)


def _shortage(needs: Needs, taken: Taken, allocatable: Mapping[str, str]) -> tuple[str, str] | None:
    """What there isn't enough of. Resources that the node has never heard of are others' business."""
    rows = [("pods", 1, len(taken.pods))]
    names = [*BASIC, *sorted(name for name in needs.amounts if name not in BASIC and name in allocatable)]
    rows += [(name, needs.amounts.get(name, 0), taken.amounts.get(name, 0)) for name in names]
    for name, wanted, used in rows:
        capacity = _amount(name, allocatable[name]) if name in allocatable else 0
        if wanted and used + wanted > capacity:
            amounts = f"requested: {wanted}, used: {used}, capacity: {capacity}"
            return f"OutOf{name}", f"Node didn't have enough resource: {name}, {amounts}"
    return None


def _mismatch(pod: Pod, needs: Needs, taken: Taken, node: Node) -> tuple[str, str] | None:
    predicate = problem = ""
    if not _selects(pod, node):
        predicate, problem = "NodeAffinity", "node(s) didn't match Pod's node affinity/selector"
    elif pod.spec.nodeName != node.metadata.name:
        predicate, problem = "NodeName", "node(s) didn't match the requested node name"
    elif any(_clash(wanted, port) for wanted in needs.ports for port in taken.ports):
        predicate, problem = "NodePorts", "node(s) didn't have free ports for the requested pod ports"
    elif not all(_tolerated(taint, pod.spec.tolerations) for taint in node.spec.taints if taint.effect == "NoExecute"):
        predicate, problem = "TaintToleration", "node(s) had taints that the pod didn't tolerate"
    return (predicate, f"Predicate {predicate} failed: {problem}") if predicate else None


def _selects(pod: Pod, node: Node) -> bool:
    labels = node.metadata.labels
    if any(labels.get(key) != value for key, value in pod.spec.nodeSelector.items()):
        return False
    affinity = pod.spec.affinity.nodeAffinity if pod.spec.affinity is not None else None
    required = affinity.requiredDuringSchedulingIgnoredDuringExecution if affinity is not None else None
    if required is None:
        return True
    return any(node_term(term).matches(node.metadata.name, labels) for term in required.nodeSelectorTerms)


def _clash(left: HostPort, right: HostPort) -> bool:
    return left[1:] == right[1:] and (left[0] == right[0] or ANY_ADDRESS in (left[0], right[0]))


def _tolerated(taint: Taint, tolerations: Iterable[Toleration]) -> bool:
    return any(
        one.effect in ("", taint.effect)
        and one.key in ("", taint.key)
        and (one.operator == "Exists" or (one.key == taint.key and one.value == taint.value))
        for one in tolerations
    )


def _amount(name: str, value: str) -> int:
    return thousandths(value) if name == "cpu" else whole(value)


class Admission:
    """Stands before the driver of a node: it never hears of Pods that were turned away."""

    def __init__(self, context: NodeContext, driver: PodDriver, node: Callable[[], Node]) -> None:
        self._context = context
        self._driver = driver
        self._node = node
        self._taken = Taken()
        self._rejected: set[str] = set()

    def pod_changed(self, old: Pod | None, new: Pod | None) -> None:
        pod = new or old
        assert pod is not None
        uid = pod.metadata.uid
        if new is None or new.status.phase in FINAL:
            self._taken.give_back(uid)
        if uid in self._rejected:
            self._gone_or_going(uid, new)
            return
        if old is not None and new is not None and old.metadata.generation != new.metadata.generation:
            self._taken.change(uid, needs_of(new))
        if new is not None and uid not in self._taken.pods and new.status.phase not in FINAL and self._rejects(new):
            return
        self._driver.pod_changed(old, new)

    def _rejects(self, pod: Pod) -> bool:
        needs = needs_of(pod)
        found = None
        if pod.metadata.deletionTimestamp is None and pod.status.startTime is None:  # else it was admitted before
            found = rejection(pod, needs, self._taken, self._node())
        if found is None:
            self._taken.add(pod.metadata.uid, needs)
            return False
        reason, message = found
        self._rejected.add(pod.metadata.uid)
        self._context.events.pod(pod, WARNING, reason, message)
        status = structs.replace(
            pod.status,
            observedGeneration=pod.metadata.generation,
            phase=FAILED,
            reason=reason,
            message=f"Pod was rejected: {message}",
            startTime=self._context.now(),
        )
        self._context.statuses.set(pod, status)
        return True

    def _gone_or_going(self, uid: str, pod: Pod | None) -> None:
        if pod is None:
            self._rejected.discard(uid)
            self._context.statuses.forget(uid)
        elif pod.metadata.deletionTimestamp is not None:
            self._context.statuses.remove(pod)
