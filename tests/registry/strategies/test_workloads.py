"""Workloads: defaults, selectors that match, strategies that make sense, what never changes."""

from __future__ import annotations

from typing import Any

import pytest

from podium.models import codec
from podium.registry.strategies import STRATEGIES
from podium.registry.strategies.job import STRATEGY

from .rules import REMOVED, changed, created, defaulted, errors, update_errors, warnings

TEMPLATE = {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "c", "image": "nginx:1"}]}}


def workload(kind: str, api_version: str = "apps/v1", **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": api_version,
        "kind": kind,
        "metadata": {"name": "web", "namespace": "default", "uid": "u"},
        "spec": {"selector": {"matchLabels": {"app": "web"}}, "template": TEMPLATE, **spec},
    }


DEPLOYMENT = workload("Deployment")
REPLICA_SET = workload("ReplicaSet")
DAEMON_SET = workload("DaemonSet")
STATEFUL_SET = workload("StatefulSet", serviceName="web")
JOB = {
    "apiVersion": "batch/v1",
    "kind": "Job",
    "metadata": {"name": "j", "namespace": "default", "uid": "u"},
    "spec": {"template": {"spec": {"restartPolicy": "Never", "containers": [{"name": "c", "image": "x:1"}]}}},
}
CRON_JOB = {
    "apiVersion": "batch/v1",
    "kind": "CronJob",
    "metadata": {"name": "c", "namespace": "default"},
    "spec": {"schedule": "* * * * *", "jobTemplate": {"spec": JOB["spec"]}},
}
CLAIM = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
LABEL = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with "
    "an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is "
    "'[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
)
MISMATCH = 'spec.template.metadata.labels: Invalid value: {"app":"web"}: `selector` does not match template `labels`'


@pytest.mark.parametrize(
    "tree", [DEPLOYMENT, REPLICA_SET, DAEMON_SET, STATEFUL_SET, JOB, CRON_JOB], ids=lambda t: t["kind"]
)
def test_good_ones_pass(tree: dict[str, Any]) -> None:
    assert errors(tree) == []
    assert update_errors(tree, codec.to_tree(created(tree))) == []


def spec_of(tree: dict[str, Any]) -> dict[str, Any]:
    spec = codec.to_tree(defaulted(tree))["spec"]
    return {name: value for name, value in spec.items() if name not in ("selector", "template", "jobTemplate")}


def test_deployment_defaults() -> None:
    assert spec_of(DEPLOYMENT) == {
        "replicas": 1,
        "revisionHistoryLimit": 10,
        "progressDeadlineSeconds": 600,
        "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": "25%"}},
    }


def test_templates_get_no_service_links_and_no_requests() -> None:
    limited = changed(DEPLOYMENT, "spec.template.spec.containers.0.resources", {"limits": {"cpu": "1"}})
    spec = defaulted(limited).spec.template.spec
    assert spec.enableServiceLinks is None
    assert spec.containers[0].resources.requests == {}
    assert spec.terminationGracePeriodSeconds == 30


def test_other_defaults() -> None:
    assert spec_of(DAEMON_SET)["updateStrategy"] == {
        "type": "RollingUpdate",
        "rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1},
    }
    assert spec_of(STATEFUL_SET) == {
        "serviceName": "web",
        "replicas": 1,
        "revisionHistoryLimit": 10,
        "podManagementPolicy": "OrderedReady",
        "persistentVolumeClaimRetentionPolicy": {"whenDeleted": "Retain", "whenScaled": "Retain"},
        "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 0}},
    }
    assert spec_of(JOB) == {
        "backoffLimit": 6,
        "completionMode": "NonIndexed",
        "completions": 1,
        "parallelism": 1,
        "manualSelector": False,
        "podReplacementPolicy": "TerminatingOrFailed",
        "suspend": False,
    }
    assert spec_of(CRON_JOB) == {
        "concurrencyPolicy": "Allow",
        "failedJobsHistoryLimit": 1,
        "schedule": "* * * * *",
        "successfulJobsHistoryLimit": 3,
        "suspend": False,
    }


