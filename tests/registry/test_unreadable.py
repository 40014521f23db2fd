"""Stored objects that can't be read: the server starts, says so, loses nothing, and lets them be deleted."""

from __future__ import annotations

import logging
from collections.abc import Callable
from random import Random

import pytest

from podium.machinery import errors
from podium.models import apps_v1, codec, core_v1, meta_v1
from podium.registry.registry import Registry
from podium.registry.types import ListOptions, Request
from podium.registry.unreadable import NAMED
from podium.store.memory import MemoryStore
from tests.registry.world import World, changed, config_map, meta

CM = core_v1.ConfigMap
KEY = "/configmaps/default/bad"


def start_again(world: World, change: Callable[[str, bytes], bytes] = lambda _key, value: value) -> None:
    """End the server, change what is stored, start another."""

    async def work() -> None:
        await world.registry.stop()
        before, world.store = world.store, MemoryStore()
        for record in (await before.list("")).records:
            await world.store.create(record.key, change(record.key, record.value))
        world.registry = Registry(world.store, world.clock, Random(8))
        await world.registry.start()

    world.run(work())


def spoil(world: World, key: str, change: Callable[[bytes], bytes]) -> None:
    start_again(world, lambda one, value: change(value) if one == key else value)


def cut(value: bytes) -> bytes:
    return value[:-1]


@pytest.fixture
def spoilt(world: World) -> World:
    """Of three ConfigMaps one can't be read."""
    world.create(config_map("bad", a="1"))
    world.create(config_map("good", a="1"))
    world.create(config_map("elsewhere", "other"))
    spoil(world, KEY, cut)
    return world


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (cut, "Input data was truncated"),
        (lambda value: value.replace(b"bad", b"b\xe1d"), "'utf-8' codec can't decode byte 0xe1"),
        (lambda value: value.replace(b'"metadata"', b'"metadatA"'), "it says that its key is /registry/configmaps//"),
        (lambda value: value.replace(b'"bad"', b'"bae"'), "it says that its key is /registry/configmaps/default/bae"),
        (lambda value: value.replace(b'"v1"', b'"v9"'), "it says that it is a v9 ConfigMap"),
        (lambda value: value.replace(b'"immutable":true', b'"immutable":7'), "Expected `bool | null`, got `int`"),
        (lambda value: b"", "Input data was truncated"),
    ],
)
def test_whatever_is_wrong_is_said_and_the_rest_works(
    world: World, change: Callable[[bytes], bytes], why: str, caplog: pytest.LogCaptureFixture
) -> None:
    world.create(CM(metadata=meta("bad"), immutable=True))
    world.create(config_map("good", a="1"))
    spoil(world, KEY, change)
    [said] = [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR]
    assert said.startswith("ConfigMap default/bad of revision ")
    assert why in said
    with pytest.raises(errors.InternalError) as refused:
        world.get(CM, "bad")
    assert refused.value.message.startswith(
        "Internal error occurred: StorageError: corrupt object, Code: 7, Key: /registry/configmaps/default/bad, "
    )
    assert why in refused.value.message
    assert world.get(CM, "good").data == {"a": "1"}


def test_a_number_that_is_out_of_range(world: World) -> None:
    world.create(apps_v1.Deployment(metadata=meta("web"), spec=deployment_spec()))
    spoil(
        world, "/deployments.apps/default/web", lambda value: value.replace(b'"replicas":3', b'"replicas":3000000000')
    )
    with pytest.raises(errors.InternalError, match=r"Expected `int` <= 2147483647 - at `\$\.spec\.replicas`"):
        world.get(apps_v1.Deployment, "web")


def deployment_spec() -> apps_v1.DeploymentSpec:
    labels = {"app": "web"}
    template = core_v1.PodTemplateSpec(
        metadata=meta("", "", labels=labels),
        spec=core_v1.PodSpec(containers=(core_v1.Container(name="main", image="nginx"),)),
    )
    return apps_v1.DeploymentSpec(replicas=3, selector=meta_v1.LabelSelector(matchLabels=labels), template=template)


def test_nothing_of_a_secret_is_said(world: World, caplog: pytest.LogCaptureFixture) -> None:
    world.create(core_v1.Secret(metadata=meta("keys"), data={"password": b"hunter2"}))
    coded = codec.encode(b"hunter2")[1:-1]
    spoil(world, "/secrets/default/keys", lambda value: value.replace(coded, b"!" + coded[1:]))
    with pytest.raises(errors.InternalError) as refused:
        world.get(core_v1.Secret, "keys")
    with pytest.raises(errors.StoreReadError) as unlisted:
        world.list(core_v1.Secret)
    for text in (caplog.text, refused.value.message, codec.encode(unlisted.value.status()).decode()):
        assert "keys" in text
        assert "password" not in text
        assert coded.decode()[1:] not in text


