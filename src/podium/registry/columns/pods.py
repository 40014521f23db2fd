"""Pods as a table: how many containers are ready, and the one reason that says most about their state."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from podium.models.core_v1 import ContainerState, ContainerStatus, Pod
from podium.registry.columns.base import AGE, NAME, NONE, Cells, Columns, age, condition, text, wide
from podium.registry.columns.duration import human_duration

_COMPLETED = {"type": "Completed", "status": "True"}
_CONDITIONS: Mapping[str, tuple[Mapping[str, str], ...]] = {
    "Succeeded": ({**_COMPLETED, "reason": "Succeeded", "message": "The pod has completed successfully."},),
    "Failed": ({**_COMPLETED, "reason": "Failed", "message": "The pod failed."},),
}


def _cells(pod: Pod, now: datetime) -> Cells:
    status, spec = pod.status, pod.spec
    sidecars = {one.name for one in spec.initContainers if one.restartPolicy == "Always"}
    reason, initializing, restarts = _initialization(pod, sidecars)
    ready = 0
    total = len(spec.containers) + len(sidecars)
    counted = restarts
    if initializing:
        ready = sum(one.ready for one in status.initContainerStatuses if one.name in sidecars and one.started)
    if not initializing or _initialized(pod):
        reason, ready = _running(pod, reason, sidecars)
        counted = [*status.containerStatuses, *(one for one in status.initContainerStatuses if one.name in sidecars)]
    if pod.metadata.deletionTimestamp is not None:
        if status.reason == "NodeLost":
            reason = "Unknown"
        elif status.phase not in ("Failed", "Succeeded"):
            reason = "Terminating"
    return [
        pod.metadata.name,
        f"{ready}/{total}",
        reason,
        _restarts(counted, now),
        age(pod, now),
        status.podIPs[0].ip if status.podIPs else status.podIP or NONE,
        spec.nodeName or NONE,
        status.nominatedNodeName or NONE,
        _gates(pod),
    ]


def _initialized(pod: Pod) -> bool:
    found = condition(pod.status.conditions, "Initialized")
    return found is not None and found.status == "True"


def _initialization(pod: Pod, sidecars: set[str]) -> tuple[str, bool, list[ContainerStatus]]:
    """The reason so far, whether an init container is in the way, and whose restarts count then."""
    status = pod.status
    reason = status.reason or status.phase
    scheduled = condition(status.conditions, "PodScheduled")
    if scheduled is not None and scheduled.reason == "SchedulingGated":
        reason = "SchedulingGated"
    counted: list[ContainerStatus] = []
    for position, one in enumerate(status.initContainerStatuses):
        counted.append(one)
        state = one.state
        if state.terminated is not None and state.terminated.exitCode == 0:
            continue
        if one.name in sidecars and one.started:
            continue
        if state.terminated is not None:
            return f"Init:{_ended(state)}", True, counted
        if state.waiting is not None and state.waiting.reason and state.waiting.reason != "PodInitializing":
            return f"Init:{state.waiting.reason}", True, counted
        return f"Init:{position}/{len(pod.spec.initContainers)}", True, counted
    return reason, False, counted


def _ended(state: ContainerState) -> str:
    ended = state.terminated
    if ended is None:
        return ""
    if ended.reason:
        return ended.reason
    return f"Signal:{ended.signal}" if ended.signal else f"ExitCode:{ended.exitCode}"


def _running(pod: Pod, reason: str, sidecars: set[str]) -> tuple[str, int]:
    """The reason of the first container that has one, and how many containers are ready."""
    status = pod.status
    ready = sum(one.ready and bool(one.started) for one in status.initContainerStatuses if one.name in sidecars)
    running = False
    for one in reversed(status.containerStatuses):
        if one.state.waiting is not None and one.state.waiting.reason:
            reason = one.state.waiting.reason
        elif one.state.terminated is not None:
            reason = _ended(one.state)
        elif one.ready and one.state.running is not None:
            running = True
            ready += 1
    if reason == "Completed" and running:
        found = condition(status.conditions, "Ready")
        reason = "Running" if found is not None and found.status == "True" else "NotReady"
    return reason, ready


def _restarts(counted: list[ContainerStatus], now: datetime) -> str:
    """How often, and when last: "3 (2m ago)"."""
    count = sum(one.restartCount for one in counted)
    ends = [
        one.lastState.terminated.finishedAt
        for one in counted
        if one.lastState.terminated is not None and one.lastState.terminated.finishedAt is not None
    ]
    if not count or not ends:
        return str(count)
    return f"{count} ({human_duration((now - max(ends)).total_seconds())} ago)"


def _gates(pod: Pod) -> str:
    gates = pod.spec.readinessGates
    if not gates:
        return NONE
    true = {one.type for one in pod.status.conditions if one.status == "True"}
    return f"{sum(gate.conditionType in true for gate in gates)}/{len(gates)}"


PODS = Columns(
    (
        NAME,
        text("Ready", "Containers that are ready, of all"),
        text("Status", "What the Pod is doing, in one word"),
        text("Restarts", "How often its containers were restarted, and when last"),
        AGE,
        wide("IP", "Address of the Pod"),
        wide("Node", "Node that the Pod is bound to"),
        wide("Nominated Node", "Node that room is being made on"),
        wide("Readiness Gates", "Conditions that are true, of those that readiness depends on"),
    ),
    _cells,
    lambda pod: _CONDITIONS.get(pod.status.phase, ()),
)