def test_a_replication_controller_takes_its_selector_from_the_template() -> None:
    tree = workload("ReplicationController", "v1", selector={})
    made = defaulted(tree)
    assert made.spec.selector == made.metadata.labels == {"app": "web"}
    assert errors(tree) == []


def test_a_job_finds_its_pods_by_its_uid() -> None:
    spec = created(JOB).spec
    assert spec.selector.matchLabels == {"batch.kubernetes.io/controller-uid": "u"}
    assert spec.template.metadata.labels == {
        "batch.kubernetes.io/controller-uid": "u",
        "batch.kubernetes.io/job-name": "j",
        "controller-uid": "u",
        "job-name": "j",
    }


@pytest.mark.parametrize(
    ("tree", "path", "value", "expected"),
    [
        (DEPLOYMENT, "spec.selector", REMOVED, ["spec.selector: Required value", MISMATCH]),
        (REPLICA_SET, "spec.selector", REMOVED, ["spec.selector: Required value", MISMATCH]),
        (STATEFUL_SET, "spec.selector", REMOVED, ["spec.selector: Required value", MISMATCH]),
        (
            STATEFUL_SET,
            "spec.template.metadata",
            {},
            [MISMATCH.replace('{"app":"web"}', "null")],
        ),
        (
            DEPLOYMENT,
            "spec.selector",
            {},
            ["spec.selector: Invalid value: {}: empty selector is invalid for deployment"],
        ),
        (DEPLOYMENT, "spec.selector.matchLabels.app", "api", [MISMATCH]),
        (REPLICA_SET, "spec.selector.matchLabels.app", "api", [MISMATCH]),
        (DAEMON_SET, "spec.selector.matchLabels.app", "api", [MISMATCH]),
        (STATEFUL_SET, "spec.selector.matchLabels.app", "api", [MISMATCH]),
        (
            DEPLOYMENT,
            "spec.selector",
            {"matchExpressions": [{"key": "a", "operator": "Near"}]},
            [
                'spec.selector.matchExpressions[0].operator: Invalid value: "Near": not a valid selector operator',
                'spec.selector: Invalid value: {"matchExpressions":[{"key":"a","operator":"Near"}]}: invalid '
                "label selector",
            ],
        ),
        (
            DEPLOYMENT,
            "spec.replicas",
            -1,
            ["spec.replicas: Invalid value: -1: must be greater than or equal to 0"],
        ),
        (
            DEPLOYMENT,
            "spec.strategy",
            {"rollingUpdate": {"maxSurge": 0, "maxUnavailable": "0%"}},
            ['spec.strategy.rollingUpdate.maxUnavailable: Invalid value: "0%": may not be 0 when `maxSurge` is 0'],
        ),
        (
            DEPLOYMENT,
            "spec.strategy",
            {"rollingUpdate": {"maxUnavailable": "101%"}},
            ['spec.strategy.rollingUpdate.maxUnavailable: Invalid value: "101%": must not be greater than 100%'],
        ),
        (
            DEPLOYMENT,
            "spec.strategy",
            {"rollingUpdate": {"maxSurge": "many"}},
            [
                'spec.strategy.rollingUpdate.maxSurge: Invalid value: "many": a valid percent string must be a numeric '
                "string followed by an ending '%' (e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')"
            ],
        ),
        (
            DEPLOYMENT,
            "spec.strategy",
            {"type": "Recreate", "rollingUpdate": {}},
            [
                "spec.strategy.rollingUpdate: Forbidden: may not be specified when strategy `type` is 'Recreate'",
            ],
        ),
        (
            DEPLOYMENT,
            "spec.strategy",
            {"type": "BlueGreen"},
            ['spec.strategy: Unsupported value: {"type":"BlueGreen"}: supported values: "Recreate", "RollingUpdate"'],
        ),
        (
            DAEMON_SET,
            "spec.updateStrategy",
            {"type": "BlueGreen"},
            [
                'spec.updateStrategy: Unsupported value: {"type":"BlueGreen"}: supported values: "RollingUpdate", '
                '"OnDelete"'
            ],
        ),
        (
            DEPLOYMENT,
            "spec.progressDeadlineSeconds",
            0,
            ["spec.progressDeadlineSeconds: Invalid value: 0: must be greater than minReadySeconds"],
        ),
        (
            DEPLOYMENT,
            "spec.template.spec.restartPolicy",
            "Never",
            ['spec.template.spec.restartPolicy: Unsupported value: "Never": supported values: "Always"'],
        ),
        (
            DEPLOYMENT,
            "spec.template.spec.containers.0.image",
            "",
            ["spec.template.spec.containers[0].image: Required value"],
        ),
        (
            DAEMON_SET,
            "spec.updateStrategy",
            {"rollingUpdate": {"maxSurge": 1}},
            [
                "spec.updateStrategy.rollingUpdate.maxSurge: Invalid value: 1: may not be set when maxUnavailable is "
                "non-zero"
            ],
        ),
        (
            STATEFUL_SET,
            "spec.podManagementPolicy",
            "Any",
            ["spec.podManagementPolicy: Invalid value: \"Any\": must be 'OrderedReady' or 'Parallel'"],
        ),
        (
            STATEFUL_SET,
            "spec.serviceName",
            "a.b",
            ['spec.serviceName: Invalid value: "a.b": must not contain dots'],
        ),
        (
            STATEFUL_SET,
            "spec.template.spec.containers",
            [],
            ["spec.template.spec.containers: Required value"],
        ),
        (
            STATEFUL_SET,
            "spec.template.spec.containers.0.volumeMounts",
            [{"name": "data", "mountPath": "/data"}],
            ['spec.template.spec.containers[0].volumeMounts[0].name: Not found: "data"'],
        ),
        (
            STATEFUL_SET,
            "spec.volumeClaimTemplates",
            [{"metadata": {"name": "data"}}],
            [
                "spec.volumeClaimTemplates[0].spec.accessModes: Required value: at least 1 access mode is required",
                "spec.volumeClaimTemplates[0].spec.resources[storage]: Required value",
            ],
        ),
        (
            STATEFUL_SET,
            "spec.volumeClaimTemplates",
            [{"metadata": {"name": "A"}, "spec": CLAIM}],
            [f'spec.template.spec.volumes[0].name: Invalid value: "A": {LABEL}'],
        ),
        (
            JOB,
            "spec.template.spec.restartPolicy",
            REMOVED,
            ['spec.template.spec.restartPolicy: Required value: valid values: "OnFailure", "Never"'],
        ),
        (
            JOB,
            "spec.completionMode",
            "Indexed",
            ["spec.completions: Required value: when completion mode is Indexed"],
        ),
        (CRON_JOB, "spec.schedule", "", ["spec.schedule: Required value"]),
        (
            CRON_JOB,
            "spec.timeZone",
            "Mars/Base",
            ['spec.timeZone: Invalid value: "Mars/Base": unknown time zone Mars/Base'],
        ),
        (
            CRON_JOB,
            "metadata.name",
            "x" * 53,
            [f'metadata.name: Invalid value: "{"x" * 53}": must be no more than 52 characters'],
        ),
    ],
)
def test_rejected(tree: dict[str, Any], path: str, value: Any, expected: list[str]) -> None:
    if path == "spec.completionMode":
        tree = changed(tree, "spec.parallelism", 1)
    assert errors(changed(tree, path, value)) == expected


