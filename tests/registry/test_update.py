"""Replacing objects: conflicts, what cannot be changed, generation, no-op writes, and the end of a deletion."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from podium.machinery import errors
from podium.models import apps_v1, codec, coordination_v1, core_v1, meta_v1
from podium.registry.types import Request
from podium.registry.update import ends
from tests.registry.world import World, changed, config_map, meta, pod

CM = core_v1.ConfigMap
MODIFIED = (
    'Operation cannot be fulfilled on configmaps "a": the object has been modified; '
    "please apply your changes to the latest version and try again"
)


def deployment(name: str = "d", replicas: int = 1) -> apps_v1.Deployment:
    return apps_v1.Deployment(
        metadata=meta(name),
        spec=apps_v1.DeploymentSpec(
            replicas=replicas,
            selector=meta_v1.LabelSelector(matchLabels={"app": "web"}),
            template=core_v1.PodTemplateSpec(
                metadata=meta_v1.ObjectMeta(labels={"app": "web"}),
                spec=core_v1.PodSpec(containers=(core_v1.Container(name="c", image="i:1"),)),
            ),
        ),
    )


def test_an_update_replaces_the_object(world: World) -> None:
    made = world.create(config_map("a", x="1"))
    new = world.update(changed(made, data={"y": "2"}))
    assert new.data == {"y": "2"}
    assert new.metadata.uid == made.metadata.uid
    assert int(new.metadata.resourceVersion) > int(made.metadata.resourceVersion)


def test_an_owner_counts_once(world: World) -> None:
    made = world.create(config_map("a"))
    owner = meta_v1.OwnerReference(apiVersion="v1", kind="Pod", name="p", uid="1")
    for how in ("update", "patch"):
        request = Request()
        if how == "update":
            updated = changed(made, metadata__ownerReferences=(owner, owner))
            new = world.update(updated, request=request)
        else:
            again = {"apiVersion": "v1", "kind": "Pod", "name": "p", "uid": "1"}
            patch = {"metadata": {"ownerReferences": [again, again]}}
            patching = world.registry.patch(request, world.row(CM), "default", "a", patch, "merge")
            new = world.run(patching).object
        assert new.metadata.ownerReferences == (owner,)
        after = " after mutating admission happens" if how == "patch" else ""
        assert request.warnings[0].startswith(f".metadata.ownerReferences contains duplicate entries{after}; API")
        assert request.warnings[0].endswith("duplicate UID(s) observed: 1")


def test_what_has_no_name_is_not_what_the_url_names(world: World) -> None:
    made = world.create(config_map("a"))
    with pytest.raises(errors.BadRequest) as caught:
        world.run(world.registry.update(Request(), world.row(CM), "default", "a", changed(made, metadata__name="")))
    why = "the name of the object (a based on URL) was undeterminable: name must be provided"
    assert caught.value.message == why


def test_an_old_resource_version_is_a_conflict(world: World) -> None:
    made = world.create(config_map("a"))
    world.update(changed(made, data={"x": "1"}))
    with pytest.raises(errors.Conflict) as caught:
        world.update(changed(made, data={"x": "2"}))
    assert caught.value.message == MODIFIED
    assert world.get(CM, "a").data == {"x": "1"}


def test_without_a_resource_version_the_update_is_unconditional(world: World) -> None:
    world.create(config_map("a"))
    world.update(config_map("a", x="1"))
    assert world.get(CM, "a").data == {"x": "1"}


def test_resource_version_0_is_none(world: World) -> None:
    made = world.create(changed(config_map("a"), metadata__resourceVersion="0"))
    assert made.metadata.resourceVersion == str(world.registry.revision)
    world.update(changed(made, metadata__resourceVersion="0", data={"x": "1"}))
    assert world.patch(CM, "a", {"metadata": {"resourceVersion": "0"}, "data": {"y": "2"}}).data == {"x": "1", "y": "2"}
    lease = world.create(coordination_v1.Lease(metadata=meta("l")))
    with pytest.raises(errors.Invalid, match="must be specified for an update"):
        world.update(changed(lease, metadata__resourceVersion="0"))


def test_some_kinds_insist_on_a_resource_version(world: World) -> None:
    res = world.row(core_v1.ConfigMap)
    from dataclasses import replace

    strict = replace(res, strategy=replace(res.strategy, update_unconditional=False))
    world.create(config_map("a"))
    with pytest.raises(errors.Invalid) as caught:
        world.run(world.registry.update(Request(), _added(world, strict), "default", "a", config_map("a")))
    assert caught.value.message == (
        'configmaps "a" is invalid: metadata.resourceVersion: Invalid value: 0: must be specified for an update'
    )


def _added(world: World, row: Any) -> Any:
    world.core.add(row)
    return row


def test_missing_objects_are_not_found_unless_put_may_create(world: World) -> None:
    with pytest.raises(errors.NotFound) as caught:
        world.update(config_map("a"))
    assert caught.value.message == 'configmaps "a" not found'
    from dataclasses import replace

    res = world.row(coordination_v1.Lease)
    _added(world, replace(res, strategy=replace(res.strategy, create_on_update=True)))
    made = world.update(coordination_v1.Lease(metadata=meta("l")))
    assert made.metadata.uid


NAMES = [
    ("b", "default", "the name of the object (a) does not match the name on the URL (b)"),
    ("a", "other", "the namespace of the object (default) does not match the namespace on the request (other)"),
]


@pytest.mark.parametrize(("name", "namespace", "message"), NAMES)
def test_object_and_url_name_the_same(world: World, name: str, namespace: str, message: str) -> None:
    with pytest.raises(errors.BadRequest) as caught:
        world.run(world.registry.update(Request(), world.row(CM), namespace, name, config_map("a")))
    assert caught.value.message == message


def test_a_uid_is_a_precondition(world: World) -> None:
    first = world.create(config_map("a"))
    world.delete(CM, "a")
    second = world.create(config_map("a"))
    with pytest.raises(errors.Conflict) as caught:
        world.update(changed(first, metadata__resourceVersion=""))
    assert caught.value.message == (
        'Operation cannot be fulfilled on configmaps "a": StorageError: invalid object, Code: 4, Key: '
        "/registry/configmaps/default/a, ResourceVersion: 0, AdditionalErrorMsg: Precondition failed: UID in "
        f"precondition: {first.metadata.uid}, UID in object meta: {second.metadata.uid}"
    )


def test_what_is_the_systems_stays(world: World) -> None:
    made = world.create(config_map("a"))
    new = world.update(
        changed(made, metadata__creationTimestamp=None, metadata__generation=99, metadata__uid="", data={"x": "1"})
    )
    assert new.metadata.creationTimestamp == made.metadata.creationTimestamp
    assert new.metadata.uid == made.metadata.uid
    assert new.metadata.generation == made.metadata.generation


def test_a_client_cannot_begin_a_deletion_with_an_update(world: World) -> None:
    made = world.create(config_map("a"))
    with pytest.raises(errors.Invalid, match=r"metadata.deletionTimestamp: Invalid value: .*: field is immutable"):
        world.update(changed(made, metadata__deletionTimestamp=world.clock.now()))


def test_nothing_changed_is_not_written(world: World) -> None:
    made = world.create(config_map("a", x="1"))
    before = world.registry.revision
    same = world.update(codec.copy(made))
    assert same.metadata.resourceVersion == made.metadata.resourceVersion
    assert world.registry.revision == before


def test_dry_run_shows_what_would_be(world: World) -> None:
    made = world.create(config_map("a"))
    shown = world.update(changed(made, data={"x": "1"}), request=Request(dry_run=True))
    assert shown.data == {"x": "1"}
    assert shown.metadata.resourceVersion == made.metadata.resourceVersion
    assert world.get(CM, "a").data == {}


class TestGeneration:
    def test_counts_changes_of_what_is_desired(self, world: World) -> None:
        made = world.create(deployment())
        labelled = world.update(changed(made, metadata__labels={"a": "b"}))
        assert labelled.metadata.generation == 1
        scaled = world.update(changed(labelled, spec__replicas=2))
        assert scaled.metadata.generation == 2

    def test_a_status_is_not_desired(self, world: World) -> None:
        made = world.create(deployment())
        written = world.update(changed(made, status__replicas=1), "status")
        assert written.metadata.generation == 1


class TestStatus:
    def test_writes_status_only(self, world: World) -> None:
        made = world.create(deployment())
        written = world.update(
            changed(made, status__replicas=1, spec__replicas=7, metadata__labels={"a": "b"}), "status"
        )
        assert (written.status.replicas, written.spec.replicas, written.metadata.labels) == (1, 1, {})

    def test_the_rest_leaves_status_alone(self, world: World) -> None:
        from dataclasses import replace

        def keep_status(new: Any, old: Any) -> None:
            new.status = old.status

        res = world.row(apps_v1.Deployment)
        _added(world, replace(res, strategy=replace(res.strategy, prepare_update=keep_status)))
        made = world.create(deployment())
        world.update(changed(made, status__replicas=1), "status")
        new = world.get(apps_v1.Deployment, "d")
        written = world.update(changed(new, status__replicas=9, spec__replicas=3))
        assert (written.status.replicas, written.spec.replicas) == (1, 3)

    def test_a_kind_without_status_has_no_such_path(self, world: World) -> None:
        world.create(config_map("a"))
        with pytest.raises(errors.PathNotFound):
            world.update(config_map("a"), "status")


class TestFinalizers:
    def test_the_last_one_ends_a_deletion(self, world: World) -> None:
        held = config_map("a")
        held.metadata.finalizers = ("example.com/one", "example.com/two")
        world.create(held)
        world.delete(CM, "a")
        current = world.get(CM, "a")
        current = world.update(changed(current, metadata__finalizers=("example.com/two",)))
        assert world.names(CM) == ["a"]
        gone = world.update(changed(current, metadata__finalizers=()))
        assert gone.metadata.finalizers == ()
        assert world.names(CM) == []

    def test_none_is_added_to_what_is_being_deleted(self, world: World) -> None:
        held = config_map("a")
        held.metadata.finalizers = ("example.com/one",)
        world.create(held)
        world.delete(CM, "a")
        with pytest.raises(errors.Invalid) as caught:
            world.update(changed(world.get(CM, "a"), metadata__finalizers=("example.com/one", "example.com/two")))
        assert caught.value.message == (
            'ConfigMap "a" is invalid: metadata.finalizers: Forbidden: no new finalizers can be added if the object '
            'is being deleted, found new finalizers []string{"example.com/two"}'
        )

    def test_a_dry_run_doesnt_end_it(self, world: World) -> None:
        held = config_map("a")
        held.metadata.finalizers = ("example.com/one",)
        world.create(held)
        world.delete(CM, "a")
        world.update(changed(world.get(CM, "a"), metadata__finalizers=()), request=Request(dry_run=True))
        assert world.names(CM) == ["a"]

    ENDS = (
        (False, None, (), False),
        (True, None, (), True),
        (True, 0, (), True),
        (True, 30, (), False),
        (True, 0, ("f",), False),
    )

    @pytest.mark.parametrize(("deleting", "grace", "finalizers", "expected"), ENDS)
    def test_when_it_ends(
        self, world: World, deleting: bool, grace: int | None, finalizers: tuple[str, ...], expected: bool
    ) -> None:
        old = pod()
        old.metadata.deletionTimestamp = world.clock.now() if deleting else None
        old.metadata.deletionGracePeriodSeconds = grace
        assert ends(changed(old, metadata__finalizers=finalizers), old) is expected

    def test_a_namespace_is_also_held_by_its_spec(self, world: World) -> None:
        old = core_v1.Namespace(metadata=meta("n", ""), spec=core_v1.NamespaceSpec(finalizers=("kubernetes",)))
        old.metadata.deletionTimestamp = world.clock.now()
        assert not ends(codec.copy(old), old)
        assert ends(changed(old, spec__finalizers=()), old)


class TestConcurrency:
    def test_of_two_with_the_same_revision_one_wins(self, world: World) -> None:
        made = world.create(config_map("a"))
        outcomes = world.together(*(world.do_update(changed(made, data={"by": by})) for by in "12"))
        assert sum(isinstance(outcome, errors.Conflict) for outcome in outcomes) == 1
        assert world.get(CM, "a").data == {"by": "1"}

    def test_unconditional_updates_all_come_through(self, world: World) -> None:
        world.create(config_map("a"))
        before = world.registry.revision

        async def all_of_them() -> list[Any]:
            return await asyncio.gather(*(world.do_update(config_map("a", by=str(number))) for number in range(20)))

        written = world.run(all_of_them())
        assert len({one.metadata.resourceVersion for one in written}) == 20
        assert world.registry.revision == before + 20

    def test_an_update_that_loses_against_a_deletion_finds_nothing(self, world: World) -> None:
        world.create(config_map("a"))
        _, updated = world.together(world.do_delete(CM, "a"), world.do_update(config_map("a", x="1")))
        assert isinstance(updated, errors.NotFound)


class TestMetadata:
    BAD: tuple[dict[str, Any], ...] = (
        {"metadata__labels": {"a": "x y"}},
        {"metadata__annotations": {"x y": ""}},
        {"metadata__finalizers": ("x y",)},
        {"metadata__ownerReferences": (meta_v1.OwnerReference(apiVersion="v1", kind="Pod", name="p"),)},
    )

    @pytest.mark.parametrize("fields", BAD)
    def test_is_validated_again(self, world: World, fields: dict[str, Any]) -> None:
        made = world.create(config_map("a"))
        with pytest.raises(errors.Invalid):
            world.update(changed(made, **fields))

    def test_one_of_the_collectors_finalizers_is_fine(self, world: World) -> None:
        made = world.create(config_map("a"))
        for finalizer in ("orphan", "foregroundDeletion"):
            made = world.update(changed(made, metadata__finalizers=(finalizer,)))

    def test_a_deletion_that_has_begun_stays_begun(self, world: World) -> None:
        made = pod(nodeName="n")
        world.create(made)
        marked = world.delete(core_v1.Pod, "web")
        new = changed(
            marked,
            metadata__deletionTimestamp=None,
            metadata__deletionGracePeriodSeconds=None,
            metadata__labels={"a": "b"},
        )
        kept = world.update(new)
        assert kept.metadata.deletionTimestamp == marked.metadata.deletionTimestamp
        assert kept.metadata.deletionGracePeriodSeconds == 30
