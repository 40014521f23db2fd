"""What Jobs may say, what may change later, and what their status promises."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from podium.models import batch_v1, codec
from podium.registry.strategies import job_status
from podium.registry.strategies.job import STRATEGY

from .rules import REMOVED, as_is_errors, changed, created, errors, update_errors, warnings
from .workloads import spec_of

POD = {"restartPolicy": "Never", "containers": [{"name": "main", "image": "work:1"}]}
JOB: dict[str, Any] = {
    "apiVersion": "batch/v1",
    "kind": "Job",
    "metadata": {"name": "work", "namespace": "default", "uid": "u1"},
    "spec": {"template": {"spec": POD}},
}


def job(**spec: Any) -> dict[str, Any]:
    tree = copy.deepcopy(JOB)
    tree["spec"].update(spec)
    return tree


def indexed(**spec: Any) -> dict[str, Any]:
    return job(**{"completionMode": "Indexed", "completions": 5, "parallelism": 5, **spec})


def rules(*given: dict[str, Any], **spec: Any) -> dict[str, Any]:
    return job(podFailurePolicy={"rules": list(given)}, **spec)


def codes(**more: Any) -> dict[str, Any]:
    return {"action": "FailJob", "onExitCodes": {"operator": "In", "values": [1], **more}}


def success(**rule: Any) -> dict[str, Any]:
    return indexed(successPolicy={"rules": [rule]})


FIRST = "spec.podFailurePolicy.rules[0]"
RULE = "spec.successPolicy.rules[0]"


@pytest.mark.parametrize(
    ("tree", "expected"),
    [
        (job(completions=-1), "spec.completions: Invalid value: -1: must be greater than or equal to 0"),
        (indexed(completions=None), "spec.completions: Required value: when completion mode is Indexed"),
        (
            indexed(completions=9, parallelism=100_001),
            "spec.parallelism: Invalid value: 100001: must be less than or equal to 100000 when completion mode is "
            "Indexed",
        ),
        (indexed(maxFailedIndexes=1), "spec.backoffLimitPerIndex: Required value: when maxFailedIndexes is specified"),
        (job(backoffLimitPerIndex=1), "spec.backoffLimitPerIndex: Invalid value: 1: requires indexed completion mode"),
        (
            indexed(backoffLimitPerIndex=1, maxFailedIndexes=6),
            "spec.maxFailedIndexes: Invalid value: 6: must be less than or equal to completions",
        ),
        (
            indexed(completions=100_001, backoffLimitPerIndex=1),
            "spec.maxFailedIndexes: Required value: must be specified when completions is above 100000",
        ),
        (
            job(managedBy="queue"),
            'spec.managedBy: Invalid value: "queue": must be a domain-prefixed path (such as "acme.io/foo")',
        ),
        (
            rules(codes(), podReplacementPolicy="TerminatingOrFailed"),
            'spec.podReplacementPolicy: Unsupported value: "TerminatingOrFailed": supported values: "Failed"',
        ),
        (
            rules({"action": "FailJob"}),
            f"{FIRST}: Invalid value: specifying one of OnExitCodes and OnPodConditions is required",
        ),
        (
            rules({**codes(), "onPodConditions": [{"type": "Ready"}]}),
            f"{FIRST}: Invalid value: specifying both OnExitCodes and OnPodConditions is not supported",
        ),
        (
            rules({**codes(), "action": ""}),
            f'{FIRST}.action: Required value: valid values: ["Count" "FailIndex" "FailJob" "Ignore"]',
        ),
        (
            rules({**codes(), "action": "FailIndex"}),
            f'{FIRST}.action: Invalid value: "FailIndex": requires the backoffLimitPerIndex to be set',
        ),
        (
            rules(codes(values=[0])),
            f"{FIRST}.onExitCodes.values[0]: Invalid value: 0: must not be 0 for the In operator",
        ),
        (rules(codes(values=[])), f"{FIRST}.onExitCodes.values: Invalid value: []: at least one value is required"),
        (rules(codes(values=[2, 1])), f"{FIRST}.onExitCodes.values: Invalid value: [2,1]: must be ordered"),
        (rules(codes(values=[1, 1])), f"{FIRST}.onExitCodes.values[1]: Duplicate value: 1"),
        (
            rules(codes(containerName="other")),
            f'{FIRST}.onExitCodes.containerName: Invalid value: "other": must be one of the container or initContainer '
            "names in the pod template",
        ),
        (success(), f"{RULE}: Required value: at least one of succeededCount or succeededIndexes must be specified"),
        (
            success(succeededCount=6),
            f"{RULE}.succeededCount: Invalid value: 6: must be less than or equal to 5 (the number of specified "
            "completions)",
        ),
        (
            success(succeededCount=3, succeededIndexes="0,1"),
            f"{RULE}.succeededCount: Invalid value: 3: must be less than or equal to 2 (the number of indexes in the "
            "specified succeededIndexes field)",
        ),
        (
            success(succeededIndexes="0,9"),
            f'{RULE}.succeededIndexes: Invalid value: "0,9": error parsing succeededIndexes: too large index: "9"',
        ),
        (
            success(succeededIndexes="2,1"),
            f'{RULE}.succeededIndexes: Invalid value: "2,1": error parsing succeededIndexes: non-increasing order, '
            "previous: 2, current: 1",
        ),
        (
            changed(JOB, "spec.template.spec.restartPolicy", REMOVED),
            'spec.template.spec.restartPolicy: Required value: valid values: "OnFailure", "Never"',
        ),
        (
            changed(JOB, "spec.template.spec.restartPolicy", "Always"),
            'spec.template.spec.restartPolicy: Required value: valid values: "OnFailure", "Never"',
        ),
        (
            changed(rules(codes()), "spec.template.spec.restartPolicy", "OnFailure"),
            'spec.template.spec.restartPolicy: Invalid value: "OnFailure": only "Never" is supported when '
            "podFailurePolicy is specified",
        ),
        (
            changed(JOB, "spec.template.metadata", {"labels": {"job-name": "other"}}),
            'spec.template.metadata.labels[job-name]: Invalid value: {"batch.kubernetes.io/controller-uid":"u1",'
            '"batch.kubernetes.io/job-name":"work","controller-uid":"u1","job-name":"other"}: must be \'work\'',
        ),
        (
            changed(indexed(), "metadata.name", "a" * 62),
            f'metadata.name: Invalid value: "{"a" * 62}": will not able to create pod with invalid DNS label: '
            f"{'a' * 62}-4",
        ),
        (job(manualSelector=True), "spec.selector: Required value"),
    ],
)
def test_what_a_job_may_not_say(tree: dict[str, Any], expected: str) -> None:
    assert errors(tree) == [expected]


def test_a_good_one_passes_and_stays_good() -> None:
    assert as_is_errors(JOB) == []


def test_defaults() -> None:
    assert spec_of(JOB) == {
        "backoffLimit": 6,
        "completionMode": "NonIndexed",
        "completions": 1,
        "parallelism": 1,
        "manualSelector": False,
        "podReplacementPolicy": "TerminatingOrFailed",
        "suspend": False,
    }


def test_a_job_finds_its_pods_by_its_uid() -> None:
    spec = created(JOB).spec
    assert spec.selector.matchLabels == {"batch.kubernetes.io/controller-uid": "u1"}
    assert spec.template.metadata.labels == {
        "controller-uid": "u1",
        "job-name": "work",
        "batch.kubernetes.io/controller-uid": "u1",
        "batch.kubernetes.io/job-name": "work",
    }


def test_what_may_change() -> None:
    before = codec.to_tree(created(JOB))
    assert update_errors(JOB, changed(before, "spec.parallelism", 9)) == []
    assert update_errors(JOB, changed(before, "spec.suspend", True)) == []
    problems = update_errors(JOB, changed(before, "spec.completions", 9))
    assert problems == ["spec.completions: Invalid value: 9: field is immutable"]
    problems = update_errors(JOB, changed(before, "spec.completionMode", "Indexed"))
    assert 'spec.completionMode: Invalid value: "Indexed": field is immutable' in problems


def test_the_template_stays() -> None:
    old = created(JOB)
    new = codec.copy(old)
    new.spec.template.spec.containers[0].image = "y"
    (error,) = STRATEGY.validate_update(new, old)
    assert (error.field, error.message.endswith("field is immutable")) == ("spec.template", True)
    old.spec.suspend = new.spec.suspend = True
    new.spec.template = codec.copy(old.spec.template)
    new.spec.template.spec.nodeSelector = {"disk": "ssd"}
    assert STRATEGY.validate_update(new, old) == []


def test_indexed_jobs_are_elastic() -> None:
    before = codec.to_tree(created(indexed()))
    smaller = changed(before, "spec.completions", 3)
    assert update_errors(indexed(), changed(smaller, "spec.parallelism", 3)) == []
    problems = update_errors(indexed(), smaller)
    assert problems == ["spec.completions: Invalid value: 3: can only be modified in tandem with spec.parallelism"]


SUSPENDED = {"type": "Suspended", "status": "True"}


@pytest.mark.parametrize(
    ("suspend", "status", "path", "value", "allowed"),
    [
        (True, {}, "nodeSelector", {"zone": "a"}, True),
        (True, {}, "tolerations", [{"key": "k", "operator": "Exists"}], True),
        (True, {}, "schedulingGates", [{"name": "wait"}], True),
        (True, {}, "containers.0.resources", {"requests": {"cpu": "1"}}, True),
        (
            True,
            {},
            "affinity",
            {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [
                {"matchExpressions": [{"key": "zone", "operator": "Exists"}]}
            ]}}},
            True,
        ),
        (
            True,
            {},
            "affinity",
            {"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [
                {"topologyKey": "zone", "labelSelector": {"matchLabels": {"a": "b"}}}
            ]}},
            False,
        ),
        (True, {}, "containers.0.image", "other", False),
        (False, {}, "nodeSelector", {"zone": "a"}, False),
        (True, {"startTime": "2026-01-01T00:00:00Z"}, "nodeSelector", {"zone": "a"}, False),
        (
            True,
            {"startTime": "2026-01-01T00:00:00Z", "conditions": [SUSPENDED]},
            "nodeSelector",
            {"zone": "a"},
            True,
        ),
        (True, {"active": 1, "conditions": [SUSPENDED]}, "nodeSelector", {"zone": "a"}, False),
    ],
)  # fmt: skip
def test_a_suspended_job_can_be_sent_elsewhere(
    suspend: bool, status: dict[str, Any], path: str, value: Any, allowed: bool
) -> None:
    old = created(job(suspend=suspend))
    old.status = codec.from_tree(status, batch_v1.JobStatus)
    new = codec.from_tree(changed(codec.to_tree(old), f"spec.template.spec.{path}", value), batch_v1.Job)
    STRATEGY.prepare_update(new, old)
    problems = [error.field for error in STRATEGY.validate_update(new, old)]
    assert problems == ([] if allowed else ["spec.template"])


def condition(type_: str) -> dict[str, str]:
    return {"type": type_, "status": "True"}


START = "2026-01-01T00:00:00Z"
COMPLETE: dict[str, Any] = {
    "startTime": START,
    "completionTime": START,
    "succeeded": 1,
    "conditions": [condition("SuccessCriteriaMet"), condition("Complete")],
}


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ({}, COMPLETE, []),
        (COMPLETE, COMPLETE, []),
        (
            {},
            {**COMPLETE, "conditions": [condition("Complete")]},
            ["cannot set Complete=True condition without the SuccessCriteriaMet=true condition"],
        ),
        (
            {},
            {"startTime": START, "conditions": [condition("Failed")]},
            ["cannot set Failed=True condition without the FailureTarget=true condition"],
        ),
        (COMPLETE, {"startTime": START, "succeeded": 1, "conditions": COMPLETE["conditions"][:1]}, [
            "cannot disable the terminal Complete=True condition"
        ]),
        ({}, {**COMPLETE, "active": 1}, ["active>0 is invalid for finished job"]),
        ({}, {**COMPLETE, "terminating": 1}, ["terminating>0 is invalid for finished job"]),
        ({}, {**COMPLETE, "startTime": None}, ["startTime is required for finished job"]),
        ({}, {**COMPLETE, "completionTime": None}, ["completionTime is required for Complete jobs"]),
        ({}, {**COMPLETE, "uncountedTerminatedPods": {"failed": ["a"]}}, [
            "uncountedTerminatedPods needs to be empty for finished job"
        ]),
        ({}, {"completionTime": START}, ["cannot set completionTime when there is no Complete=True condition"]),
        ({"startTime": START}, {}, ["startTime cannot be removed for unsuspended job"]),
        ({"failed": 2}, {"failed": 1}, ["cannot decrease the failed counter"]),
        ({"succeeded": 2}, {"succeeded": 1}, ["cannot decrease the succeeded counter"]),
        ({}, {"ready": 1}, ["cannot set more ready pods than active"]),
        ({}, {"completedIndexes": "1"}, [
            'error parsing completedIndexes: too large index: "1"',
            "cannot set non-empty completedIndexes when non-indexed completion mode",
        ]),
        ({}, {"failedIndexes": ""}, ["cannot set non-null failedIndexes when backoffLimitPerIndex is null"]),
        ({}, {"uncountedTerminatedPods": {"failed": ["a", ""], "succeeded": ["a"]}}, [
            "Duplicate",
            "must not be empty",
        ]),
    ],
)  # fmt: skip
def test_what_a_status_promises(old: dict[str, Any], new: dict[str, Any], expected: list[str]) -> None:
    before, after = created(JOB), created(JOB)
    before.status = codec.from_tree(old, batch_v1.JobStatus)
    after.status = codec.from_tree(new, batch_v1.JobStatus)
    problems = [str(error) for error in job_status.validate_update(after, before)]
    assert len(problems) == len(expected), problems
    assert all(part in problem for part, problem in zip(expected, problems, strict=True)), problems


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (("", None), ("0-2", ""), []),
        (("", None), ("0,2", "1,3,4"), []),
        (("", None), ("0-5", None), ['error parsing completedIndexes: too large index: "5"']),
        (
            ("0,1", "3"),
            ("0,1", "3,x"),
            ['error parsing failedIndexes: cannot convert string to integer for index: "x"'],
        ),
        (("0", "3"), ("0,2-4", "3"), ["failedIndexes and completedIndexes overlap at index: 3"]),
        (("0", "1-3"), ("0,3", "1-3"), ["failedIndexes and completedIndexes overlap at index: 3"]),
        (("0,1", "1"), ("0,1", "1"), []),
    ],
)
def test_what_the_indexes_of_a_status_promise(
    old: tuple[str, str | None], new: tuple[str, str | None], expected: list[str]
) -> None:
    before, after = created(indexed(backoffLimitPerIndex=1)), created(indexed(backoffLimitPerIndex=1))
    before.status.completedIndexes, before.status.failedIndexes = old
    after.status.completedIndexes, after.status.failedIndexes = new
    problems = [str(error) for error in job_status.validate_update(after, before)]
    assert len(problems) == len(expected), problems
    assert all(part in problem for part, problem in zip(expected, problems, strict=True)), problems


def test_a_success_policy_is_met_before_the_job_is_complete() -> None:
    made = created(success(succeededCount=1))
    after = codec.copy(made)
    after.status = codec.from_tree({**COMPLETE, "conditions": [condition("Complete")]}, batch_v1.JobStatus)
    problems = [str(error) for error in job_status.validate_update(after, made)]
    assert any("for Job with SuccessPolicy unless SuccessCriteriaMet=True" in problem for problem in problems)


def test_warnings() -> None:
    (warning,) = warnings(changed(JOB, "metadata.name", "a.b"))
    assert warning.startswith("metadata.name: this is used in Pod names and hostnames")
    many = indexed(completions=100_001, parallelism=10_001, backoffLimitPerIndex=1, maxFailedIndexes=1)
    assert warnings(many)[0].startswith("spec: In Indexed Jobs with a number of completions higher than 10^5")