@pytest.mark.parametrize("tree", [DEPLOYMENT, REPLICA_SET, DAEMON_SET], ids=lambda t: t["kind"])
def test_a_selector_never_changes(tree: dict[str, Any]) -> None:
    other = changed(changed(tree, "spec.selector.matchLabels.app", "b"), "spec.template.metadata.labels.app", "b")
    assert update_errors(tree, other) == [
        'spec.selector: Invalid value: {"matchLabels":{"app":"b"}}: field is immutable'
    ]


def test_what_of_a_stateful_set_may_change() -> None:
    assert update_errors(STATEFUL_SET, changed(STATEFUL_SET, "spec.replicas", 3)) == []
    (found,) = update_errors(STATEFUL_SET, changed(STATEFUL_SET, "spec.serviceName", "other"))
    assert found.startswith("spec: Forbidden: updates to statefulset spec for fields other than 'replicas', 'ordinals'")


def test_claims_of_a_stateful_set_are_volumes_of_its_pods() -> None:
    mounts = [{"name": "data", "mountPath": "/data"}]
    tree = changed(STATEFUL_SET, "spec.template.spec.containers.0.volumeMounts", mounts)
    tree = changed(tree, "spec.volumeClaimTemplates", [{"metadata": {"name": "data"}, "spec": CLAIM}] * 2)
    assert errors(tree) == []
    assert errors(changed(tree, "spec.template.spec.volumes", [{"name": "data", "emptyDir": {}}])) == []


