"""What `rollout status` says in each state of a rollout."""

from __future__ import annotations

from typing import Any

import pytest

from podium.cli.failure import Failure
from podium.cli.logs import seconds
from podium.cli.rollout import undo_patch
from podium.cli.rollout.history import Revision, chosen, template_of
from podium.cli.rollout.status import rollout_status
from podium.cli.wait import check_for
from podium.cli.writes import LAST_APPLIED


def deployment(replicas: int = 3, **status: Any) -> dict[str, Any]:
    return {
        "kind": "Deployment",
        "metadata": {"name": "web", "generation": 2},
        "spec": {"replicas": replicas},
        "status": {"observedGeneration": 2, **status},
    }


@pytest.mark.parametrize(
    ("item", "message", "done"),
    [
        (deployment(observedGeneration=1), "Waiting for deployment spec update to be observed...", False),
        (
            deployment(replicas=3, updatedReplicas=1),
            'Waiting for deployment "web" rollout to finish: 1 out of 3 new replicas have been updated...',
            False,
        ),
        (
            {**deployment(), "status": {"observedGeneration": 2, "replicas": 4, "updatedReplicas": 3}},
            'Waiting for deployment "web" rollout to finish: 1 old replicas are pending termination...',
            False,
        ),
        (
            {
                **deployment(),
                "status": {"observedGeneration": 2, "replicas": 3, "updatedReplicas": 3, "availableReplicas": 2},
            },
            'Waiting for deployment "web" rollout to finish: 2 of 3 updated replicas are available...',
            False,
        ),
        (
            {
                **deployment(),
                "status": {"observedGeneration": 2, "replicas": 3, "updatedReplicas": 3, "availableReplicas": 3},
            },
            'deployment "web" successfully rolled out',
            True,
        ),
        (deployment(replicas=0), 'deployment "web" successfully rolled out', True),
    ],
)
def test_status(item: dict[str, Any], message: str, done: bool) -> None:
    assert rollout_status(item) == (message, done)


def test_a_rollout_past_its_deadline_fails() -> None:
    stuck = deployment(conditions=[{"type": "Progressing", "reason": "ProgressDeadlineExceeded", "status": "False"}])
    with pytest.raises(Failure, match='deployment "web" exceeded its progress deadline'):
        rollout_status(stuck)


def replica_set(revision: int, image: str) -> dict[str, Any]:
    return {
        "metadata": {
            "name": f"web-{revision}",
            "annotations": {"deployment.kubernetes.io/revision": str(revision), "note": image},
        },
        "spec": {
            "template": {
                "metadata": {"labels": {"app": "web", "pod-template-hash": str(revision)}},
                "spec": {"containers": [{"name": "web", "image": image}]},
            }
        },
    }


HISTORY = [
    Revision(number, template_of(replica_set(number, image)), replica_set(number, image))
    for number, image in ((2, "b"), (5, "e"), (7, "g"))
]


@pytest.mark.parametrize(("number", "name"), [(0, "web-5"), (2, "web-2"), (7, "web-7")])
def test_which_revision_undo_goes_back_to(number: int, name: str) -> None:
    assert chosen(HISTORY, number, "web").item["metadata"]["name"] == name


def test_undo_of_what_never_was() -> None:
    with pytest.raises(Failure, match="unable to find specified revision 3 in history"):
        chosen(HISTORY, 3, "web")
    with pytest.raises(Failure, match="no rollout history found"):
        chosen(HISTORY[:1], 0, "web")


def test_undo_takes_template_and_annotations_back_and_repairs_what_apply_compares_with() -> None:
    template = {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "web", "image": "b"}]}}
    applied = (
        '{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"web"},"spec":{"replicas":2,"template":{}}}'
    )
    live = {
        "kind": "Deployment",
        "metadata": {
            "resourceVersion": "9",
            "annotations": {LAST_APPLIED: applied, "note": "g", "deployment.kubernetes.io/revision": "7"},
        },
    }
    guard, spec, annotations = undo_patch(live, HISTORY[0])
    assert guard == {"op": "test", "path": "/metadata/resourceVersion", "value": "9"}
    assert spec == {"op": "replace", "path": "/spec/template", "value": template}
    value = annotations["value"]
    assert value["note"] == "b"
    assert value["deployment.kubernetes.io/revision"] == "7"
    assert '"image":"b"' in value[LAST_APPLIED]
    assert '"replicas":2' in value[LAST_APPLIED]


