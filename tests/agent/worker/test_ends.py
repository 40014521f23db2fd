"""How the containers of a Pod end: hooks, order, grace periods that become shorter."""

from __future__ import annotations

from typing import Any

import pytest

from podium.agent.container_stop import waits_for
from podium.machinery.errors import NotFound
from podium.models import codec
from podium.models.core_v1 import Pod

from ..build import pod as build
from .conftest import ScriptedNode
from .scripted import Program

SIDECARS: list[dict[str, Any]] = [
    {"name": "s1", "restartPolicy": "Always"},
    {"name": "i"},
    {"name": "s2", "restartPolicy": "Always", "lifecycle": {"preStop": {"exec": {"command": ["drain"]}}}},
]


def ready(pod: Pod) -> str:
    return next(condition.status for condition in pod.status.conditions if condition.type == "Ready")


def is_gone(node: ScriptedNode) -> bool:
    try:
        node.pod()
    except NotFound:
        return True
    return False


def test_sidecars_wait_for_containers_and_later_sidecars() -> None:
    found = build({"initContainers": SIDECARS, "containers": [{"name": "a"}, {"name": "b"}]})
    assert waits_for(found) == {"s1": ("a", "b", "s2"), "s2": ("a", "b")}


def test_hooks_of_sidecars_run_at_once_and_their_signals_come_last(node: ScriptedNode) -> None:
    programs = {
        "c": Program(stop_seconds=5),
        "i": Program(seconds=0),
        "s1": Program(stop_seconds=1),
        "s2": Program(stop_seconds=1, commands={"drain": (3, 0)}),
    }
    node.create({"name": "c"}, programs=programs, initContainers=SIDECARS)
    node.delete(30)
    assert node.after(30) == [
        (0, "stop c"),
        (0, "exec drain in s2"),
        (5, "end c"),
        (5, "stop s2"),
        (6, "end s2"),
        (6, "stop s1"),
        (7, "end s1"),
        (7, "sandbox removed"),
    ]


def test_sidecars_wait_no_longer_than_the_grace_period(node: ScriptedNode) -> None:
    programs = {"c": Program(stop_seconds=100), "s": Program(stop_seconds=100)}
    sidecar = {"name": "s", "restartPolicy": "Always"}
    node.create({"name": "c"}, programs=programs, initContainers=[sidecar])
    node.delete(10)
    happened = node.after(30)
    assert sorted(happened) == [
        (0, "stop c"),
        (10, "end c"),
        (10, "stop s"),
        (12, "end s"),
        (12, "sandbox removed"),
    ]


@pytest.mark.parametrize("hook", [{"sleep": {"seconds": 3000}}, {"exec": {"command": ["drain"]}}])
def test_a_forced_deletion_does_not_wait_for_a_hook(node: ScriptedNode, hook: dict[str, Any]) -> None:
    container = {"name": "c", "lifecycle": {"preStop": hook}}
    programs = {"c": Program(commands={"drain": (3000, 0)})}
    node.create(container, programs=programs, terminationGracePeriodSeconds=3600)
    node.delete(3600)
    node.after(10)
    node.delete(0)
    assert [what for _, what in node.after(5)] == ["stop c", "end c", "sandbox removed"]


def test_a_deletion_does_not_wait_for_what_a_failed_probe_has_begun(node: ScriptedNode) -> None:
    probe = {"periodSeconds": 1, "failureThreshold": 1, "exec": {"command": ["alive"]}}
    container = {"name": "c", "livenessProbe": probe, "lifecycle": {"preStop": {"sleep": {"seconds": 3000}}}}
    node.create(container, programs={"c": Program(commands={"alive": (0, 1)})}, terminationGracePeriodSeconds=3600)
    node.after(10)
    assert node.events("Killing") == ["Container c failed liveness probe, will be restarted"]
    node.delete(20)
    assert node.after(30) == [(20, "stop c"), (20, "end c"), (20, "sandbox removed")]
    assert is_gone(node)


