"""Creating objects: names, system metadata, validation of metadata, dry run."""

from __future__ import annotations

from typing import Any

import pytest

from podium.machinery import errors
from podium.models import apps_v1, core_v1, identifiers, meta_v1
from podium.registry.types import Request
from tests.registry.world import World, changed, config_map, meta


def test_system_metadata_is_the_systems(world: World) -> None:
    sent = config_map("a", x="1")
    sent.metadata.uid = "mine"
    sent.metadata.generation = 17
    sent.metadata.deletionTimestamp = world.clock.now()
    sent.metadata.deletionGracePeriodSeconds = 5
    sent.metadata.selfLink = "/somewhere"
    sent.metadata.managedFields = (meta_v1.ManagedFieldsEntry(manager="me"),)
    made = world.create(sent)
    assert len(made.metadata.uid) == 36
    assert made.metadata.creationTimestamp == world.clock.now().replace(microsecond=0)
    assert made.metadata.deletionTimestamp is None
    assert made.metadata.deletionGracePeriodSeconds is None
    assert made.metadata.generation != 17
    assert not made.metadata.selfLink
    assert not made.metadata.managedFields
    assert made.metadata.resourceVersion == str(world.registry.revision)


def test_an_owner_counts_once(world: World) -> None:
    request = Request()
    one, other = (meta_v1.OwnerReference(apiVersion="v1", kind="Pod", name=name, uid="1") for name in ("p", "q"))
    twice = config_map("a")
    twice.metadata.ownerReferences = (one, other, one)
    assert world.create(twice, request).metadata.ownerReferences == (one, other)
    assert request.warnings == [
        ".metadata.ownerReferences contains duplicate entries; API server dedups owner references in 1.20+, and may "
        "reject such requests as early as 1.24; please fix your requests; duplicate UID(s) observed: 1"
    ]


def test_clients_see_the_resource_version_first_in_metadata(world: World) -> None:
    world.create(config_map("a"))
    entry = world.entry(core_v1.ConfigMap, "a")
    begin = b'{"kind":"ConfigMap","apiVersion":"v1","metadata":{"resourceVersion":"%d",' % entry.revision
    assert entry.data.startswith(begin)
    stored = world.run(world.store.get("/configmaps/default/a"))
    assert stored is not None
    assert b"resourceVersion" not in stored.value


def test_what_is_stored_is_what_was_decoded(world: World) -> None:
    """The struct that is shared in memory and the one that a restart would decode are the same."""
    made = world.create(config_map("a", x="1"))
    entry = world.entry(core_v1.ConfigMap, "a")
    from podium.models import codec

    assert codec.decode(entry.data, core_v1.ConfigMap) == made


def test_the_namespace_of_the_request_holds(world: World) -> None:
    res = world.row(core_v1.ConfigMap)
    made = world.run(world.registry.create(Request(), res, "other", core_v1.ConfigMap(metadata=meta("a", ""))))
    assert made.object.metadata.namespace == "other"
    with pytest.raises(errors.BadRequest) as caught:
        world.run(world.registry.create(Request(), res, "other", config_map("b", "default")))
    assert caught.value.message == (
        "the namespace of the provided object does not match the namespace sent on the request"
    )


def test_a_cluster_wide_object_has_no_namespace(world: World) -> None:
    node = core_v1.Node(metadata=meta("n", "default"))
    made = world.run(world.registry.create(Request(), world.row(core_v1.Node), "", node))
    assert made.object.metadata.namespace == ""


def test_a_second_object_of_the_same_name_is_refused(world: World) -> None:
    world.create(config_map("a"))
    with pytest.raises(errors.AlreadyExists) as caught:
        world.create(config_map("a"))
    assert caught.value.message == 'configmaps "a" already exists'
    held = config_map("b")
    held.metadata.finalizers = ("example.com/hold",)
    world.create(held)
    world.delete(core_v1.ConfigMap, "b")
    with pytest.raises(errors.AlreadyExists) as caught:
        world.create(config_map("b"))
    assert caught.value.message == 'object is being deleted: configmaps "b" already exists'


def test_of_two_creates_at_the_same_time_one_wins(world: World) -> None:
    first, second = world.together(*(world.do_create(config_map("a", by=by)) for by in "12"))
    assert first.data == {"by": "1"}
    assert isinstance(second, errors.AlreadyExists)
    assert world.get(core_v1.ConfigMap, "a").data == {"by": "1"}