class TestLists:
    def test_are_refused_where_it_should_be_listed(self, spoilt: World) -> None:
        for namespace in ("", "default"):
            with pytest.raises(errors.StoreReadError) as refused:
                spoilt.list(CM, namespace)
        status = refused.value.status()
        message = "failed to read one or more configmaps from the storage: default/bad"
        assert (status.code, status.reason, status.message) == (500, "StorageReadError", message)
        assert status.details is not None
        assert [cause.field for cause in status.details.causes] == ["/registry/configmaps/default/bad"]

    def test_are_served_where_it_could_not_be(self, spoilt: World) -> None:
        assert spoilt.names(CM, "other") == ["elsewhere"]
        assert spoilt.names(CM, "default", field_selector="metadata.name=good") == ["good"]

    def test_as_of_before_it_was_deleted_are_too_old(self, spoilt: World) -> None:
        before = str(spoilt.registry.revision)
        spoilt.delete(CM, "bad")
        with pytest.raises(errors.Expired):
            spoilt.list(CM, resource_version=before, resource_version_match="Exact")

    def test_name_a_few_only(self, world: World) -> None:
        names = [f"bad-{number}" for number in range(NAMED + 2)]
        for name in names:
            world.create(config_map(name))
        for name in names:
            spoil(world, f"/configmaps/default/{name}", cut)
        with pytest.raises(errors.StoreReadError, match=f"default/bad-{NAMED - 1} and 2 more$") as refused:
            world.list(CM)
        details = refused.value.status().details
        assert details is not None
        assert len(details.causes) == len(names)


class TestWrites:
    def test_its_name_is_taken(self, spoilt: World) -> None:
        before = spoilt.run(spoilt.store.get(KEY))
        with pytest.raises(errors.AlreadyExists, match='configmaps "bad" already exists'):
            spoilt.create(config_map("bad", a="2"))
        assert spoilt.run(spoilt.store.get(KEY)) == before

    def test_it_cannot_be_changed(self, spoilt: World) -> None:
        with pytest.raises(errors.InternalError, match="corrupt object"):
            spoilt.update(config_map("bad", a="2"))
        with pytest.raises(errors.InternalError, match="corrupt object"):
            spoilt.patch(CM, "bad", {"data": {"a": "2"}})


class TestDelete:
    def test_by_name_makes_room(self, spoilt: World) -> None:
        assert spoilt.delete(CM, "bad") is None
        with pytest.raises(errors.NotFound):
            spoilt.get(CM, "bad")
        assert spoilt.names(CM, "default") == ["good"]
        spoilt.create(config_map("bad", a="2"))
        assert spoilt.get(CM, "bad").data == {"a": "2"}

    def test_it_is_gone_after_another_start(self, spoilt: World) -> None:
        spoilt.delete(CM, "bad")
        start_again(spoilt)
        assert spoilt.names(CM, "default") == ["good"]

    def test_a_dry_run_leaves_it(self, spoilt: World) -> None:
        spoilt.run(spoilt.do_delete(CM, "bad", request=Request(dry_run=True)))
        with pytest.raises(errors.InternalError):
            spoilt.get(CM, "bad")

    def test_a_uid_as_precondition_cannot_be_looked_at(self, spoilt: World) -> None:
        with pytest.raises(errors.InternalError, match="corrupt object"):
            spoilt.delete(CM, "bad", preconditions=meta_v1.Preconditions(uid="1"))
        assert spoilt.run(spoilt.store.get(KEY)) is not None

    def test_a_revision_as_precondition_can(self, spoilt: World) -> None:
        record = spoilt.run(spoilt.store.get(KEY))
        assert record is not None
        with pytest.raises(errors.Conflict):
            spoilt.delete(CM, "bad", preconditions=meta_v1.Preconditions(resourceVersion="1"))
        spoilt.delete(CM, "bad", preconditions=meta_v1.Preconditions(resourceVersion=str(record.revision)))

    def test_of_all_is_refused_like_a_list(self, spoilt: World) -> None:
        with pytest.raises(errors.StoreReadError):
            spoilt.run(
                spoilt.registry.delete_collection(
                    Request(), spoilt.row(CM), "default", ListOptions(), meta_v1.DeleteOptions()
                )
            )
        assert spoilt.get(CM, "good")


class TestWatches:
    def test_that_begin_with_a_list_are_refused_like_one(self, spoilt: World) -> None:
        with pytest.raises(errors.StoreReadError):
            spoilt.watch(CM, resource_version="0")

    def test_from_before_it_was_written_are_too_old(self, spoilt: World) -> None:
        record = spoilt.run(spoilt.store.get(KEY))
        assert record is not None
        with pytest.raises(errors.Expired):
            spoilt.watch(CM, resource_version=str(record.revision - 1))

    def test_of_components_in_the_process_begin_with_what_can_be_read(self, spoilt: World) -> None:
        seen = spoilt.watch(CM, resource_version="0", in_part=True)
        assert sorted(seen.take()) == [("ADDED", "elsewhere"), ("ADDED", "good")]
        seen.stop()

    def test_end_when_it_is_deleted_so_that_all_look_anew(self, spoilt: World) -> None:
        """Somebody may know it from before it broke, and nobody can be shown what has gone."""
        now = str(spoilt.registry.revision)
        seen = spoilt.watch(CM, resource_version=now)
        spoilt.create(config_map("new"))
        spoilt.delete(CM, "bad")
        assert seen.take() == [("ADDED", "new")]
        assert seen.ended
        assert isinstance(seen.error, errors.Expired)
        with pytest.raises(errors.Expired):
            spoilt.watch(CM, resource_version=now)

    def test_go_on_behind_it(self, spoilt: World) -> None:
        spoilt.delete(CM, "bad")
        seen = spoilt.watch(CM, resource_version=str(spoilt.registry.revision))
        spoilt.create(config_map("new"))
        assert seen.take() == [("ADDED", "new")]
        seen.stop()


