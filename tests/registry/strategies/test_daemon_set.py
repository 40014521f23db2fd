"""DaemonSets: defaults, what is rejected, what never changes."""

from __future__ import annotations

from typing import Any

import pytest

from .rules import as_is_errors, changed, errors
from .workloads import MISMATCH, OTHER_SELECTOR, other_selector_errors, spec_of, workload

DAEMON_SET = workload("DaemonSet")


def test_a_good_one_passes_and_stays_good() -> None:
    assert as_is_errors(DAEMON_SET) == []


def test_defaults() -> None:
    assert spec_of(DAEMON_SET)["updateStrategy"] == {
        "type": "RollingUpdate",
        "rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1},
    }


def test_a_template_generation_that_is_no_number_is_begun_anew() -> None:
    made = changed(DAEMON_SET, "metadata.annotations", {"deprecated.daemonset.template.generation": "9" * 5000})
    assert as_is_errors(made) == []


@pytest.mark.parametrize(
    ("path", "value", "expected"),
    [
        ("spec.selector.matchLabels.app", "api", [MISMATCH]),
        (
            "spec.updateStrategy",
            {"type": "BlueGreen"},
            [
                'spec.updateStrategy: Unsupported value: {"type":"BlueGreen"}: supported values: "RollingUpdate", '
                '"OnDelete"'
            ],
        ),
        (
            "spec.updateStrategy",
            {"rollingUpdate": {"maxSurge": 1}},
            [
                "spec.updateStrategy.rollingUpdate.maxSurge: Invalid value: 1: may not be set when maxUnavailable is "
                "non-zero"
            ],
        ),
    ],
)
def test_rejected(path: str, value: Any, expected: list[str]) -> None:
    assert errors(changed(DAEMON_SET, path, value)) == expected


def test_the_selector_never_changes() -> None:
    assert other_selector_errors(DAEMON_SET) == [OTHER_SELECTOR]
