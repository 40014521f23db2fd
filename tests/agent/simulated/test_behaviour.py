"""What simulated containers do."""

from __future__ import annotations

from typing import Any

import pytest

from podium.agent.runtimes.simulated.behaviour import COMPLETES, RUNS, Behaviour, behaviour, image_is_missing, parse

from ..build import pod


@pytest.mark.parametrize(
    ("argv", "end"),
    [
        (("true",), (0, 0, "")),
        (("/bin/false",), (0, 1, "")),
        (("exit", "3"), (0, 3, "")),
        (("sleep", "5"), (5, 0, "")),
        (("sleep", "1m", "30s"), (90, 0, "")),
        (("sleep", "infinity"), None),
        (("echo", "hi", "there"), (0, 0, "hi there")),
        (("sh", "-c", "sleep 5; exit 1"), (5, 1, "")),
        (("/bin/bash", "-ec", "echo one && sleep 2\necho two"), (2, 0, "one\ntwo")),
        (("sh", "-c", "exit"), (0, 0, "")),
        (("sh", "-c", "false; exit"), (0, 1, "")),
        (("sh", "-c", "while true; do sleep 1; done"), None),
        (("sh", "-c", "sleep 1 | cat"), None),
        (("sh", "script.sh"), None),
        (("sh", "-c", "echo 'unclosed"), None),
        (("nginx", "-g", "daemon off;"), None),
    ],
)
def test_trivial_commands(argv: tuple[str, ...], end: tuple[float, int, str] | None) -> None:
    assert parse(argv) == end


@pytest.mark.parametrize(
    ("image", "missing"),
    [
        ("nginx", False),
        ("nginx:1.27", False),
        ("registry.example.com/team/app:v1", False),
        ("nginx:missing", True),
        ("missing/app", True),
        ("app:does-not-exist", True),
        ("nonexistent-image:v1", True),
        ("permissing/app", False),
        ("", True),
    ],
)
def test_missing_images(image: str, missing: bool) -> None:
    assert image_is_missing(image) is missing


def of(attempt: int = 0, annotations: dict[str, str] | None = None, init: bool = False, **spec: Any) -> Behaviour:
    found = pod(spec, annotations={f"podium.dev/simulate-{key}": value for key, value in (annotations or {}).items()})
    return behaviour(found, found.spec.containers[0], attempt, init=init)


def test_containers_without_a_script() -> None:
    assert of() is RUNS
    assert of(init=True) is COMPLETES


def test_a_jobs_container_completes() -> None:
    owner = {"apiVersion": "batch/v1", "kind": "Job", "name": "j", "uid": "j", "controller": True}
    found = pod({"restartPolicy": "Never"}, ownerReferences=[owner])
    assert behaviour(found, found.spec.containers[0], 0).run_seconds == 1


def test_annotations_script_a_pod() -> None:
    found = of(annotations={"start-delay": "2", "ready-delay": "3.5", "run-seconds": "60", "exit-code": "9"})
    assert (found.start_delay, found.ready_delay, found.run_seconds, found.exit_code) == (2, 3.5, 60, 9)
    assert of(annotations={"exit-code": "1"}).run_seconds == 0
    assert of(annotations={"start-delay": "soon"}).start_delay == 0


def test_an_annotation_for_one_container_comes_first() -> None:
    assert of(annotations={"exit-code": "1", "exit-code.c": "2"}).exit_code == 2
    assert of(annotations={"exit-code.other": "2"}) == RUNS


def test_the_first_runs_may_fail() -> None:
    ends = [of(attempt, {"fail-starts": "2"}).run_seconds for attempt in range(3)]
    assert ends == [0, 0, None]
