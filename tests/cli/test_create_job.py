"""create job and create cronjob: the documents that they make."""

from __future__ import annotations

from typing import Any

import pytest

from podium.cli import create_job
from podium.cli.failure import Failure

BACKUP: dict[str, Any] = {
    "metadata": {"name": "backup", "namespace": "shop", "uid": "u1"},
    "spec": {
        "jobTemplate": {
            "metadata": {"labels": {"a": "b"}, "annotations": {"c": "d"}},
            "spec": {"backoffLimit": 2, "template": {"spec": {}}},
        }
    },
}


def test_a_run_of_a_cron_job() -> None:
    assert create_job.run_of(BACKUP, "now") == {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": "now",
            "namespace": "shop",
            "labels": {"a": "b"},
            "annotations": {"cronjob.kubernetes.io/instantiate": "manual", "c": "d"},
            "ownerReferences": [
                {"apiVersion": "batch/v1", "kind": "CronJob", "name": "backup", "uid": "u1", "controller": True}
            ],
        },
        "spec": {"backoffLimit": 2, "template": {"spec": {}}},
    }


def test_a_job_with_a_command() -> None:
    spec = create_job.job("pi", ["perl"], ["perl", "-e", "1"])["spec"]["template"]["spec"]
    container = {"name": "pi", "image": "perl", "command": ["perl", "-e", "1"]}
    assert spec == {"containers": [container], "restartPolicy": "Never"}


def test_a_cron_job() -> None:
    made = create_job.cron_job("tick", ["busybox"], "@hourly", "OnFailure", [])
    assert made["spec"] == {
        "schedule": "@hourly",
        "jobTemplate": {
            "metadata": {"name": "tick"},
            "spec": {
                "template": {
                    "spec": {"containers": [{"name": "tick", "image": "busybox"}], "restartPolicy": "OnFailure"}
                }
            },
        },
    }
    with pytest.raises(Failure, match='required flag\\(s\\) "schedule" not set'):
        create_job.cron_job("tick", ["busybox"], "", "OnFailure", [])
    with pytest.raises(Failure, match='required flag\\(s\\) "image" not set'):
        create_job.cron_job("tick", [], "@hourly", "OnFailure", [])
