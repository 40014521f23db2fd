"""CronJobs: defaults, what they may say, and which schedules there are."""

from __future__ import annotations

from typing import Any

import pytest

from .rules import REMOVED, as_is_errors, changed, errors, warnings
from .workloads import spec_of

POD = {"restartPolicy": "Never", "containers": [{"name": "main", "image": "work:1"}]}
CRON_JOB: dict[str, Any] = {
    "apiVersion": "batch/v1",
    "kind": "CronJob",
    "metadata": {"name": "work", "namespace": "default", "uid": "u1"},
    "spec": {"schedule": "* * * * *", "jobTemplate": {"spec": {"template": {"spec": POD}}}},
}
SCHEDULE = "spec.schedule: Invalid value"


def test_a_good_one_passes_and_stays_good() -> None:
    assert as_is_errors(CRON_JOB) == []
    assert warnings(CRON_JOB) == []


def test_defaults() -> None:
    assert spec_of(CRON_JOB) == {
        "concurrencyPolicy": "Allow",
        "failedJobsHistoryLimit": 1,
        "schedule": "* * * * *",
        "successfulJobsHistoryLimit": 3,
        "suspend": False,
    }


@pytest.mark.parametrize(
    ("path", "value", "expected"),
    [
        ("spec.schedule", REMOVED, "spec.schedule: Required value"),
        ("spec.schedule", "", "spec.schedule: Required value"),
        ("spec.schedule", "* * * *", f'{SCHEDULE}: "* * * *": expected exactly 5 fields, found 4: [* * * *]'),
        ("spec.schedule", "61 * * * *", f'{SCHEDULE}: "61 * * * *": end of range (61) above maximum (59): 61'),
        (
            "spec.schedule",
            "TZ=UTC 0 * * * *",
            f'{SCHEDULE}: "TZ=UTC 0 * * * *": cannot use TZ or CRON_TZ in schedule, use timeZone field instead',
        ),
        (
            "spec.schedule",
            "CRON_TZ=UTC 0 * * * *",
            f'{SCHEDULE}: "CRON_TZ=UTC 0 * * * *": cannot use TZ or CRON_TZ in schedule, use timeZone field instead',
        ),
        ("spec.timeZone", "Mars/Base", 'spec.timeZone: Invalid value: "Mars/Base": unknown time zone Mars/Base'),
        ("spec.timeZone", "../etc", 'spec.timeZone: Invalid value: "../etc": unknown time zone ../etc'),
        (
            "spec.timeZone",
            "local",
            'spec.timeZone: Invalid value: "local": timeZone must be an explicit time zone as defined in '
            "https://www.iana.org/time-zones",
        ),
        (
            "spec.concurrencyPolicy",
            "Never",
            'spec.concurrencyPolicy: Unsupported value: "Never": supported values: "Allow", "Forbid", "Replace"',
        ),
        (
            "spec.failedJobsHistoryLimit",
            -1,
            "spec.failedJobsHistoryLimit: Invalid value: -1: must be greater than or equal to 0",
        ),
        (
            "spec.jobTemplate.spec.manualSelector",
            True,
            'spec.jobTemplate.spec.manualSelector: Unsupported value: true: supported values: "nil", "false"',
        ),
        (
            "spec.jobTemplate.spec.selector",
            {"matchLabels": {"a": "b"}},
            'spec.jobTemplate.spec.selector: Invalid value: {"matchLabels":{"a":"b"}}: `selector` will be '
            "auto-generated",
        ),
        (
            "spec.jobTemplate.spec.completions",
            -1,
            "spec.jobTemplate.spec.completions: Invalid value: -1: must be greater than or equal to 0",
        ),
        ("metadata.name", "a" * 53, f'metadata.name: Invalid value: "{"a" * 53}": must be no more than 52 characters'),
    ],
)
def test_rejected(path: str, value: Any, expected: str) -> None:
    assert errors(changed(CRON_JOB, path, value)) == [expected]


@pytest.mark.parametrize("schedule", ["@hourly", "@every 1h", "0 0 ? * MON-FRI", "0 0 31 2 *"])
def test_schedules_that_are_fine(schedule: str) -> None:
    assert errors(changed(CRON_JOB, "spec.schedule", schedule)) == []
    assert errors(changed(CRON_JOB, "spec.timeZone", "Europe/Berlin")) == []
