"""What a StatefulSet's Pods are called, which come and go next, who owns their claims."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from podium.controllers.statefulset import claims, decide, identity, rolling, stuck
from podium.models import apps_v1, core_v1, owners
from tests.controllers.build import NOW, ago
from tests.controllers.statefulset.build import claim, pod, stateful_set


@pytest.mark.parametrize(
    ("name", "parent", "ordinal"),
    [
        ("db-0", "db", 0),
        ("my-db-12", "my-db", 12),
        ("db", "", -1),
        ("db-", "", -1),
        ("db-x", "", -1),
        ("db-99999999999", "db", -1),
    ],
)
def test_names_tell_the_ordinal(name: str, parent: str, ordinal: int) -> None:
    assert identity.parent_and_ordinal(name) == (parent, ordinal)


def test_only_its_own_names_are_members() -> None:
    owner = stateful_set(3)
    assert [identity.is_member(owner, pod(1, name=name)) for name in ("db", "db-0", "dbx")] == [True, False, False]


def test_a_new_pod_has_its_name_labels_host_and_claims() -> None:
    owner = stateful_set(3, claims=("data",), start=5)
    made = identity.new_pod(owner, owner.spec.template, 6, "db-abc")
    assert (made.metadata.name, made.spec.hostname, made.spec.subdomain) == ("db-6", "db-6", "db")
    assert made.metadata.labels == {
        "app": "db",
        "controller-revision-hash": "db-abc",
        "statefulset.kubernetes.io/pod-name": "db-6",
        "apps.kubernetes.io/pod-index": "6",
    }
    (volume,) = made.spec.volumes
    assert volume.persistentVolumeClaim is not None
    assert (volume.name, volume.persistentVolumeClaim.claimName) == ("data", "data-db-6")
    assert owners.is_controlled_by(made, owner)
    (template,) = identity.new_claims(owner, 6)
    assert (template.metadata.name, template.metadata.labels) == ("data-db-6", {"app": "db"})


def plan(owner: apps_v1.StatefulSet, *pods: core_v1.Pod, **said: Any) -> tuple[list[int], list[str]]:
    made = decide.plan(
        owner,
        decide.sort_out(owner, pods),
        "new",
        said.get("blocked", lambda _: False),
        said.get("in_order", lambda _: True),
        NOW,
    )
    return made.create, [one.metadata.name for one in made.delete]


@pytest.mark.parametrize(
    ("parallel", "pods", "create", "delete"),
    [
        (False, [], [0], []),
        (True, [], [0, 1, 2], []),
        (False, [pod(0, ready=None)], [], []),
        (True, [pod(0, ready=None)], [1, 2], []),
        (False, [pod(0)], [1], []),
        (False, [pod(0, deleting=True), pod(1)], [], []),
        (False, [pod(0, phase="Failed", ready=None), pod(1)], [], ["db-0"]),
        (True, [pod(0, phase="Succeeded", ready=None), pod(1)], [2], ["db-0"]),
        (False, [pod(0), pod(1), pod(2), pod(3), pod(4)], [], ["db-4"]),
        (True, [pod(0), pod(1), pod(2), pod(3), pod(4)], [], ["db-4", "db-3"]),
        (False, [pod(0), pod(1), pod(2), pod(3), pod(4, deleting=True)], [], []),
        (False, [pod(0), pod(1), pod(2), pod(3), pod(4, ready=None)], [], ["db-4"]),
        (False, [pod(0), pod(1), pod(2), pod(3, ready=None), pod(4, ready=None)], [], []),
        (False, [pod(0), pod(2), pod(4)], [1], []),
        (False, [pod(0, revision="old"), pod(1, revision="old"), pod(2, revision="old")], [], ["db-2"]),
        (False, [pod(0, revision="old"), pod(1, revision="old"), pod(2, ready=None)], [], []),
        (False, [pod(0, revision="old"), pod(1, revision="old"), pod(2)], [], ["db-1"]),
        (
            False,
            [pod(0), pod(1), pod(2, revision="old", ready=None, phase="Pending", waiting="ImagePullBackOff")],
            [],
            ["db-2"],
        ),
        (False, [pod(0), pod(1), pod(2, revision="old", ready=None)], [], []),
        (False, [pod(0), pod(1), pod(2, ready=None, waiting="CrashLoopBackOff")], [], []),
    ],
)
def test_what_comes_and_goes_next(
    parallel: bool, pods: list[core_v1.Pod], create: list[int], delete: list[str]
) -> None:
    assert plan(stateful_set(3, parallel=parallel), *pods) == (create, delete)


@pytest.mark.parametrize(("age", "delete", "again"), [(0, [], 2), (1.5, [], 0.5), (2, ["db-0"], None)])
def test_a_pod_that_fails_at_once_is_not_replaced_at_once(age: float, delete: list[str], again: float | None) -> None:
    owner, rejected = stateful_set(1), pod(0, phase="Failed", ready=None)
    rejected.metadata.creationTimestamp = ago(age)
    made = decide.plan(owner, decide.sort_out(owner, [rejected]), "new", lambda _: False, lambda _: True, NOW)
    assert [one.metadata.name for one in made.delete] == delete
    assert made.look_again == (None if again is None else NOW + timedelta(seconds=again))


def test_ordinals_begin_where_they_are_told_to() -> None:
    owner = stateful_set(2, start=3, parallel=True)
    assert plan(owner, pod(0), pod(3)) == ([4], ["db-0"])


@pytest.mark.parametrize("parallel", [True, False])
def test_two_billion_replicas_cost_no_more_than_their_pods(parallel: bool) -> None:
    owner = stateful_set(2**31 - 1, parallel=parallel, unavailable="100%")
    pods = [pod(1), pod(1000, revision="old"), pod(2_000_000_000)]
    sorted_out = decide.sort_out(owner, pods)
    assert len(sorted_out.replicas) < 2 * decide.BURST
    assert sorted_out.all == pods
    created, deleted = plan(owner, *pods)
    assert created == ([0, *range(2, decide.BURST + 1)] if parallel else [0])
    assert deleted == [], "nothing is updated while so many are missing"


def test_so_many_are_created_at_once() -> None:
    owner = stateful_set(decide.BURST + 2, parallel=True)
    assert len(plan(owner)[0]) == decide.BURST
    assert not decide.sort_out(owner, [pod(0), pod(decide.BURST + 1)]).many_missing
    assert decide.sort_out(owner, [pod(0)]).many_missing
    assert not decide.sort_out(stateful_set(decide.BURST), []).many_missing


def test_a_pod_is_waited_for_until_it_has_been_ready_for_long_enough() -> None:
    owner = stateful_set(2, minReadySeconds=10)
    assert plan(owner, pod(0, ready=9)) == ([], [])
    assert plan(owner, pod(0, ready=10)) == ([1], [])


def test_a_claim_of_the_predecessor_holds_a_pod_back() -> None:
    assert plan(stateful_set(2, parallel=True), blocked=lambda ordinal: ordinal == 0) == ([1], [])


def test_a_set_that_is_being_deleted_does_nothing() -> None:
    owner = stateful_set(2)
    owner.metadata.deletionTimestamp = NOW
    assert plan(owner, pod(7)) == ([], [])


OLD: dict[str, Any] = {"revision": "old"}


@pytest.mark.parametrize(
    ("said", "pods", "replaced"),
    [
        ({}, [pod(0, **OLD), pod(1, **OLD)], ["db-1"]),
        ({"partition": 1}, [pod(0, **OLD), pod(1)], []),
        ({"partition": 5}, [pod(0, **OLD), pod(1, **OLD)], []),
        ({"partition": None}, [pod(0, **OLD), pod(1, **OLD)], ["db-1"]),
        ({"unavailable": 2}, [pod(0, **OLD), pod(1, **OLD), pod(2, **OLD)], ["db-2", "db-1"]),
        ({"unavailable": "70%"}, [pod(0, **OLD), pod(1, **OLD), pod(2, **OLD)], ["db-2", "db-1"]),
        ({"unavailable": "10%"}, [pod(0, **OLD), pod(1, **OLD), pod(2, **OLD)], ["db-2"]),
        ({"unavailable": 2}, [pod(0, **OLD), pod(1, **OLD), pod(2, ready=None)], ["db-1"]),
        ({}, [pod(0, **OLD), pod(1, **OLD), pod(2, ready=None)], []),
        ({}, [pod(0, ready=None, **OLD), pod(1, **OLD), pod(2, **OLD)], ["db-0"]),
        ({"partition": 1}, [pod(0, ready=None, **OLD), pod(1, **OLD), pod(2)], ["db-1"]),
        ({}, [pod(0, **OLD), pod(1, deleting=True, **OLD)], []),
        ({}, [pod(0, **OLD), None], []),
    ],
)
def test_which_pods_a_rolling_update_replaces(
    said: dict[str, Any], pods: list[core_v1.Pod | None], replaced: list[str]
) -> None:
    owner = stateful_set(len(pods), parallel=True, **said)
    chosen = rolling.to_replace(owner, pods, "new", NOW)
    assert [one.metadata.name for one in chosen] == replaced


def rejected(ordinal: int, **said: Any) -> core_v1.Pod:
    """Failed before any container was."""
    one = pod(ordinal, ready=None, phase="Failed", **said)
    one.status.containerStatuses = ()
    return one


def test_on_delete_leaves_old_pods_even_if_they_cannot_start() -> None:
    owner = stateful_set(1, strategy="OnDelete")
    assert plan(owner, pod(0, revision="old", ready=None, waiting="ErrImagePull")) == ([], [])


@pytest.mark.parametrize(
    ("said", "left", "to_update", "current"),
    [
        ({"partition": 2}, 0, [], [0, 1]),
        ({"partition": 2}, 4, [0], [0, 1]),
        ({"partition": 0}, 4, [], []),
        ({"partition": None}, 0, [], []),
        ({"partition": None}, 2, [], [0, 1]),
        ({"partition": None}, 4, [], [0, 1, 2, 3]),
        ({"partition": None}, 4, [0, 3], [1, 2]),
        ({"partition": None, "start": 10}, 2, [10], [11]),
        ({"partition": None, "parallel": True}, 4, [], []),
        ({"strategy": "OnDelete"}, 4, [], []),
    ],
)
def test_new_pods_are_of_the_current_revision_where_the_update_has_not_been_yet(
    said: dict[str, Any], left: int, to_update: list[int], current: list[int]
) -> None:
    owner = stateful_set(4, **said)
    ordinals = range(identity.start(owner), identity.start(owner) + 4)
    assert [one for one in ordinals if decide.is_current(owner, one, left, to_update)] == current


@pytest.mark.parametrize(
    ("said", "going", "updated"),
    [
        ({}, pod(2, **OLD), {2}),
        ({}, pod(2), set()),
        ({}, pod(3, **OLD), set()),
        ({}, pod(0, ready=None, waiting="ErrImagePull", **OLD), {0}),
        ({}, pod(0, ready=None, phase="Failed", waiting="Completed", **OLD), set()),
        ({}, rejected(0, **OLD), {0}),
        ({}, rejected(0), set()),
        ({"partition": 1}, rejected(0, **OLD), set()),
        ({"strategy": "OnDelete"}, rejected(0, **OLD), set()),
    ],
)
def test_what_is_deleted_to_be_updated(said: dict[str, Any], going: core_v1.Pod, updated: set[int]) -> None:
    assert decide.to_update(stateful_set(3, **said), [going], "new") == updated


@pytest.mark.parametrize(
    ("one", "expected"),
    [
        (pod(0, ready=None, waiting="CrashLoopBackOff"), True),
        (pod(0, ready=None, waiting="ContainerCreating"), False),
        (pod(0, ready=None), False),
        (pod(0, waiting="CrashLoopBackOff"), False),
        (pod(0, ready=None, waiting="ErrImagePull", deleting=True), False),
    ],
)
def test_what_cannot_start(one: core_v1.Pod, expected: bool) -> None:
    assert stuck.cannot_start(one) is expected


def owned(*references: tuple[str, str, str]) -> core_v1.PersistentVolumeClaim:
    """A claim with owners: (kind, name, uid); "~" before the kind: it doesn't control."""
    made = claim("data-db-0")
    made.metadata.ownerReferences = tuple(
        owners.new_controller_ref(_owner(kind.removeprefix("~"), name, uid)) for kind, name, uid in references
    )
    for (kind, _, _), reference in zip(references, made.metadata.ownerReferences, strict=True):
        reference.controller = None if kind.startswith("~") else True
    return made


