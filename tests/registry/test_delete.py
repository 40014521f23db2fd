"""Deletion: what goes at once, what is held by grace and finalizers, preconditions, dependents, collections."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from podium.machinery import errors
from podium.models import batch_v1, core_v1, meta_v1
from podium.registry.delete import decide, garbage_collection_finalizers
from podium.registry.types import ListOptions, Request
from tests.registry.world import World, changed, config_map, meta, pod

CM = core_v1.ConfigMap
POD = core_v1.Pod
HOLD = "example.com/hold"


def running(world: World, name: str = "web", **fields: Any) -> core_v1.Pod:
    made = world.create(pod(name, nodeName="n", **fields))
    started: core_v1.Pod = world.update(changed(made, status__phase="Running"), "status")
    return started


def test_most_kinds_go_at_once(world: World) -> None:
    made = world.create(config_map("a"))
    request = Request()
    assert world.run(world.do_delete(CM, "a", request=request)) is None
    assert request.removed is not None
    assert request.removed.object.metadata.uid == made.metadata.uid
    assert request.removed.revision == world.registry.revision
    with pytest.raises(errors.NotFound):
        world.get(CM, "a")


def test_missing(world: World) -> None:
    with pytest.raises(errors.NotFound) as caught:
        world.delete(CM, "a")
    assert caught.value.message == 'configmaps "a" not found'


def test_finalizers_hold(world: World) -> None:
    held = config_map("a")
    held.metadata.finalizers = (HOLD,)
    world.create(held)
    marked = world.delete(CM, "a")
    assert marked.metadata.deletionTimestamp == world.clock.now().replace(microsecond=0)
    assert marked.metadata.deletionGracePeriodSeconds == 0
    again = world.delete(CM, "a")
    assert again.metadata.resourceVersion == marked.metadata.resourceVersion


def test_dry_run(world: World) -> None:
    held = config_map("b")
    held.metadata.finalizers = (HOLD,)
    world.create(config_map("a"))
    world.create(held)
    before = world.registry.revision
    request = Request(dry_run=True)
    assert world.run(world.do_delete(CM, "a", request=request)) is None
    assert request.removed is not None
    shown = world.run(world.do_delete(CM, "b", request=Request(dry_run=True)))
    assert shown.metadata.deletionTimestamp is not None
    assert world.registry.revision == before


class TestPods:
    def test_a_bound_pod_waits_for_its_agent(self, world: World) -> None:
        running(world)
        marked = world.delete(POD, "web")
        assert marked.metadata.deletionTimestamp == world.clock.now().replace(microsecond=0) + timedelta(seconds=30)
        assert marked.metadata.deletionGracePeriodSeconds == 30
        assert world.names(POD) == ["web"]
        assert world.delete(POD, "web", gracePeriodSeconds=0) is None
        assert world.names(POD) == []

    def test_the_generation_tells_the_agent(self, world: World) -> None:
        made = running(world)
        marked = world.delete(POD, "web")
        if made.metadata.generation:
            assert marked.metadata.generation == made.metadata.generation + 1

    def test_an_unbound_pod_goes_at_once(self, world: World) -> None:
        world.create(pod())
        assert world.delete(POD, "web") is None
        assert world.names(POD) == []

    @pytest.mark.parametrize("phase", ["Succeeded", "Failed"])
    def test_a_finished_pod_goes_at_once(self, world: World, phase: str) -> None:
        made = running(world)
        world.update(changed(world.get(POD, "web"), status__phase=phase), "status")
        assert made.metadata.uid
        assert world.delete(POD, "web", gracePeriodSeconds=30) is None

    def test_the_period_can_be_named(self, world: World) -> None:
        running(world)
        assert world.delete(POD, "web", gracePeriodSeconds=5).metadata.deletionGracePeriodSeconds == 5

    def test_a_period_ends_before_the_calendar(self, world: World) -> None:
        running(world)
        assert world.delete(POD, "web", gracePeriodSeconds=2**62).metadata.deletionGracePeriodSeconds == 2**31 - 1
        assert world.delete(POD, "web", gracePeriodSeconds=7).metadata.deletionGracePeriodSeconds == 7

    def test_a_negative_period_is_one_second(self, world: World) -> None:
        running(world)
        assert world.delete(POD, "web", gracePeriodSeconds=-1).metadata.deletionGracePeriodSeconds == 1

    def test_it_can_only_become_shorter(self, world: World) -> None:
        running(world)
        begun = world.delete(POD, "web")
        longer = world.delete(POD, "web", gracePeriodSeconds=60)
        assert longer.metadata.resourceVersion == begun.metadata.resourceVersion
        unnamed = world.delete(POD, "web")
        assert unnamed.metadata.resourceVersion == begun.metadata.resourceVersion
        shorter = world.delete(POD, "web", gracePeriodSeconds=10)
        assert shorter.metadata.deletionGracePeriodSeconds == 10
        assert begun.metadata.deletionTimestamp - shorter.metadata.deletionTimestamp == timedelta(seconds=20)

    def test_finalizers_hold_also_without_grace(self, world: World) -> None:
        made = pod(nodeName="n")
        made.metadata.finalizers = (HOLD,)
        world.create(made)
        marked = world.delete(POD, "web", gracePeriodSeconds=0)
        assert marked.metadata.deletionGracePeriodSeconds == 0
        world.update(changed(world.get(POD, "web"), metadata__finalizers=()))
        assert world.names(POD) == []

    def test_a_finalizer_that_goes_first_leaves_the_grace_period(self, world: World) -> None:
        made = pod(nodeName="n")
        made.metadata.finalizers = (HOLD,)
        world.create(made)
        world.delete(POD, "web")
        world.update(changed(world.get(POD, "web"), metadata__finalizers=()))
        assert world.names(POD) == ["web"]


class TestPreconditions:
    def test_uid(self, world: World) -> None:
        made = world.create(config_map("a"))
        with pytest.raises(errors.Conflict) as caught:
            world.delete(CM, "a", preconditions=meta_v1.Preconditions(uid="x"))
        assert caught.value.message == (
            'Operation cannot be fulfilled on ConfigMap "a": the UID in the precondition (x) does not match the UID '
            f"in record ({made.metadata.uid}). The object might have been deleted and then recreated"
        )
        world.delete(CM, "a", preconditions=meta_v1.Preconditions(uid=made.metadata.uid))

    def test_resource_version(self, world: World) -> None:
        made = world.create(config_map("a"))
        with pytest.raises(errors.Conflict) as caught:
            world.delete(CM, "a", preconditions=meta_v1.Preconditions(resourceVersion="1"))
        assert caught.value.message == (
            'Operation cannot be fulfilled on ConfigMap "a": the ResourceVersion in the precondition (1) does not '
            f"match the ResourceVersion in record ({made.metadata.resourceVersion}). "
            "The object might have been modified"
        )

    def test_they_hold_when_others_write_meanwhile(self, world: World) -> None:
        made = world.create(config_map("a"))
        required = meta_v1.Preconditions(resourceVersion=made.metadata.resourceVersion)
        deletion = world.do_delete(CM, "a", preconditions=required)
        _, deleted = world.together(world.do_update(config_map("a", x="1")), deletion)
        assert isinstance(deleted, errors.Conflict)
        assert world.names(CM) == ["a"]


OPTIONS = [
    ({"propagationPolicy": "Sideways"}, 'propagationPolicy: Unsupported value: "Sideways"'),
    ({"propagationPolicy": "Orphan", "orphanDependents": True}, "cannot be both set"),
    ({"dryRun": ("Some",)}, 'dryRun: Unsupported value: ["Some"]: supported values: "All"'),
]


@pytest.mark.parametrize(("options", "message"), OPTIONS)
def test_options_are_validated(world: World, options: dict[str, Any], message: str) -> None:
    world.create(config_map("a"))
    with pytest.raises(errors.Invalid) as caught:
        world.delete(CM, "a", **options)
    assert message in caught.value.message


class TestDependents:
    TABLE: tuple[tuple[tuple[str, ...], dict[str, Any], tuple[str, ...]], ...] = (
        # finalizers before, options, finalizers after
        ((), {}, ()),
        ((HOLD,), {}, (HOLD,)),
        ((), {"propagationPolicy": "Background"}, ()),
        ((), {"propagationPolicy": "Foreground"}, ("foregroundDeletion",)),
        ((), {"propagationPolicy": "Orphan"}, ("orphan",)),
        ((HOLD,), {"propagationPolicy": "Foreground"}, (HOLD, "foregroundDeletion")),
        (("orphan",), {}, ("orphan",)),
        (("foregroundDeletion",), {}, ("foregroundDeletion",)),
        (("orphan",), {"propagationPolicy": "Foreground"}, ("foregroundDeletion",)),
        (("foregroundDeletion",), {"propagationPolicy": "Background"}, ()),
        ((), {"orphanDependents": True}, ("orphan",)),
        (("orphan",), {"orphanDependents": False}, ()),
    )

    @pytest.mark.parametrize(("before", "options", "after"), TABLE)
    def test_finalizers(
        self, world: World, before: tuple[str, ...], options: dict[str, Any], after: tuple[str, ...]
    ) -> None:
        asked = meta_v1.DeleteOptions(**options)
        assert garbage_collection_finalizers(world.row(CM), before, asked) == after

    def test_jobs_orphan_by_default(self, world: World) -> None:
        nothing = meta_v1.DeleteOptions()
        assert garbage_collection_finalizers(world.row(batch_v1.Job), (), nothing) == ("orphan",)

    @pytest.mark.parametrize(
        ("options", "told"),
        [({}, 1), ({"propagationPolicy": "Background"}, 0), ({"orphanDependents": True}, 0)],
    )
    def test_whoever_leaves_pods_behind_unasked_is_told(self, world: World, options: dict[str, Any], told: int) -> None:
        one, all_, row = Request(), Request(), world.row(batch_v1.Job)
        with pytest.raises(errors.NotFound):
            world.run(world.do_delete(batch_v1.Job, "a", request=one, **options))
        asked = meta_v1.DeleteOptions(**options)
        world.run(world.registry.delete_collection(all_, row, "default", ListOptions(), asked))
        assert [len(one.warnings), len(all_.warnings)] == [told, told]
        assert all("child pods are preserved by default" in text for text in one.warnings)

    def test_events_have_no_dependents(self, world: World) -> None:
        foreground = meta_v1.DeleteOptions(propagationPolicy="Foreground")
        assert garbage_collection_finalizers(world.row(core_v1.Event), (), foreground) == ()

    def test_a_foreground_deletion_is_held(self, world: World) -> None:
        world.create(config_map("a"))
        marked = world.delete(CM, "a", propagationPolicy="Foreground")
        assert marked.metadata.finalizers == ("foregroundDeletion",)
        assert marked.metadata.deletionTimestamp is not None

    def test_another_policy_can_follow(self, world: World) -> None:
        world.create(config_map("a"))
        world.delete(CM, "a", propagationPolicy="Foreground")
        assert world.delete(CM, "a", propagationPolicy="Background") is None
        assert world.names(CM) == []


class TestNamespaces:
    def test_it_is_terminating_until_finalized(self, world: World) -> None:
        made = world.get(core_v1.Namespace, "other")
        world.update(changed(made, spec__finalizers=("kubernetes",)), "finalize")
        marked = world.delete(core_v1.Namespace, "other")
        assert marked.status.phase == "Terminating"
        again = world.delete(core_v1.Namespace, "other")
        assert again.metadata.resourceVersion == marked.metadata.resourceVersion
        world.update(changed(again, spec__finalizers=()), "finalize")
        assert "other" not in world.names(core_v1.Namespace)

    def test_one_that_nothing_holds_goes_at_once(self, world: World) -> None:
        made = world.get(core_v1.Namespace, "other")
        world.update(changed(made, spec__finalizers=()), "finalize")
        assert world.delete(core_v1.Namespace, "other") is None
        assert "other" not in world.names(core_v1.Namespace)

    @pytest.mark.parametrize("name", ["default", "kube-system"])
    def test_some_are_immortal(self, world: World, name: str) -> None:
        with pytest.raises(errors.Forbidden) as caught:
            world.delete(core_v1.Namespace, name)
        assert caught.value.message == f'namespaces "{name}" is forbidden: this namespace may not be deleted'


def test_deciding_does_not_change_the_object(world: World) -> None:
    made = pod(nodeName="n")
    before = changed(made)
    decide(world.row(POD), made, meta_v1.DeleteOptions(propagationPolicy="Foreground"), world.clock.now())
    assert made == before


class TestCollections:
    def delete_all(self, world: World, **options: Any) -> list[str]:
        listing = world.run(
            world.registry.delete_collection(Request(), world.row(CM), "default", ListOptions(**options), None)
        )
        return [entry.object.metadata.name for entry in listing.entries]

    def test_all_of_a_namespace(self, world: World) -> None:
        for name in ("a", "b"):
            world.create(config_map(name))
        world.create(config_map("c", "other"))
        assert self.delete_all(world) == ["a", "b"]
        assert world.names(CM) == ["c"]

    def test_selected(self, world: World) -> None:
        for name in ("a", "b"):
            made = config_map(name)
            made.metadata.labels = {"name": name}
            world.create(made)
        self.delete_all(world, label_selector="name=a")
        assert world.names(CM) == ["b"]

    def test_limited(self, world: World) -> None:
        for name in ("a", "b", "c"):
            world.create(config_map(name))
        assert self.delete_all(world, limit=2) == ["a", "b"]
        assert world.names(CM) == ["c"]

    def test_namespaces_cannot_be_deleted_like_that(self, world: World) -> None:
        with pytest.raises(errors.MethodNotAllowed):
            world.run(
                world.registry.delete_collection(Request(), world.row(core_v1.Namespace), "", ListOptions(), None)
            )


def test_deletions_at_the_same_time(world: World) -> None:
    world.create(config_map("a"))
    first, second = world.together(world.do_delete(CM, "a"), world.do_delete(CM, "a"))
    assert first is None
    assert isinstance(second, errors.NotFound)


def test_cluster_wide(world: World) -> None:
    world.create(core_v1.Node(metadata=meta("n", "")))
    assert world.delete(core_v1.Node, "n") is None
