"""ControllerRevisions: their bytes, names, order, and which of them may go."""

from __future__ import annotations

import msgspec
import pytest

from podium.controllers.history import control, revisions
from podium.machinery import errors
from podium.models import apps_v1, codec, meta_v1
from tests.controllers.cluster import Cluster, run
from tests.controllers.statefulset.build import stateful_set

LABEL = "controller.kubernetes.io/hash"


def revision(name: str, number: int) -> apps_v1.ControllerRevision:
    return apps_v1.ControllerRevision(metadata=meta_v1.ObjectMeta(name=name), revision=number)


def test_the_data_is_what_go_makes_of_it() -> None:
    owner = stateful_set(1)
    container = owner.spec.template.spec.containers[0]
    container.command = ("sh", "-c", "a < b > c && d\u2028")
    assert revisions.patch_of(owner) == (
        b'{"spec":{"template":{"$patch":"replace","metadata":{"labels":{"app":"db"}},"spec":{"containers":[{"command":'
        b'["sh","-c","a \\u003c b \\u003e c \\u0026\\u0026 d\\u2028"],"image":"db:1","name":"web","resources":{}}],'
        b'"restartPolicy":"Always","terminationGracePeriodSeconds":30}}}}'
    )


def test_the_template_comes_back() -> None:
    owner = stateful_set(1)
    assert revisions.template_of(revisions.new(owner, 1, 0, LABEL)) == owner.spec.template


def test_names_differ_by_content_and_collisions() -> None:
    first, other = stateful_set(1), stateful_set(1, image="db:2")
    names = {revisions.new(first, 1, 0, LABEL).metadata.name, revisions.new(first, 7, 0, LABEL).metadata.name}
    assert len(names) == 1
    names |= {revisions.new(other, 1, 0, LABEL).metadata.name, revisions.new(first, 1, 1, LABEL).metadata.name}
    assert len(names) == 3


def test_the_hash_is_fnv_1() -> None:
    assert revisions.content_hash(b"fooba", 0) != revisions.content_hash(b"foobb", 0)
    # FNV-1 of "0" is 0x050c5d2f, in decimal 84696367, in the alphabet of names:
    assert revisions.content_hash(b"", 0) == "".join("bcdfghjklmnpqrstvwxz2456789"[ord(one) % 27] for one in "84696367")


def test_a_long_owner_name_leaves_room_for_the_hash() -> None:
    owner = stateful_set(1)
    owner.metadata.name = "x" * 250
    assert len(revisions.new(owner, 1, 0, LABEL).metadata.name) <= 253


@pytest.mark.parametrize(
    ("limit", "live", "gone"),
    [
        (2, {"c"}, []),
        (1, set(), ["a", "b"]),
        (1, {"a"}, ["b"]),
        (0, {"b", "c"}, ["a"]),
        (None, set(), []),
        (-1, set(), []),
    ],
)
def test_the_oldest_beyond_the_limit_go_unless_something_is_of_them(
    limit: int | None, live: set[str], gone: list[str]
) -> None:
    old = revisions.in_order([revision("c", 3), revision("a", 1), revision("b", 2)])
    assert [one.metadata.name for one in revisions.superfluous(old, limit, live)] == gone


def test_a_collision_gives_another_name_and_the_same_content_the_same_object() -> None:
    async def body(cluster: Cluster) -> None:
        owner = await cluster.client.create(stateful_set(1))
        first, collisions = await control.create(cluster.client, owner, 1, 0, LABEL)
        assert collisions == 0
        again, collisions = await control.create(cluster.client, owner, 1, 0, LABEL)
        assert (again.metadata.uid, collisions) == (first.metadata.uid, 0)
        await cluster.client.delete(apps_v1.ControllerRevision, "default", first.metadata.name)
        squatter = revision(first.metadata.name, 1)
        squatter.metadata.namespace, squatter.data = "default", {"other": True}
        await cluster.client.create(squatter)
        other, collisions = await control.create(cluster.client, owner, 1, 0, LABEL)
        assert collisions == 1
        assert other.metadata.name != first.metadata.name

    run(body, ())


def test_the_registry_keeps_the_bytes_and_lets_nobody_change_them() -> None:
    async def body(cluster: Cluster) -> None:
        owner = stateful_set(1)
        container = owner.spec.template.spec.containers[0]
        container.command = ("a > b",)
        made, _ = await control.create(cluster.client, await cluster.client.create(owner), 1, 0, LABEL)
        data = revisions.data_of(made)
        decoded = codec.copy(made)  # as a client has it that reads and writes
        assert revisions.data_of(decoded) == data
        renumbered = await control.renumber(cluster.client, made, 2)
        assert (renumbered.revision, revisions.data_of(renumbered)) == (2, data)
        assert isinstance(renumbered.data, msgspec.Raw)
        assert data in codec.encode(renumbered)
        changed = codec.copy(renumbered)
        changed.data = {"spec": {}}
        with pytest.raises(errors.Invalid, match="field is immutable"):
            await cluster.client.update(changed)

    run(body, ())
