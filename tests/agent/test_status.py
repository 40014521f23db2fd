"""Phases, conditions and container statuses."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest

from podium.agent.conditions import readiness_is_stale
from podium.agent.status import ContainerView, PodView, pod_status
from podium.models.core_v1 import Pod, PodCondition, PodStatus

from .build import NOW, exited, pod, running, view

TWO = {"containers": [{"name": "a", "image": "i"}, {"name": "b", "image": "i"}]}
INIT = {"initContainers": [{"name": "i", "image": "i"}]}
CLOSED = 'the status of pod readiness gate "lb" is not "True", but False'
ABSENT = 'corresponding condition of pod readiness gate "lb" does not exist.'
SIDECAR = {"initContainers": [{"name": "s", "image": "i", "restartPolicy": "Always"}]}


def status(of: Pod, views: Mapping[str, ContainerView], **more: Any) -> PodStatus:
    return pod_status(of, PodView(views, NOW, sandbox_ready=True, **more), NOW, of.status)


def conditions(found: PodStatus) -> dict[str, str]:
    return {condition.type: f"{condition.status} {condition.reason}".strip() for condition in found.conditions}


@pytest.mark.parametrize(
    ("spec", "views", "ending", "phase"),
    [
        ({}, {}, False, "Pending"),
        ({}, {"c": view(running())}, False, "Running"),
        (TWO, {"a": view(running("a"))}, False, "Pending"),
        ({}, {"c": view(exited(1))}, False, "Running"),
        ({}, {"c": view(exited(1), waiting=("CrashLoopBackOff", ""))}, False, "Running"),
        ({"restartPolicy": "Never"}, {"c": view(exited(0))}, False, "Succeeded"),
        ({"restartPolicy": "Never"}, {"c": view(exited(1))}, False, "Failed"),
        ({"restartPolicy": "OnFailure"}, {"c": view(exited(1))}, False, "Running"),
        ({"restartPolicy": "OnFailure"}, {"c": view(exited(0))}, False, "Succeeded"),
        ({**TWO, "restartPolicy": "Never"}, {"a": view(exited(0)), "b": view(running("b"))}, False, "Running"),
        ({}, {}, True, "Failed"),
        (TWO, {"a": view(exited(0, "a"))}, True, "Failed"),
        (TWO, {"a": view(running("a"))}, True, "Pending"),
        (INIT, {}, True, "Failed"),
        (INIT, {"i": view(running("i"))}, True, "Pending"),
        (INIT, {"i": view(exited(0, "i"))}, True, "Failed"),
        ({}, {"c": view(exited(143))}, True, "Failed"),
        ({}, {"c": view(exited(0))}, True, "Succeeded"),
        (INIT, {"i": view(running("i"))}, False, "Pending"),
        ({**INIT, "restartPolicy": "Never"}, {"i": view(exited(1, "i"))}, False, "Failed"),
        (INIT, {"i": view(exited(1, "i"))}, False, "Pending"),
        (INIT, {"i": view(exited(0, "i")), "c": view(running())}, False, "Running"),
        (SIDECAR, {"s": view(running("s")), "c": view(running())}, False, "Running"),
        ({**SIDECAR, "restartPolicy": "Never"}, {"s": view(running("s")), "c": view(exited(0))}, False, "Running"),
        ({**SIDECAR, "restartPolicy": "Never"}, {"s": view(exited(137, "s")), "c": view(exited(0))}, True, "Succeeded"),
    ],
)
def test_phase(spec: dict[str, Any], views: dict[str, ContainerView], ending: bool, phase: str) -> None:
    assert status(pod(spec), views, ending=ending).phase == phase


def test_conditions_of_a_pod_on_its_way() -> None:
    waiting = conditions(status(pod(INIT), {"i": view(running("i"))}))
    assert waiting["Initialized"] == "False ContainersNotInitialized"
    assert waiting["ContainersReady"] == "False ContainersNotReady"
    ready = conditions(status(pod(INIT), {"i": view(exited(0, "i")), "c": view(running())}))
    assert ready == {
        "PodReadyToStartContainers": "True",
        "Initialized": "True",
        "Ready": "True",
        "ContainersReady": "True",
        "PodScheduled": "True",
    }


def test_conditions_of_a_pod_that_completed() -> None:
    found = conditions(status(pod({"restartPolicy": "Never"}), {"c": view(exited(0))}))
    assert found["Ready"] == "False PodCompleted"
    assert found["Initialized"] == "True PodCompleted"


def test_unready_containers_are_named() -> None:
    found = status(pod(TWO), {"a": view(running("a")), "b": view(running("b"), ready=False)})
    ready = next(condition for condition in found.conditions if condition.type == "Ready")
    assert ready.message == "containers with unready status: [b]"


def test_a_readiness_gate_holds_the_pod_back() -> None:
    gated = pod({"readinessGates": [{"conditionType": "example.com/lb"}]})
    assert conditions(status(gated, {"c": view(running())}))["Ready"] == "False ReadinessGatesNotReady"
    gated.status.conditions = (PodCondition(type="example.com/lb", status="True"),)
    found = conditions(status(gated, {"c": view(running())}))
    assert found["Ready"] == "True"
    assert found["example.com/lb"] == "True"


@pytest.mark.parametrize(
    ("gates", "ready", "reported", "stale"),
    [
        ([], False, ("False", ""), False),
        ([("lb", "True")], True, ("True", ""), False),
        ([("lb", "True")], True, ("False", "closed"), True),
        ([("lb", "False")], True, ("True", ""), True),
        ([("lb", "False")], True, ("False", CLOSED), False),
        ([("lb", "Unknown")], True, ("False", CLOSED), True),
        ([("lb", "")], True, ("False", ABSENT), False),
        ([("lb", "False")], False, ("False", "containers with unready status: [c]"), False),
        ([("lb", "True")], False, ("False", "containers with unready status: [c]"), False),
        ([("lb", "True")], True, None, False),
    ],
)
def test_when_readiness_has_to_be_looked_at_again(
    gates: list[tuple[str, str]], ready: bool, reported: tuple[str, str] | None, stale: bool
) -> None:
    gated = pod({"readinessGates": [{"conditionType": kind} for kind, _ in gates]})
    gated.status = status(gated, {"c": view(running(), ready=ready)})
    others = tuple(PodCondition(type=kind, status=value) for kind, value in gates if value)
    said = (PodCondition(type="Ready", status=reported[0], message=reported[1]),) if reported else ()
    gated.status.conditions = (*said, *others)
    assert readiness_is_stale(gated) is stale


def test_transition_times_change_only_with_the_status() -> None:
    first = status(pod(), {"c": view(running())})
    same = pod()
    same.status = first
    later = NOW + timedelta(minutes=5)
    unready = PodView({"c": view(running(), ready=False)}, NOW, sandbox_ready=True)
    second = {c.type: c.lastTransitionTime for c in pod_status(same, unready, later, first).conditions}
    assert second["Ready"] == later
    assert second["Initialized"] == NOW


def test_a_container_in_backoff_shows_its_last_run() -> None:
    found = status(pod(), {"c": view(exited(3), waiting=("CrashLoopBackOff", "back-off"), restarts=2)})
    container = found.containerStatuses[0]
    assert container.state.waiting is not None
    assert container.lastState.terminated is not None
    assert (container.lastState.terminated.exitCode, container.lastState.terminated.reason) == (3, "Error")
    assert container.restartCount == 2
    assert container.containerID == "podium://c0"


def test_containers_wait_for_their_pod_to_be_initialized() -> None:
    found = status(pod(INIT), {})
    reasons = [
        s.state.waiting.reason for s in (*found.initContainerStatuses, *found.containerStatuses) if s.state.waiting
    ]
    assert reasons == ["PodInitializing", "PodInitializing"]
    waiting = status(pod(), {}).containerStatuses[0].state.waiting
    assert waiting is not None
    assert waiting.reason == "ContainerCreating"
