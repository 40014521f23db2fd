"""Which ReplicaSet is which revision, names, annotations and history."""

from __future__ import annotations

import re
from collections.abc import Sequence

import pytest

from podium.controllers.deployment import revisions
from podium.models import apps_v1, codec
from tests.controllers.build import replica_set
from tests.controllers.cluster import deployment, template


def names(sets: Sequence[apps_v1.ReplicaSet]) -> list[str]:
    return [one.metadata.name for one in sets]


def test_the_new_one_has_the_same_template_whatever_the_hash() -> None:
    current = deployment(1)
    same = replica_set("same", 1, age=10)
    same.spec.template.metadata.labels = {"app": "web", "pod-template-hash": "abc"}
    older = codec.copy(same)
    older.metadata.name, older.metadata.creationTimestamp = (
        "older",
        replica_set("x", 1, age=50).metadata.creationTimestamp,
    )
    other = replica_set("other", 1, image="web:2", age=99)
    assert revisions.find_new(current, [other, same]) is same
    assert revisions.find_new(current, [other, same, older]) is older
    assert revisions.find_new(current, [other]) is None


def test_the_hash_is_stable_and_tells_templates_and_collisions_apart() -> None:
    one = revisions.template_hash(template(), None)
    assert re.fullmatch("[bcdfghjklmnpqrstvwxz2456789]{1,10}", one)
    assert one == revisions.template_hash(template(), None) == "59c6dbd67d"  # names must not change with a release
    others = {revisions.template_hash(template("web:2"), None), revisions.template_hash(template(), 1)}
    assert one not in others
    assert len(others) == 2


def test_a_new_replica_set() -> None:
    current = deployment(4, minReadySeconds=7)
    current.metadata.annotations = {
        "kubernetes.io/change-cause": "because",
        "kubectl.kubernetes.io/last-applied-configuration": "{}",
        revisions.REVISION: "9",
    }
    new = revisions.new_replica_set(current, [replica_set("a", 1, revision="3"), replica_set("b", 0, revision="x")])
    name_hash = revisions.template_hash(current.spec.template, None)
    assert new.metadata.name == f"web-{name_hash}"
    assert new.metadata.labels == {"app": "web", "pod-template-hash": name_hash}
    assert new.spec.template.metadata.labels == new.metadata.labels
    assert new.spec.selector is not None
    assert new.spec.selector.matchLabels == new.metadata.labels
    assert new.metadata.annotations == {
        "kubernetes.io/change-cause": "because",
        revisions.REVISION: "4",
        revisions.DESIRED: "4",
        revisions.MAXIMUM: "5",
    }
    assert (new.spec.replicas, new.spec.minReadySeconds) == (0, 7)
    assert current.spec.template.metadata.labels == {"app": "web"}


@pytest.mark.parametrize(
    ("existing", "number", "expected"),
    [
        ({}, 1, {revisions.REVISION: "1"}),
        ({revisions.REVISION: "3"}, 3, {revisions.REVISION: "3"}),
        ({revisions.REVISION: "5"}, 3, {revisions.REVISION: "5"}),
        ({revisions.REVISION: "9"}, 10, {revisions.REVISION: "10", revisions.HISTORY: "9"}),
        (
            {revisions.REVISION: "3", revisions.HISTORY: "1"},
            5,
            {revisions.REVISION: "5", revisions.HISTORY: "1,3"},
        ),
    ],
)
def test_a_rollback_gives_a_new_number_and_keeps_the_old_ones(
    existing: dict[str, str], number: int, expected: dict[str, str]
) -> None:
    assert revisions.new_annotations(deployment(1), existing, number) == expected


def test_a_long_history_loses_its_beginning() -> None:
    history = ",".join(str(number) for number in range(1000, 1400))
    existing = {revisions.REVISION: "2000", revisions.HISTORY: history}
    kept = revisions.new_annotations(deployment(1), existing, 2001)[revisions.HISTORY]
    assert len(kept) <= revisions.LONGEST_HISTORY
    assert kept.endswith(",1399,2000")


def test_what_others_write_into_the_annotations_costs_nothing() -> None:
    digits = "9" * 5000
    assert revisions.new_annotations(deployment(1), {revisions.REVISION: digits}, 3)[revisions.REVISION] == "3"
    noting = replica_set("a", 1)
    noting.metadata.annotations = {revisions.DESIRED: digits}
    assert revisions.noted(noting, revisions.DESIRED) is None
    existing = {revisions.REVISION: "2", revisions.HISTORY: "1," * 100_000}
    assert len(revisions.new_annotations(deployment(1), existing, 3)[revisions.HISTORY]) <= revisions.LONGEST_HISTORY


@pytest.mark.parametrize(("limit", "expected"), [(10, []), (2, ["r1"]), (0, ["r1", "r2"]), (None, []), (2**31 - 1, [])])
def test_superfluous(limit: int | None, expected: list[str]) -> None:
    old = [
        replica_set("r2", 0, revision="2"),
        replica_set("r1", 0, revision="1"),
        replica_set("r3", 1, revision="3"),
    ]
    assert names([*revisions.superfluous(deployment(1, revisionHistoryLimit=limit), old)]) == expected


@pytest.mark.parametrize(
    "kept", [replica_set("a", 0, has=1), replica_set("a", 1, has=0), replica_set("a", 0, observed=False)]
)
def test_nothing_that_has_pods_is_superfluous(kept: apps_v1.ReplicaSet) -> None:
    assert revisions.superfluous(deployment(1, revisionHistoryLimit=0), [kept]) == []