def _owner(kind: str, name: str, uid: str) -> Any:
    obj: Any = stateful_set(1) if kind == "StatefulSet" else pod(0)
    obj.kind, obj.metadata.name, obj.metadata.uid = kind, name, uid
    return obj


SET, POD = ("StatefulSet", "db", "uid-db"), ("Pod", "db-0", "uid-db-0")
OTHER = ("Backup", "nightly", "uid-other")


@pytest.mark.parametrize(
    ("deleted", "scaled", "replicas", "before", "after"),
    [
        ("Retain", "Retain", 1, [], []),
        ("Retain", "Retain", 1, [SET], []),
        ("Delete", "Retain", 1, [], [SET]),
        ("Delete", "Retain", 0, [], [SET]),
        ("Retain", "Delete", 1, [], []),
        ("Retain", "Delete", 0, [], [POD]),
        ("Retain", "Delete", 1, [POD], []),
        ("Delete", "Delete", 1, [], [SET]),
        ("Delete", "Delete", 0, [SET], [POD]),
        ("Delete", "Retain", 1, [("~StatefulSet", "db", "uid-db")], [SET]),
        ("Delete", "Retain", 1, [OTHER], [OTHER]),
        ("Delete", "Retain", 1, [OTHER, SET], [OTHER]),
        ("Retain", "Retain", 1, [OTHER, SET], [OTHER]),
        ("Delete", "Delete", 1, [("Pod", "db-0", "uid-before")], [("Pod", "db-0", "uid-before")]),
        ("Delete", "Delete", 1, [("StatefulSet", "db", "uid-before")], [("StatefulSet", "db", "uid-before")]),
    ],
)
def test_who_owns_a_claim(
    deleted: str,
    scaled: str,
    replicas: int,
    before: list[tuple[str, str, str]],
    after: list[tuple[str, str, str]],
) -> None:
    owner = stateful_set(replicas, when_deleted=deleted, when_scaled=scaled)
    references = claims.owner_references(owned(*before), owner, pod(0))
    assert [(one.kind, one.name, one.uid) for one in references] == after
    assert all(one.controller for one in references)