class TestGenerateName:
    def test_five_characters_are_added(self, world: World) -> None:
        made = world.create(core_v1.ConfigMap(metadata=meta(generateName="web-")))
        assert made.metadata.name.startswith("web-")
        assert len(made.metadata.name) == 9
        assert made.metadata.generateName == "web-"

    def test_a_long_base_is_cut(self, world: World) -> None:
        made = world.create(core_v1.ConfigMap(metadata=meta(generateName="a" * 100)))
        assert len(made.metadata.name) == 63

    def test_another_name_is_drawn_when_one_is_taken(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        drawn = iter(["web-1", "web-1", "web-2"])
        monkeypatch.setattr(identifiers, "generated_name", lambda _base, _rng: next(drawn))
        first = world.create(core_v1.ConfigMap(metadata=meta(generateName="web-")))
        second = world.create(core_v1.ConfigMap(metadata=meta(generateName="web-")))
        assert (first.metadata.name, second.metadata.name) == ("web-1", "web-2")

    def test_it_gives_up_after_some_names(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(identifiers, "generated_name", lambda _base, _rng: "web-1")
        world.create(core_v1.ConfigMap(metadata=meta(generateName="web-")))
        with pytest.raises(errors.AlreadyExists) as caught:
            world.create(core_v1.ConfigMap(metadata=meta(generateName="web-")))
        assert caught.value.message == (
            'configmaps "web-1" already exists, the server was not able to generate a unique name for the object'
        )
        assert caught.value.retry_after == 1


def test_a_dry_run_leaves_no_trace(world: World) -> None:
    before = world.registry.revision
    made = world.create(config_map("a", x="1"), Request(dry_run=True))
    assert made.data == {"x": "1"}
    assert made.metadata.uid
    assert made.metadata.resourceVersion == ""
    assert world.registry.revision == before
    world.create(config_map("a"))
    with pytest.raises(errors.AlreadyExists):
        world.create(config_map("a"), Request(dry_run=True))


def test_a_resource_version_has_no_place_in_a_new_object(world: World) -> None:
    sent = config_map("a")
    sent.metadata.resourceVersion = "5"
    with pytest.raises(errors.BadRequest, match="resourceVersion should not be set on objects to be created"):
        world.create(sent)


OWNER = meta_v1.OwnerReference(apiVersion="apps/v1", kind="ReplicaSet", name="rs", uid="u")

BAD_METADATA: list[tuple[dict[str, Any], str, str]] = [
    ({"name": ""}, "metadata.name", "Required value: name or generateName is required"),
    ({"name": "A"}, "metadata.name", "a lowercase RFC 1123 subdomain must consist of"),
    ({"name": "a", "labels": {"-": "x"}}, "metadata.labels", "name part must consist of alphanumeric characters"),
    ({"name": "a", "labels": {"a": "x y"}}, "metadata.labels", "a valid label must be an empty string or consist of"),
    ({"name": "a", "labels": {"a": "x" * 64}}, "metadata.labels", "must be no more than 63 characters"),
    ({"name": "a", "annotations": {"x y": ""}}, "metadata.annotations", "name part must consist of"),
    ({"name": "a", "annotations": {"a": "x" * 262_144}}, "metadata.annotations", "may not be more than 262144 bytes"),
    ({"name": "a", "finalizers": ("x y",)}, "metadata.finalizers", "name part must consist of"),
    (
        {"name": "a", "finalizers": ("orphan", "foregroundDeletion")},
        "metadata.finalizers",
        "finalizer orphan and foregroundDeletion cannot be both set",
    ),
    ({"name": "a", "ownerReferences": (changed(OWNER, uid=""),)}, "metadata.ownerReferences.uid", "must not be empty"),
    (
        {"name": "a", "ownerReferences": (changed(OWNER, name=""),)},
        "metadata.ownerReferences.name",
        "must not be empty",
    ),
    (
        {"name": "a", "ownerReferences": (changed(OWNER, kind=""),)},
        "metadata.ownerReferences.kind",
        "must not be empty",
    ),
    (
        {"name": "a", "ownerReferences": (changed(OWNER, apiVersion=""),)},
        "metadata.ownerReferences.apiVersion",
        "version must not be empty",
    ),
    (
        {"name": "a", "ownerReferences": (changed(OWNER, apiVersion="v1", kind="Event"),)},
        "metadata.ownerReferences",
        "/v1, Kind=Event is disallowed from being an owner",
    ),
    (
        {"name": "a", "ownerReferences": (changed(OWNER, controller=True), changed(OWNER, name="b", controller=True))},
        "metadata.ownerReferences",
        'Only one reference can have Controller set to true. Found "true" in references for ReplicaSet/rs and '
        "ReplicaSet/b",
    ),
]


@pytest.mark.parametrize(("fields", "path", "message"), BAD_METADATA)
def test_metadata_is_validated(world: World, fields: dict[str, Any], path: str, message: str) -> None:
    with pytest.raises(errors.Invalid) as caught:
        world.create(core_v1.ConfigMap(metadata=meta(**fields)))
    found = [error for error in caught.value.errors if error.field == path]
    assert found, caught.value.message
    assert message in found[0].message


def test_the_rule_for_names_is_the_kinds(world: World) -> None:
    with pytest.raises(errors.Invalid, match="must not contain dots"):
        world.create(core_v1.Namespace(metadata=meta("a.b", "")))


def test_generation_counts_from_one_where_it_is_kept(world: World) -> None:
    template = core_v1.PodTemplateSpec(
        metadata=meta_v1.ObjectMeta(labels={"a": "b"}),
        spec=core_v1.PodSpec(containers=(core_v1.Container(name="c", image="i"),)),
    )
    selector = meta_v1.LabelSelector(matchLabels={"a": "b"})
    made = world.create(
        apps_v1.Deployment(metadata=meta("d"), spec=apps_v1.DeploymentSpec(selector=selector, template=template))
    )
    assert made.metadata.generation == 1