class TestStart:
    @pytest.mark.parametrize(
        ("key", "made_again"),
        [
            ("/namespaces/kube-system", True),
            ("/namespaces/default", True),
            ("/services/default/kubernetes", True),
            ("/endpoints/default/kubernetes", False),  # nobody knows here where the API listens
            ("/clusterroles.rbac.authorization.k8s.io/cluster-admin", True),
            ("/apiservices.apiregistration.k8s.io/v1.apps", True),
            ("/storageclasses.storage.k8s.io/standard", True),
        ],
    )
    def test_what_every_cluster_begins_with_may_be_unreadable(self, world: World, key: str, made_again: bool) -> None:
        start_again(world)
        world.run(world.registry.advertise("127.0.0.1", 6443))
        spoil(world, key, cut)
        world.run(world.registry.advertise("127.0.0.1", 6444))
        [(kept, bad)] = [(kept, one) for kept in world.core.collections() for one in kept.unreadable]
        assert world.get(core_v1.Namespace, "other")
        name = bad.rpartition("/")[2]
        world.delete(kept.resource.model, name)
        assert (world.registry.live(kept.resource).get(kept.namespace_of(bad), name) is not None) is made_again

    @pytest.mark.parametrize("seed", range(20))
    def test_whatever_bits_flip(self, world: World, seed: int) -> None:
        """In a fifth of all objects."""
        rng = Random(seed)

        def flipped(_key: str, value: bytes) -> bytes:
            if rng.random() > 0.2:
                return value
            broken = bytearray(value)
            broken[rng.randrange(len(value))] ^= 1 << rng.randrange(8)
            return bytes(broken)

        start_again(world)
        before = world.run(world.store.list("")).records
        start_again(world, flipped)
        world.run(world.registry.advertise("127.0.0.1", 6443))
        kept = {record.key for record in world.run(world.store.list("")).records}
        assert {record.key for record in before} <= kept

    def test_what_is_in_a_namespace_that_is_unreadable_goes_on(self, world: World) -> None:
        world.create(config_map("there", a="1"))
        spoil(world, "/namespaces/default", cut)
        world.patch(CM, "there", {"data": {"a": "2"}})
        with pytest.raises(errors.InternalError, match="corrupt object, Code: 7, Key: /registry/namespaces/default"):
            world.create(config_map("new"))

    def test_what_is_of_no_resource_here_is_kept_and_counted(
        self, world: World, caplog: pytest.LogCaptureFixture
    ) -> None:
        for key in ("/widgets.example.com/a", "/widgets.example.com/b", "nonsense"):
            world.run(world.store.create(key, b"{}"))
        start_again(world)
        said = sorted(record.getMessage() for record in caplog.records if record.levelno == logging.ERROR)
        what = "stored objects are of no resource that is served here, and are kept:"
        assert said == [f"1 {what} nonsense", f"2 {what} widgets.example.com"]
        assert world.run(world.store.get("/widgets.example.com/a")) is not None


class TestNumbersOutOfRange:
    """A component in the process makes objects itself: what HTTP refuses on decoding, it could put into the store."""

    def test_are_not_created(self, world: World) -> None:
        spec = deployment_spec()
        spec.replicas = 2**31
        with pytest.raises(errors.BadRequest) as refused:
            world.create(apps_v1.Deployment(metadata=meta("web"), spec=spec))
        assert refused.value.message == (
            'Deployment in version "v1" cannot be handled as a Deployment: json: cannot unmarshal number 2147483648 '
            "into Go struct field DeploymentSpec.spec.replicas of type int32"
        )
        assert world.names(apps_v1.Deployment) == []

    @pytest.mark.parametrize("count", [2**31, 2**63])
    def test_are_not_written_into_what_is_there(self, world: World, count: int) -> None:
        made = world.create(apps_v1.Deployment(metadata=meta("web"), spec=deployment_spec()))
        with pytest.raises(errors.BadRequest, match=f"cannot unmarshal number {count} into Go"):
            world.update(changed(made, status__replicas=count), "status")
        assert world.get(apps_v1.Deployment, "web") == made

    def test_as_many_digits_as_fit_are_written(self, world: World) -> None:
        made = world.create(apps_v1.Deployment(metadata=meta("web"), spec=deployment_spec()))
        world.update(changed(made, status__replicas=2**31 - 1, status__observedGeneration=2**63 - 1), "status")
        status = world.get(apps_v1.Deployment, "web").status
        assert (status.replicas, status.observedGeneration) == (2**31 - 1, 2**63 - 1)
