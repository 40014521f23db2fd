"""StatefulSets: defaults, what is rejected, what may change, what their status promises."""

from __future__ import annotations

from typing import Any

import pytest

from podium.models import codec
from podium.registry.strategies import STRATEGIES

from .rules import REMOVED, as_is_errors, changed, created, errors, update_errors, warnings
from .workloads import LABEL, MISMATCH, spec_of, workload

CLAIM = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
STATEFUL_SET = workload("StatefulSet", serviceName="web")


def test_a_good_one_passes_and_stays_good() -> None:
    assert as_is_errors(STATEFUL_SET) == []


def test_defaults() -> None:
    assert spec_of(STATEFUL_SET) == {
        "serviceName": "web",
        "replicas": 1,
        "revisionHistoryLimit": 10,
        "podManagementPolicy": "OrderedReady",
        "persistentVolumeClaimRetentionPolicy": {"whenDeleted": "Retain", "whenScaled": "Retain"},
        "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 0}},
    }


@pytest.mark.parametrize(
    ("path", "value", "expected"),
    [
        ("spec.selector", REMOVED, ["spec.selector: Required value", MISMATCH]),
        ("spec.template.metadata", {}, [MISMATCH.replace('{"app":"web"}', "null")]),
        ("spec.selector.matchLabels.app", "api", [MISMATCH]),
        (
            "spec.podManagementPolicy",
            "Any",
            ["spec.podManagementPolicy: Invalid value: \"Any\": must be 'OrderedReady' or 'Parallel'"],
        ),
        ("spec.serviceName", "a.b", ['spec.serviceName: Invalid value: "a.b": must not contain dots']),
        ("spec.template.spec.containers", [], ["spec.template.spec.containers: Required value"]),
        (
            "spec.template.spec.containers.0.volumeMounts",
            [{"name": "data", "mountPath": "/data"}],
            ['spec.template.spec.containers[0].volumeMounts[0].name: Not found: "data"'],
        ),
        (
            "spec.volumeClaimTemplates",
            [{"metadata": {"name": "data"}}],
            [
                "spec.volumeClaimTemplates[0].spec.accessModes: Required value: at least 1 access mode is required",
                "spec.volumeClaimTemplates[0].spec.resources[storage]: Required value",
            ],
        ),
        (
            "spec.volumeClaimTemplates",
            [{"metadata": {"name": "A"}, "spec": CLAIM}],
            [f'spec.template.spec.volumes[0].name: Invalid value: "A": {LABEL}'],
        ),
    ],
)
def test_rejected(path: str, value: Any, expected: list[str]) -> None:
    assert errors(changed(STATEFUL_SET, path, value)) == expected


def test_what_may_change() -> None:
    assert update_errors(STATEFUL_SET, changed(STATEFUL_SET, "spec.replicas", 3)) == []
    (found,) = update_errors(STATEFUL_SET, changed(STATEFUL_SET, "spec.serviceName", "other"))
    assert found.startswith("spec: Forbidden: updates to statefulset spec for fields other than 'replicas', 'ordinals'")


def test_claims_are_volumes_of_the_pods() -> None:
    mounts = [{"name": "data", "mountPath": "/data"}]
    tree = changed(STATEFUL_SET, "spec.template.spec.containers.0.volumeMounts", mounts)
    tree = changed(tree, "spec.volumeClaimTemplates", [{"metadata": {"name": "data"}, "spec": CLAIM}] * 2)
    assert errors(tree) == []
    assert errors(changed(tree, "spec.template.spec.volumes", [{"name": "data", "emptyDir": {}}])) == []


def test_one_from_before_can_be_scaled_as_it_is() -> None:
    wrong = changed(STATEFUL_SET, "spec.serviceName", "A_b")
    wrong = changed(wrong, "spec.volumeClaimTemplates", [{"metadata": {"name": "data"}}])
    assert len(errors(wrong)) == 3
    assert update_errors(wrong, changed(wrong, "spec.replicas", 3)) == []
    no_containers = ["spec.template.spec.containers: Required value"]
    assert update_errors(wrong, changed(wrong, "spec.template.spec.containers", [])) == no_containers
    worse = changed(wrong, "spec.template.spec.containers", [])
    assert update_errors(worse, changed(worse, "spec.replicas", 3)) == []


def test_the_pods_have_its_name_as_hostname() -> None:
    name_errors = STRATEGIES["apps", "StatefulSet"].name_errors
    assert name_errors is not None
    assert list(name_errors("a.b")) == ["must not contain dots"]


def test_one_that_keeps_all_its_revisions_is_warned_of() -> None:
    tree = changed(STATEFUL_SET, "spec.revisionHistoryLimit", -1)
    assert errors(tree) == []
    assert warnings(tree) == [
        "spec.revisionHistoryLimit: a negative value retains all historical revisions; a value >= 0 is recommended"
    ]


def test_its_status_makes_sense() -> None:
    old = created(STATEFUL_SET)
    new = codec.copy(old)
    new.status.replicas, new.status.readyReplicas, new.status.availableReplicas = 2, 1, 3
    assert [str(error) for error in STRATEGIES["apps", "StatefulSet"].validate_status_update(new, old)] == [
        "status.availableReplicas: Invalid value: 3: cannot be greater than status.replicas",
        "status.availableReplicas: Invalid value: 3: cannot be greater than status.readyReplicas",
    ]