@pytest.mark.parametrize(("text", "expected"), [("30s", 30), ("5m", 300), ("1h30m", 5400), ("0.5s", 1)])
def test_durations(text: str, expected: int) -> None:
    assert seconds(text) == expected


def test_a_wrong_duration() -> None:
    with pytest.raises(Failure, match='invalid duration "5 minutes"'):
        seconds("5 minutes")


READY = {"metadata": {}, "status": {"conditions": [{"type": "Ready", "status": "True"}], "phase": "Running"}}


@pytest.mark.parametrize(
    ("condition", "item", "holds"),
    [
        ("delete", None, True),
        ("delete", READY, False),
        ("create", READY, True),
        ("condition=Ready", READY, True),
        ("condition=ready=true", READY, True),
        ("condition=Ready=False", READY, False),
        ("condition=Available", READY, False),
        ("jsonpath={.status.phase}=Running", READY, True),
        ("jsonpath={.status.phase}=Failed", READY, False),
        ("jsonpath={.status.phase}", READY, True),
        ("jsonpath=.status.missing", READY, False),
    ],
)
def test_what_wait_waits_for(condition: str, item: dict[str, Any] | None, holds: bool) -> None:
    assert check_for(condition)(item) is holds


def test_an_unknown_condition() -> None:
    with pytest.raises(Failure, match="unrecognized condition"):
        check_for("ready")


def daemon_set(**status: int) -> dict[str, Any]:
    return {
        "kind": "DaemonSet",
        "metadata": {"name": "logs", "generation": 1},
        "spec": {"updateStrategy": {"type": "RollingUpdate"}},
        "status": {"observedGeneration": 1, "desiredNumberScheduled": 3, **status},
    }


def stateful_set(partition: int | None = None, **status: Any) -> dict[str, Any]:
    return {
        "kind": "StatefulSet",
        "metadata": {"name": "db", "generation": 1},
        "spec": {
            "replicas": 3,
            "updateStrategy": {
                "type": "RollingUpdate",
                **({} if partition is None else {"rollingUpdate": {"partition": partition}}),
            },
        },
        "status": {
            "observedGeneration": 1,
            "readyReplicas": 3,
            "currentRevision": "a",
            "updateRevision": "b",
            **status,
        },
    }


@pytest.mark.parametrize(
    ("item", "message", "done"),
    [
        (
            daemon_set(updatedNumberScheduled=1),
            'Waiting for daemon set "logs" rollout to finish: 1 out of 3 new pods have been updated...',
            False,
        ),
        (
            daemon_set(updatedNumberScheduled=3, numberAvailable=2),
            'Waiting for daemon set "logs" rollout to finish: 2 of 3 updated pods are available...',
            False,
        ),
        (
            daemon_set(updatedNumberScheduled=3, numberAvailable=3),
            'daemon set "logs" successfully rolled out',
            True,
        ),
        (stateful_set(observedGeneration=0), "Waiting for statefulset spec update to be observed...", False),
        (stateful_set(readyReplicas=1), "Waiting for 2 pods to be ready...", False),
        (
            stateful_set(partition=0, updatedReplicas=3),
            "partitioned roll out complete: 3 new pods have been updated...",
            True,
        ),
        (
            stateful_set(updatedReplicas=2),
            "waiting for statefulset rolling update to complete 2 pods at revision b...",
            False,
        ),
        (
            stateful_set(currentRevision="b", currentReplicas=3),
            "statefulset rolling update complete 3 pods at revision b...",
            True,
        ),
        (
            stateful_set(partition=1, updatedReplicas=1),
            "Waiting for partitioned roll out to finish: 1 out of 2 new pods have been updated...",
            False,
        ),
        (
            stateful_set(partition=1, updatedReplicas=2),
            "partitioned roll out complete: 2 new pods have been updated...",
            True,
        ),
    ],
)
def test_status_of_daemon_sets_and_stateful_sets(item: dict[str, Any], message: str, done: bool) -> None:
    assert rollout_status(item) == (message, done)
