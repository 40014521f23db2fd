"""What simulated containers do."""

from __future__ import annotations

from typing import Any

import pytest

from podium.agent.runtimes.simulated.behaviour import (
    COMPLETES,
    RUNS,
    Behaviour,
    FirstRuns,
    behaviour,
    chosen,
    image_is_missing,
)
from podium.models.core_v1 import Container, Pod

from ..build import pod


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


JOB = {"apiVersion": "batch/v1", "kind": "Job", "name": "j", "uid": "j", "controller": True}


def of_job(index: str = "", script: str = "", uid: str = "u1", **container: Any) -> Pod:
    spec = {"restartPolicy": "Never", "containers": [{"name": "c", "image": "app:v1", **container}]}
    labels = {"batch.kubernetes.io/job-completion-index": index} if index else {}
    annotations = {"podium.dev/simulate-exit-code": script} if script else {}
    notes = {**annotations, "batch.kubernetes.io/job-completion-index": index}
    return pod(spec, uid=uid, labels=labels, annotations=notes, ownerReferences=[JOB])


@pytest.mark.parametrize(
    ("container", "seconds"),
    [
        ({}, 1),
        ({"command": ["server"]}, 1),
        ({"image": "registry.k8s.io/pause:3.10"}, None),
        ({"image": "pause"}, None),
        ({"image": "pauses"}, 1),
        ({"image": "pause", "command": ["true"]}, 0),
        ({"command": ["sleep", "infinity"]}, None),
    ],
)
def test_how_long_a_jobs_container_takes(container: dict[str, Any], seconds: float | None) -> None:
    found = of_job(**container)
    assert behaviour(found, found.spec.containers[0], 0).run_seconds == seconds


def test_an_ephemeral_container_in_a_jobs_pod_goes_on() -> None:
    assert behaviour(of_job(), Container(name="debug", image="busybox"), 0) is RUNS


@pytest.mark.parametrize(
    ("text", "index", "first", "value"),
    [
        ("3", "0", False, "3"),
        ("1: 3", "1", False, "3"),
        ("1: 3", "2", False, ""),
        ("1: 3", "", False, ""),
        ("0; 1,4-6: 3", "5", False, "3"),
        ("0; 1,4-6: 3", "6", False, "3"),
        ("0; 1,4-6: 3", "7", False, "0"),
        ("0; 1,4-6: 3", "16", False, "0"),
        ("0; first: 1", "", True, "1"),
        ("0; first: 1", "", False, "0"),
        ("0; first 2: forever; 0: 7", "2", True, "forever"),
        ("0; first 2: forever; 0: 7", "2", False, "0"),
        ("0; first 2: forever; 0: 7", "0", True, "7"),
        ("1: 3; first: 4", "1", True, "3"),
        ("rpc error: NotFound; tried twice", "1", True, "rpc error: NotFound; tried twice"),
    ],
)
def test_a_value_may_depend_on_index_and_first_run(text: str, index: str, first: bool, value: str) -> None:
    assert chosen(text, index, first) == value


def test_exit_codes_by_index() -> None:
    pods = [of_job(str(index), "0; 1,3: 42") for index in range(4)]
    assert [behaviour(it, it.spec.containers[0], 0).exit_code for it in pods] == [0, 42, 0, 42]
    last = pod(labels={"apps.kubernetes.io/pod-index": "2"}, annotations={"podium.dev/simulate-exit-code": "2: 9"})
    assert behaviour(last, last.spec.containers[0], 0).exit_code == 9


@pytest.mark.parametrize("text", ["first" + " " * 200_000 + "x", "1" * 200_000, "1" + " " * 200_000, "1," * 100_000])
def test_values_that_mean_nothing_take_no_time(text: str) -> None:
    """Annotations may be long, and while they are read nothing else happens."""
    assert chosen(text, "0", True) == text


def test_numbers_are_what_they_can_be() -> None:
    assert of(annotations={"exit-code": "1e30"}).exit_code == 255
    assert of(annotations={"stop-exit-code": "300"}).stop_exit_code == 255
    assert of(annotations={"exit-code": "-3"}).exit_code == 0
    assert chosen("7; " + "9" * 5000 + ": 3", "0", False) == "7; " + "9" * 5000 + ": 3"
    assert chosen("7; 0-5: 3", "9" * 5000, False) == "7"


def test_the_index_may_stand_in_a_command() -> None:
    field = {"fieldRef": {"fieldPath": "metadata.annotations['batch.kubernetes.io/job-completion-index']"}}
    env = [{"name": "JOB_COMPLETION_INDEX", "valueFrom": field}, {"name": "AGAIN", "value": "$(JOB_COMPLETION_INDEX)"}]
    for command in (
        ["sh", "-c", "exit $JOB_COMPLETION_INDEX"],
        ["sh", "-c", "exit ${AGAIN}"],
        ["exit", "$(JOB_COMPLETION_INDEX)"],
    ):
        found = of_job("7", command=command, env=env)
        assert behaviour(found, found.spec.containers[0], 0).exit_code == 7
    unknown = of_job("7", command=["sh", "-c", "exit $SOMETHING"], env=env)
    assert behaviour(unknown, unknown.spec.containers[0], 0).run_seconds == 1


def test_first_runs_on_a_node() -> None:
    runs = FirstRuns()

    def first(uid: str, index: str, attempt: int = 0) -> bool:
        found = of_job(index, uid=uid)
        return runs.is_first(found, found.spec.containers[0], attempt)

    assert [first("a", "0"), first("a", "0"), first("a", "0", 1), first("b", "0")] == [True, True, False, False]
    assert [first("c", "1"), first("d", "1")] == [True, False]
    assert [first("e", "2", 3), first("f", "2")] == [False, False]
    alone = [pod(uid="g"), pod(uid="h")]
    assert [runs.is_first(it, it.spec.containers[0], 0) for it in alone] == [True, True]


def test_annotations_script_a_pod() -> None:
    found = of(annotations={"start-delay": "2", "ready-delay": "3.5", "run-seconds": "60", "exit-code": "9"})
    assert (found.start_delay, found.ready_delay, found.run_seconds, found.exit_code) == (2, 3.5, 60, 9)
    assert of(annotations={"exit-code": "1"}).run_seconds == 0
    assert of(annotations={"exit-code": "1", "run-seconds": "forever"}).run_seconds is None
    assert of(annotations={"start-delay": "inf"}).start_delay == 0
    assert of(annotations={"start-delay": "soon"}).start_delay == 0


def test_an_annotation_for_one_container_comes_first() -> None:
    assert of(annotations={"exit-code": "1", "exit-code.c": "2"}).exit_code == 2
    assert of(annotations={"exit-code.other": "2"}) == RUNS


def test_the_first_runs_may_fail() -> None:
    ends = [of(attempt, {"fail-starts": "2"}).run_seconds for attempt in range(3)]
    assert ends == [0, 0, None]