def test_a_claim_that_goes_with_the_former_pod_holds_the_next_one_back() -> None:
    former = owned(("Pod", "db-0", "uid-before"))
    fresh = pod(0)
    fresh.metadata.uid = ""
    assert claims.holds_back(stateful_set(1, when_scaled="Delete"), fresh, [owned(), former])
    assert not claims.holds_back(stateful_set(1), fresh, [former])
    assert not claims.holds_back(stateful_set(1, when_scaled="Delete"), fresh, [owned()])


def test_the_status_counts_and_completes_an_update() -> None:
    owner = stateful_set(2)
    pods = [pod(0, revision="old"), pod(1, ready=None)]
    made = decide.status(owner, pods, ("old", "new"), 0, NOW)
    assert (made.replicas, made.readyReplicas, made.availableReplicas) == (2, 1, 1)
    assert (made.currentReplicas, made.updatedReplicas) == (1, 1)
    assert (made.currentRevision, made.updateRevision, made.collisionCount) == ("old", "new", 0)
    made = decide.status(owner, [pod(0), pod(1)], ("old", "new"), 0, NOW)
    assert (made.currentRevision, made.currentReplicas, made.updatedReplicas) == ("new", 2, 2)
    made = decide.status(stateful_set(2, strategy="OnDelete"), [pod(0), pod(1)], ("old", "new"), 0, NOW)
    assert (made.currentRevision, made.currentReplicas) == ("old", None)
