"""APIServices: a good one, and what makes it a bad one."""

from __future__ import annotations

from typing import Any

import pytest

from .rules import REMOVED, changed, created, defaulted, errors, strategy, update_errors

REMOTE: dict[str, Any] = {
    "apiVersion": "apiregistration.k8s.io/v1",
    "kind": "APIService",
    "metadata": {"name": "v1.x.io"},
    "spec": {
        "group": "x.io",
        "version": "v1",
        "groupPriorityMinimum": 100,
        "versionPriority": 15,
        "caBundle": "Y2E=",
        "service": {"namespace": "default", "name": "x"},
    },
}
LOCAL = changed(changed(REMOTE, "spec.service", REMOVED), "spec.caBundle", REMOVED)


def test_good_ones() -> None:
    assert errors(REMOTE) == []
    assert errors(LOCAL) == []
    assert errors(changed(changed(REMOTE, "spec.caBundle", ""), "spec.insecureSkipTLSVerify", True)) == []
    core = {**LOCAL, "metadata": {"name": "v1."}, "spec": {**LOCAL["spec"], "group": ""}}
    assert errors(core) == []


@pytest.mark.parametrize(
    ("tree", "path", "value", "message"),
    [
        (
            REMOTE,
            "metadata.name",
            "v2.x.io",
            'metadata.name: Invalid value: "v2.x.io": must be `spec.version+"."+spec.group`: "v1.x.io"',
        ),
        (REMOTE, "spec.groupPriorityMinimum", 0, "spec.groupPriorityMinimum: Invalid value: 0: must be positive and"),
        (REMOTE, "spec.groupPriorityMinimum", 20001, "less than 20000"),
        (
            REMOTE,
            "spec.versionPriority",
            0,
            "spec.versionPriority: Invalid value: 0: must be positive and less than 1000",
        ),
        (REMOTE, "spec.versionPriority", 1001, "less than 1000"),
        (REMOTE, "spec.service.name", "", "spec.service.name: Required value"),
        (REMOTE, "spec.service.namespace", "", "spec.service.namespace: Required value"),
        (
            REMOTE,
            "spec.insecureSkipTLSVerify",
            True,
            "spec.insecureSkipTLSVerify: Invalid value: true: may not be true if caBundle is present",
        ),
        (
            LOCAL,
            "spec.caBundle",
            "Y2E=",
            'spec.caBundle: Invalid value: "2 bytes": local APIServices may not have a caBundle',
        ),
        (
            LOCAL,
            "spec.insecureSkipTLSVerify",
            True,
            "spec.insecureSkipTLSVerify: Invalid value: true: local APIServices may not have insecureSkipTLSVerify",
        ),
    ],
)
def test_bad_ones(tree: dict[str, Any], path: str, value: Any, message: str) -> None:
    wrong = changed(tree, path, value)
    (error,) = errors(wrong)
    assert message in error
    assert update_errors(tree, wrong) == [error]


@pytest.mark.parametrize(
    ("group", "version", "field"),
    [("X.io", "v1", "spec.group"), ("x.io", "1", "spec.version"), ("", "v2", "spec.group")],
)
def test_groups_and_versions(group: str, version: str, field: str) -> None:
    tree = {**REMOTE, "metadata": {"name": f"{version}.{group}"}, "spec": {**REMOTE["spec"], "group": group}}
    tree["spec"]["version"] = version
    assert [error.partition(":")[0] for error in errors(tree)] == [field]


def test_the_port_is_443_unless_it_says_otherwise() -> None:
    assert defaulted(REMOTE).spec.service.port == 443
    assert defaulted(changed(REMOTE, "spec.service.port", 8443)).spec.service.port == 8443
    assert defaulted(LOCAL).spec.service is None


def test_what_is_served_here_is_available_at_once() -> None:
    (condition,) = created(LOCAL).status.conditions
    assert (condition.type, condition.status, condition.reason) == ("Available", "True", "Local")
    assert created(changed(REMOTE, "status", {"conditions": [{"type": "Available", "status": "True"}]})).status == (
        type(created(REMOTE).status)()
    )


@pytest.mark.parametrize(("status", "count"), [("True", 0), ("False", 0), ("Unknown", 0), ("Maybe", 1)])
def test_conditions(status: str, count: int) -> None:
    new = defaulted(changed(REMOTE, "status", {"conditions": [{"type": "Available", "status": status}]}))
    found = strategy(REMOTE).validate_status_update(new, created(REMOTE))
    assert [error.field for error in found] == ["status.conditions[0].status"] * count