def test_a_stateful_set_from_before_can_be_scaled_as_it_is() -> None:
    wrong = changed(STATEFUL_SET, "spec.serviceName", "A_b")
    wrong = changed(wrong, "spec.volumeClaimTemplates", [{"metadata": {"name": "data"}}])
    assert len(errors(wrong)) == 3
    assert update_errors(wrong, changed(wrong, "spec.replicas", 3)) == []
    no_containers = ["spec.template.spec.containers: Required value"]
    assert update_errors(wrong, changed(wrong, "spec.template.spec.containers", [])) == no_containers
    worse = changed(wrong, "spec.template.spec.containers", [])
    assert update_errors(worse, changed(worse, "spec.replicas", 3)) == []


def test_the_pods_of_a_stateful_set_have_its_name_as_hostname() -> None:
    name_errors = STRATEGIES["apps", "StatefulSet"].name_errors
    assert name_errors is not None
    assert list(name_errors("a.b")) == ["must not contain dots"]


def test_a_stateful_set_that_keeps_all_its_revisions_is_warned_of() -> None:
    tree = changed(STATEFUL_SET, "spec.revisionHistoryLimit", -1)
    assert errors(tree) == []
    assert warnings(tree) == [
        "spec.revisionHistoryLimit: a negative value retains all historical revisions; a value >= 0 is recommended"
    ]


def test_a_stateful_sets_status_makes_sense() -> None:
    old = created(STATEFUL_SET)
    new = codec.copy(old)
    new.status.replicas, new.status.readyReplicas, new.status.availableReplicas = 2, 1, 3
    assert [str(error) for error in STRATEGIES["apps", "StatefulSet"].validate_status_update(new, old)] == [
        "status.availableReplicas: Invalid value: 3: cannot be greater than status.replicas",
        "status.availableReplicas: Invalid value: 3: cannot be greater than status.readyReplicas",
    ]


def test_a_jobs_template_stays() -> None:
    old = created(JOB)
    new = codec.copy(old)
    new.spec.template.spec.containers[0].image = "y"
    (error,) = STRATEGY.validate_update(new, old)
    assert (error.field, error.message.endswith("field is immutable")) == ("spec.template", True)
    old.spec.suspend = new.spec.suspend = True
    new.spec.template = codec.copy(old.spec.template)
    new.spec.template.spec.nodeSelector = {"disk": "ssd"}
    assert STRATEGY.validate_update(new, old) == []


def test_warnings_name_the_template() -> None:
    env = [{"name": "A", "value": "1"}, {"name": "A", "value": "2"}]
    assert warnings(changed(DEPLOYMENT, "spec.template.spec.containers.0.env", env)) == [
        'spec.template.spec.containers[0].env[1]: hides previous definition of "A", which may be '
        "dropped when using apply"
    ]
