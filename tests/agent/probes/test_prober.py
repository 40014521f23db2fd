"""When a container is probed, on the virtual clock."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from podium.agent.probes.handlers import Target
from podium.agent.probes.prober import Prober
from podium.agent.runtime import ExecResult, RuntimeFailure
from podium.clock import VirtualClock, VirtualLoop
from podium.models import codec
from podium.models.core_v1 import Container


class Scripted:
    """A runtime whose containers answer each command as told, and that notes when."""

    def __init__(self, clock: VirtualClock, answers: dict[str, str]) -> None:
        self.clock = clock
        self.answers = {name: list(results) for name, results in answers.items()}
        self.asked: dict[str, list[float]] = {name: [] for name in answers}
        self.told: list[str] = []

    async def exec_sync(self, container_id: str, command: Sequence[str], timeout: float | None) -> ExecResult:
        """`+` is success, `-` failure, `.` one that takes 0.75 s, `?` and `!` that it can't be run."""
        name = command[0]
        self.asked[name].append(round(self.clock.elapsed, 3))
        results = self.answers[name]
        result = results.pop(0) if len(results) > 1 else results[0]
        if result == "!":
            raise OSError("Resource temporarily unavailable")
        if result == "?":
            raise RuntimeFailure("container is not running")
        await self.clock.sleep(0.75 if result == "." else 0)
        return ExecResult(0 if result == "+" else 1, b"")


def observe(probes: dict[str, Any], answers: dict[str, str], seconds: float, **start: bool) -> tuple[Scripted, Prober]:
    clock = VirtualClock()
    loop = VirtualLoop(clock)
    runtime = Scripted(clock, answers)
    tree = {f"{kind}Probe": {"exec": {"command": [kind]}, **fields} for kind, fields in probes.items()}
    container = codec.from_tree({"name": "c", **tree}, Container)
    target = Target(runtime, clock, container, "id", "")  # type: ignore[arg-type]
    prober = Prober(target, clock.now(), lambda: None, lambda _reason, message: runtime.told.append(message))

    async def run() -> None:
        prober.start(**start)
        await clock.sleep(seconds)
        prober.stop()

    loop.run_until_complete(run())
    loop.close()
    return runtime, prober


def test_initial_delay_and_period() -> None:
    fields = {"initialDelaySeconds": 5, "periodSeconds": 3}
    runtime, prober = observe({"readiness": fields}, {"readiness": "+"}, 12)
    assert runtime.asked["readiness"] == [5, 8, 11]
    assert prober.ready


def test_other_probes_wait_for_the_startup_probe() -> None:
    probes = {"startup": {"periodSeconds": 2}, "liveness": {}, "readiness": {}}
    answers = {"startup": "--+", "liveness": "+", "readiness": "+"}
    runtime, prober = observe(probes, answers, 20)
    assert runtime.asked == {"startup": [0, 2, 4], "liveness": [4, 14], "readiness": [4, 14]}
    assert (prober.started, prober.ready, prober.failed) == (True, True, None)


@pytest.mark.parametrize("kind", ["startup", "liveness"])
def test_a_container_that_fails_is_to_be_killed(kind: str) -> None:
    runtime, prober = observe({kind: {"periodSeconds": 1, "failureThreshold": 2}}, {kind: "-"}, 10)
    assert prober.failed == kind
    assert runtime.asked[kind] == [0, 1]


def test_an_unready_container_goes_on() -> None:
    fields = {"periodSeconds": 1, "failureThreshold": 1}
    runtime, prober = observe({"readiness": fields}, {"readiness": "-"}, 3.5)
    assert len(runtime.asked["readiness"]) == 4
    assert (prober.ready, prober.failed) == (False, None)


def test_a_container_taken_over_stays_ready_until_a_probe_says_otherwise() -> None:
    fields = {"initialDelaySeconds": 30}
    _, prober = observe(
        {"startup": {}, "readiness": fields}, {"startup": "-", "readiness": "-"}, 5, started=True, ready=True
    )
    assert (prober.started, prober.ready) == (True, True)


def test_initial_delays_count_from_the_start_of_the_container() -> None:
    probes = {"startup": {"periodSeconds": 10}, "liveness": {"initialDelaySeconds": 15}}
    runtime, _ = observe(probes, {"startup": "--+", "liveness": "+"}, 25)
    assert runtime.asked == {"startup": [0, 10, 20], "liveness": [20]}


def test_a_period_is_from_one_probe_to_the_next_however_long_they_take() -> None:
    fields = {"periodSeconds": 2, "timeoutSeconds": 1, "failureThreshold": 3}
    runtime, prober = observe({"liveness": fields}, {"liveness": "."}, 10)
    assert runtime.asked["liveness"] == [0, 2, 4]
    assert prober.failed == "liveness"


def test_a_probe_that_can_not_be_carried_out_says_nothing_about_the_container() -> None:
    fields = {"periodSeconds": 1, "failureThreshold": 2}
    runtime, prober = observe({"liveness": fields}, {"liveness": "-?"}, 5)
    assert prober.failed is None
    errored = "Liveness probe errored and resulted in unknown state: container is not running"
    assert runtime.told == ["Liveness probe failed: ", *[errored] * 4]


def test_probing_goes_on_when_there_are_processes_again() -> None:
    runtime, prober = observe({"readiness": {"periodSeconds": 1}}, {"readiness": "!!+"}, 5)
    assert prober.ready
    assert (
        runtime.told == ["Readiness probe errored and resulted in unknown state: Resource temporarily unavailable"] * 2
    )
