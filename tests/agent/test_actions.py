"""What a Pod needs next."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from podium.agent import restart
from podium.agent.actions import Actions, Known, decide

from .build import NOW, exited, pod, running, view

ORDERED: dict[str, Any] = {
    "initContainers": [
        {"name": "i", "image": "app:v1"},
        {"name": "s", "image": "app:v1", "restartPolicy": "Always"},
        {"name": "j", "image": "app:v1"},
    ]
}


def plan(spec: dict[str, Any], **known: Known) -> Actions:
    of = pod(spec)
    names = [container.name for container in (*of.spec.initContainers, *of.spec.containers)]
    return decide(of, {name: known.get(name, Known()) for name in names}, NOW)


def names(actions: Actions) -> list[str]:
    return [container.name for container in actions.start]


DONE = Known(view(exited(0, "i")))


@pytest.mark.parametrize(
    ("known", "started"),
    [
        ({}, ["i"]),
        ({"i": Known(view(running("i")))}, []),
        ({"i": DONE}, ["s"]),
        ({"i": DONE, "s": Known(view(running("s"), started=False))}, []),
        ({"i": DONE, "s": Known(view(running("s")))}, ["j"]),
        ({"i": DONE, "s": Known(view(running("s"))), "j": DONE}, ["c"]),
        ({"i": Known(view(exited(1, "i")))}, ["i"]),
    ],
)
def test_init_containers_and_sidecars_come_in_order(known: dict[str, Known], started: list[str]) -> None:
    assert names(plan(ORDERED, **known)) == started


def test_a_sidecar_is_restarted_beside_the_containers() -> None:
    known = {"i": DONE, "s": Known(view(exited(1, "s"))), "j": DONE, "c": Known(view(running()))}
    assert names(plan(ORDERED, **known)) == ["s"]


def test_a_failed_init_container_of_a_pod_that_never_restarts_is_the_end() -> None:
    actions = plan({**ORDERED, "restartPolicy": "Never"}, i=Known(view(exited(1, "i"))))
    assert actions.finished
    assert not actions.start


def test_a_crashing_container_waits() -> None:
    known = Known(view(exited(1, ago=4)), backoff=restart.Backoff(10, NOW))
    actions = plan({}, c=known)
    assert [c.name for c in actions.crash_looping] == ["c"]
    assert actions.wait == 6
    assert not actions.start
    assert names(plan({}, c=Known(view(exited(1, ago=10)), backoff=restart.Backoff(10, NOW)))) == ["c"]


def test_what_failed_is_tried_again_when_it_is_time() -> None:
    assert plan({}, c=Known(retry_at=NOW + timedelta(seconds=7))).wait == 7
    assert names(plan({}, c=Known(retry_at=NOW))) == ["c"]


@pytest.mark.parametrize(
    ("known", "message"),
    [
        (lambda: Known(view(running()), unhealthy="liveness"), "Container c failed liveness probe, will be restarted"),
        (lambda: Known(view(running(image="app:v0"))), "Container c definition changed, will be restarted"),
    ],
)
def test_what_must_not_go_on_is_killed(known: Callable[[], Known], message: str) -> None:
    assert [kill.message for kill in plan({}, c=known()).kill] == [message]


@pytest.mark.parametrize(
    ("policy", "known", "message", "again"),
    [
        ("Never", Known(view(running()), unhealthy="liveness"), "Container c failed liveness probe", False),
        (
            "OnFailure",
            Known(view(running()), unhealthy="startup"),
            "Container c failed startup probe, will be restarted",
            True,
        ),
        ("Never", Known(view(running(image="app:v0"))), "Container c definition changed, will be restarted", True),
    ],
)
def test_whether_what_is_killed_runs_again(policy: str, known: Known, message: str, again: bool) -> None:
    actions = plan({"restartPolicy": policy}, c=known)
    assert [(kill.message, kill.again) for kill in actions.kill] == [(message, again)]


def test_what_was_killed_to_run_again_does_so_however_it_ended() -> None:
    ended = Known(view(exited(0)), again=True)
    for policy in ("OnFailure", "Never"):
        assert names(plan({"restartPolicy": policy}, c=ended)) == ["c"]


def test_sidecars_that_must_not_go_on_are_killed_and_init_containers_are_not() -> None:
    sidecar = Known(view(running("s")), unhealthy="liveness")
    actions = plan(
        {**ORDERED, "restartPolicy": "Never"}, i=DONE, s=sidecar, j=Known(view(running("j", image="app:v0")))
    )
    assert [kill.message for kill in actions.kill] == ["Init container s failed liveness probe"]


@pytest.mark.parametrize(
    ("policy", "code", "finished"), [("Never", 1, True), ("OnFailure", 0, True), ("Always", 0, False)]
)
def test_the_end_of_all_containers(policy: str, code: int, finished: bool) -> None:
    assert plan({"restartPolicy": policy}, c=Known(view(exited(code)))).finished is finished


def test_ephemeral_containers_run_once_whatever_the_others_do() -> None:
    found = pod({"initContainers": [{"name": "i"}], "ephemeralContainers": [{"name": "e"}]})
    known = {"i": Known(), "c": Known(), "e": Known()}
    assert [container.name for container in decide(found, known, NOW).start] == ["i", "e"]
    known["e"].view.current = exited(1, "e")
    assert [container.name for container in decide(found, known, NOW).start] == ["i"]
    known["i"].view.current, known["c"].view.current = exited(0, "i"), running()
    known["e"].view.current = running("e")
    assert decide(found, known, NOW) == Actions()
