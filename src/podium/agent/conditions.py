"""The conditions of a Pod that the node agent owns (API reference: PodCondition).

Conditions of others (PodScheduled, readiness gates, DisruptionTarget) are kept as they are. A transition time changes
only with the status.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from podium.agent.phase import FAILED, SUCCEEDED
from podium.agent.restart import is_sidecar
from podium.models.core_v1 import ContainerStatus, Pod, PodCondition

OWNED = ("PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady")


def conditions(
    pod: Pod,
    phase: str,
    inits: Sequence[ContainerStatus],
    statuses: Sequence[ContainerStatus],
    sandbox_ready: bool,
    now: datetime,
    reported: Sequence[PodCondition] = (),
) -> tuple[PodCondition, ...]:
    """All conditions of the Pod, those of others included. `reported` is what was reported last, if that is newer than
    the Pod."""
    others = [condition for condition in pod.status.conditions if condition.type not in OWNED]
    containers_ready = _containers_ready(pod, phase, inits, statuses)
    ready = _ready(pod, containers_ready, others)
    found = (
        ("PodReadyToStartContainers", (sandbox_ready, "", "")),
        ("Initialized", _initialized(pod, phase, inits, statuses)),
        ("Ready", ready),
        ("ContainersReady", containers_ready),
    )
    before = {condition.type: condition for condition in reported or pod.status.conditions}
    generation = pod.metadata.generation
    owned = [_condition(kind, values, before.get(kind), generation, now) for kind, values in found]
    if not any(condition.type == "PodScheduled" for condition in others):
        owned.append(_condition("PodScheduled", (True, "", ""), None, generation, now))
    return (*owned, *others)


def readiness_is_stale(pod: Pod) -> bool:
    """Whether Ready isn't what the rest of the status makes of it: a readiness gate's condition has changed."""
    if not pod.spec.readinessGates:
        return False
    status = pod.status
    found = next((condition for condition in status.conditions if condition.type == "Ready"), None)
    containers_ready = _containers_ready(pod, status.phase, status.initContainerStatuses, status.containerStatuses)
    holds, _, message = _ready(pod, containers_ready, status.conditions)
    return found is not None and (found.status == "True", found.message) != (holds, message)


def merged(live: Sequence[PodCondition], wanted: Sequence[PodCondition]) -> tuple[PodCondition, ...]:
    """The agent's conditions as wanted, the others as they are in the API now."""
    mine = tuple(condition for condition in wanted if condition.type in OWNED)
    others = tuple(condition for condition in live if condition.type not in OWNED)
    return mine + (others or tuple(condition for condition in wanted if condition.type not in OWNED))


def _condition(
    kind: str, values: tuple[bool, str, str], old: PodCondition | None, generation: int | None, now: datetime
) -> PodCondition:
    holds, reason, message = values
    status = "True" if holds else "False"
    return PodCondition(
        type=kind,
        status=status,
        reason=reason,
        message=message,
        observedGeneration=generation,
        lastTransitionTime=old.lastTransitionTime if old is not None and old.status == status else now,
    )


def _containers_ready(
    pod: Pod, phase: str, inits: Sequence[ContainerStatus], statuses: Sequence[ContainerStatus]
) -> tuple[bool, str, str]:
    if phase == SUCCEEDED:
        return False, "PodCompleted", ""
    if phase == FAILED:
        return False, "PodFailed", ""
    unready = [status.name for status in statuses if not status.ready]
    if pod.spec.initContainers:
        sidecars = {container.name for container in pod.spec.initContainers if is_sidecar(container)}
        unready = [status.name for status in inits if status.name in sidecars and not status.ready] + unready
    if unready:
        return False, "ContainersNotReady", f"containers with unready status: [{' '.join(unready)}]"
    return True, "", ""


def _initialized(
    pod: Pod, phase: str, inits: Sequence[ContainerStatus], statuses: Sequence[ContainerStatus]
) -> tuple[bool, str, str]:
    if phase == SUCCEEDED:
        return True, "PodCompleted", ""
    if not pod.spec.initContainers:
        return True, "", ""
    if any(status.started or status.state.terminated or status.lastState.terminated for status in statuses):
        return True, "", ""
    sidecars = {container.name for container in pod.spec.initContainers if is_sidecar(container)}
    incomplete = [s.name for s in inits if not (s.started if s.name in sidecars else s.ready)]
    if incomplete:
        return False, "ContainersNotInitialized", f"containers with incomplete status: [{' '.join(incomplete)}]"
    return True, "", ""


def _ready(pod: Pod, containers_ready: tuple[bool, str, str], others: Sequence[PodCondition]) -> tuple[bool, str, str]:
    """The containers have to be ready, and all readiness gates open."""
    if not containers_ready[0]:
        return containers_ready
    messages = []
    for gate in pod.spec.readinessGates:
        kind = gate.conditionType
        found = next((condition for condition in others if condition.type == kind), None)
        if found is None:
            messages.append(f'corresponding condition of pod readiness gate "{kind}" does not exist.')
        elif found.status != "True":
            messages.append(f'the status of pod readiness gate "{kind}" is not "True", but {found.status}')
    if messages:
        return False, "ReadinessGatesNotReady", ", ".join(messages)
    return True, "", ""