def test_a_hook_after_the_start_has_all_the_time_it_wants(node: ScriptedNode) -> None:
    container = {"name": "c", "lifecycle": {"postStart": {"exec": {"command": ["warm-up"]}}}}
    node.create(container, programs={"c": Program(commands={"warm-up": (100, 0)})}, terminationGracePeriodSeconds=1)
    node.after(99)
    assert ready(node.pod()) == "False"
    node.after(2)
    assert ready(node.pod()) == "True"


def test_a_deletion_does_not_wait_for_a_hook_after_the_start(node: ScriptedNode) -> None:
    container = {"name": "c", "lifecycle": {"postStart": {"sleep": {"seconds": 3000}}}}
    node.create(container, terminationGracePeriodSeconds=3600)
    node.delete(30)
    assert node.after(0) == [(0, "stop c"), (0, "end c"), (0, "sandbox removed")]
    assert node.events("FailedPostStartHook") == []


def test_what_is_just_being_started_is_stopped_when_the_pod_is_gone(node: ScriptedNode) -> None:
    container = {"name": "c", "lifecycle": {"postStart": {"exec": {"command": ["warm-up"]}}}}
    node.create(container, programs={"c": Program(commands={"warm-up": (3000, 0)})})
    node.delete(0)
    assert [what for _, what in node.after(5)] == ["stop c", "end c", "sandbox removed"]


def test_events_do_not_tell_what_a_hook_has_said(node: ScriptedNode) -> None:
    fails = {"exec": {"command": ["fail"]}}
    container = {"name": "c", "lifecycle": {"postStart": fails, "preStop": fails}}
    node.create(container, programs={"c": Program(commands={"fail": (0, 1)})})
    assert node.events("FailedPostStartHook") == ["PostStartHook failed"]
    assert node.events("FailedPreStopHook") == ["PreStopHook failed"]


def test_readiness_is_told_while_the_pod_ends(node: ScriptedNode) -> None:
    probe = {"periodSeconds": 5, "failureThreshold": 1, "exec": {"command": ["ready"]}}
    program = Program(stop_seconds=100, commands={"ready": (0, 0)})
    node.create({"name": "c", "readinessProbe": probe}, programs={"c": program})
    assert ready(node.pod()) == "True"
    node.delete(60)
    program.commands["ready"] = (0, 1)
    node.after(6)
    assert (node.pod().status.phase, ready(node.pod())) == ("Running", "False")


def test_the_end_of_containers_is_told_before_their_sidecars_have_ended(node: ScriptedNode) -> None:
    programs = {"c": Program(seconds=5, exit_code=3), "s": Program(stop_seconds=20)}
    sidecar = {"name": "s", "restartPolicy": "Always"}
    node.create({"name": "c"}, programs=programs, initContainers=[sidecar], restartPolicy="Never")
    node.after(10)
    ended = node.pod().status.containerStatuses[0].state.terminated
    assert (node.pod().status.phase, ended.exitCode if ended else None) == ("Running", 3)
    node.after(20)
    assert node.pod().status.phase == "Failed"


def test_a_pod_has_not_failed_while_a_sidecar_runs(node: ScriptedNode) -> None:
    programs = {"i": Program(seconds=5, exit_code=3), "s": Program(stop_seconds=20)}
    inits = [{"name": "s", "restartPolicy": "Always"}, {"name": "i"}]
    node.create({"name": "c"}, programs=programs, initContainers=inits, restartPolicy="Never")
    node.after(10)
    assert node.pod().status.phase == "Pending"
    node.after(20)
    assert node.pod().status.phase == "Failed"


def test_who_says_that_a_pod_has_failed_ends_it(node: ScriptedNode) -> None:
    node.create({"name": "c"})
    pod = codec.copy(node.pod())
    pod.status.phase, pod.status.reason, pod.status.message = "Failed", "Evicted", "too much"
    node.cluster.run(node.cluster.client.update_status(pod))
    assert node.after(5) == [(0, "stop c"), (0, "end c")]
    status = node.pod().status
    assert (status.phase, status.reason, status.message) == ("Failed", "Evicted", "too much")
    assert status.containerStatuses[0].state.terminated is not None
