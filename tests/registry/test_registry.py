"""The registry as a whole: bootstrap, restart, housekeeping, a failed store, second versions, the table."""

from __future__ import annotations

import asyncio
from random import Random
from typing import Any

import pytest

from podium.client.inprocess import InProcessTransport
from podium.client.transport import Selection
from podium.machinery import errors
from podium.models import autoscaling_v1, autoscaling_v2, core_v1, discovery_v1, events_v1, resources
from podium.models.quantity import Quantity
from podium.models.scheduling_v1 import PriorityClass
from podium.registry.registry import Registry
from podium.registry.resources import built_in
from podium.registry.types import ListOptions, Request, WatchOptions
from podium.registry.wire import Wire
from podium.store.port import StoreFailed
from tests.registry.world import World, changed, config_map, meta

CM = core_v1.ConfigMap


class TestBootstrap:
    def test_what_every_cluster_begins_with(self, world: World) -> None:
        registry = world.registry
        world.run(registry.stop())
        world.run(registry.start())
        assert {"default", "kube-system", "kube-public", "kube-node-lease"} <= set(world.names(core_v1.Namespace))
        assert world.names(PriorityClass) == ["system-cluster-critical", "system-node-critical"]
        service = world.get(core_v1.Service, "kubernetes")
        assert (service.spec.clusterIP, service.spec.ports[0].port) == ("10.96.0.1", 443)
        assert registry.live("clusterroles.rbac.authorization.k8s.io").get("", "cluster-admin") is not None

    def test_twice_changes_nothing(self, world: World) -> None:
        world.run(world.registry.stop())
        world.run(world.registry.start())
        world.run(world.registry.advertise("127.0.0.1", 6443))
        revision = world.registry.revision
        world.run(world.registry.stop())
        again = Registry(world.store, world.clock, Random(8))
        world.run(again.start())
        world.run(again.advertise("127.0.0.1", 6443))
        assert again.revision == revision
        world.run(again.stop())

    def test_the_apis_address_is_brought_up_to_date(self, world: World) -> None:
        world.run(world.registry.advertise("127.0.0.1", 1111))
        world.run(world.registry.advertise("127.0.0.2", 2222))
        slice_ = world.get(discovery_v1.EndpointSlice, "kubernetes")
        assert (slice_.endpoints[0].addresses, slice_.ports[0].port) == (("127.0.0.2",), 2222)
        assert slice_.metadata.labels["kubernetes.io/service-name"] == "kubernetes"
        endpoints = world.get(core_v1.Endpoints, "kubernetes")
        assert endpoints.subsets[0].addresses[0].ip == "127.0.0.2"

    @pytest.mark.parametrize("model", [core_v1.Service, core_v1.Endpoints, discovery_v1.EndpointSlice])
    def test_what_leads_to_the_api_is_made_again_when_it_is_deleted(self, world: World, model: type) -> None:
        world.run(world.registry.stop())
        world.run(world.registry.start())
        world.run(world.registry.advertise("127.0.0.1", 1111))
        before = world.get(model, "kubernetes")
        world.delete(model, "kubernetes")
        world.run(world.clock.settle())
        after = world.get(model, "kubernetes")
        assert after.metadata.uid != before.metadata.uid
        assert changed(after, metadata=before.metadata) == before


class TestRestart:
    def test_everything_is_there(self, world: World) -> None:
        made = world.create(config_map("a", x="1"))
        again = Registry(world.store, world.clock, Random(8))
        world.run(again.start(empty=True))
        entry = again.live("configmaps").get("default", "a")
        assert entry is not None
        assert entry.object == made
        assert entry.data == world.entry(CM, "a").data
        assert again.revision == world.registry.revision
        world.run(again.stop())

    def test_watches_resume(self, world: World) -> None:
        first = world.create(config_map("a"))
        world.create(config_map("b"))
        world.delete(CM, "a")
        again = Registry(world.store, world.clock, Random(8))
        world.run(again.start(empty=True))
        old, world.registry = world.registry, again
        seen = world.watch(CM, resource_version=first.metadata.resourceVersion)
        assert seen.take() == [("ADDED", "b"), ("DELETED", "a")]
        seen.stop()
        world.run(again.stop())
        world.registry = old


class TestEvents:
    def event(self, name: str) -> core_v1.Event:
        involved = core_v1.ObjectReference(kind="Pod", name="web", namespace="default")
        return core_v1.Event(metadata=meta(name), involvedObject=involved, reason="R", message="m", type="Normal")

    def test_they_last_an_hour(self, world: World) -> None:
        world.create(self.event("a"))
        world.run(world.clock.sleep(1800))
        world.create(self.event("b"))
        world.run(world.clock.sleep(1801))
        assert world.names(core_v1.Event) == ["b"]
        world.run(world.clock.sleep(1800))
        assert world.names(core_v1.Event) == []

    def test_from_their_last_change(self, world: World) -> None:
        made = world.create(self.event("a"))
        world.run(world.clock.sleep(1800))
        world.update(changed(made, count=2))
        world.run(world.clock.sleep(1801))
        assert world.names(core_v1.Event) == ["a"]

    def test_over_a_restart(self, world: World) -> None:
        world.create(self.event("a"))
        world.run(world.clock.sleep(1800))
        world.run(world.registry.stop())
        world.run(world.registry.start(empty=True))
        world.run(world.clock.sleep(1801))
        assert world.names(core_v1.Event) == []


def test_history_is_kept_for_five_minutes(world: World) -> None:
    first = world.create(config_map("a"))
    world.run(world.clock.sleep(301))
    world.update(config_map("a", x="1"))
    assert world.store.oldest <= int(first.metadata.resourceVersion)
    world.run(world.clock.sleep(300))
    assert world.store.oldest > int(first.metadata.resourceVersion) - 1
    world.run(world.clock.sleep(600))
    assert world.store.oldest == world.registry.revision


def test_a_quiet_week_passes_quickly(world: World) -> None:
    """Nothing that runs by the clock costs much when nothing happens."""
    seen = [world.watch(CM, periodic_bookmarks=False, allow_bookmarks=True) for _ in range(20)]
    world.run(world.clock.sleep(7 * 24 * 3600))
    assert not any(one.events for one in seen)


def test_a_revision_to_come_is_waited_for_but_not_for_ever(world: World) -> None:
    made = world.create(config_map("a"))
    world.run(world.registry.reach(made.metadata.resourceVersion))
    with pytest.raises(errors.Timeout, match="Too large resource version: 999, current: "):
        world.run(world.registry.reach("999"))
    with pytest.raises(errors.BadRequest, match="invalid syntax"):
        world.run(world.registry.reach("abc"))


class TestFailedStore:
    @pytest.fixture
    def broken(self, world: World, monkeypatch: pytest.MonkeyPatch) -> World:
        world.create(config_map("a"))
        failure = OSError("the disk is full")

        async def fail(*_: Any, **__: Any) -> int:
            monkeypatch.setattr(type(world.store), "failure", property(lambda _store: failure))
            raise StoreFailed(f"the store has stopped: {failure}")

        for name in ("create", "update", "delete"):
            monkeypatch.setattr(world.store, name, fail)
        return world

    def test_the_write_that_finds_out(self, broken: World) -> None:
        for _ in range(2):
            with pytest.raises(errors.ServiceUnavailable) as caught:
                broken.create(config_map("b"))
            assert caught.value.message == "the store has stopped: the disk is full"

    def test_then_nothing_is_served(self, broken: World) -> None:
        seen = broken.watch(CM)
        waiting = broken.loop.create_task(broken.core.reached(10**6))
        with pytest.raises(errors.ServiceUnavailable):
            broken.update(config_map("a", x="1"))
        seen.settle()
        assert isinstance(seen.error, errors.ServiceUnavailable)
        with pytest.raises(errors.ServiceUnavailable):
            broken.run(asyncio.wait_for(waiting, 1))
        for attempt in (
            lambda: broken.get(CM, "a"),
            lambda: broken.list(CM),
            lambda: broken.registry.watch(broken.row(CM), "", WatchOptions()),
            lambda: broken.create(config_map("b")),
            lambda: broken.update(config_map("a")),
            lambda: broken.patch(CM, "a", {}),
            lambda: broken.delete(CM, "a"),
        ):
            with pytest.raises(errors.ServiceUnavailable):
                attempt()


class TestSecondVersions:
    def autoscaler(self) -> autoscaling_v1.HorizontalPodAutoscaler:
        target = autoscaling_v1.CrossVersionObjectReference(kind="Deployment", name="web", apiVersion="apps/v1")
        return autoscaling_v1.HorizontalPodAutoscaler(
            metadata=meta("a"),
            spec=autoscaling_v1.HorizontalPodAutoscalerSpec(
                scaleTargetRef=target, minReplicas=1, maxReplicas=5, targetCPUUtilizationPercentage=50
            ),
        )

    def test_an_autoscaler_is_one_object(self, world: World) -> None:
        made = world.create(self.autoscaler())
        assert made.apiVersion == "autoscaling/v1"
        stored = world.get(autoscaling_v2.HorizontalPodAutoscaler, "a")
        assert stored.metadata.uid == made.metadata.uid
        assert stored.spec.metrics[0].resource.target.averageUtilization == 50
        read = world.get(autoscaling_v1.HorizontalPodAutoscaler, "a")
        assert read.spec.targetCPUUtilizationPercentage == 50
        assert read.metadata.resourceVersion == stored.metadata.resourceVersion
        entry = world.entry(autoscaling_v1.HorizontalPodAutoscaler, "a")
        assert b'"apiVersion":"autoscaling/v1"' in entry.data
        assert b'"resourceVersion":"%d"' % entry.revision in entry.data

    def test_the_first_version_loses_nothing_of_the_second(self, world: World) -> None:
        world.create(self.autoscaler())
        v2 = world.get(autoscaling_v2.HorizontalPodAutoscaler, "a")
        pods = autoscaling_v2.PodsMetricSource(
            metric=autoscaling_v2.MetricIdentifier(name="rps"),
            target=autoscaling_v2.MetricTarget(type="AverageValue", averageValue=Quantity("10")),
        )
        more = autoscaling_v2.MetricSpec(type="Pods", pods=pods)
        world.update(changed(v2, spec__metrics=(*v2.spec.metrics, more)))
        v1 = world.get(autoscaling_v1.HorizontalPodAutoscaler, "a")
        world.update(changed(v1, spec__maxReplicas=9))
        after = world.get(autoscaling_v2.HorizontalPodAutoscaler, "a")
        assert after.spec.maxReplicas == 9
        assert [one.type for one in after.spec.metrics] == ["Resource", "Pods"]
        assert after.metadata.annotations == {}

    def test_an_annotation_that_cannot_be_read(self, world: World) -> None:
        sent = self.autoscaler()
        sent.metadata.annotations = {"autoscaling.alpha.kubernetes.io/metrics": "{"}
        with pytest.raises(errors.BadRequest, match=r"annotation autoscaling.alpha.kubernetes.io/metrics"):
            world.create(sent)

    def test_patched(self, world: World) -> None:
        world.create(self.autoscaler())
        patch = {"spec": {"targetCPUUtilizationPercentage": 70}}
        assert world.patch(autoscaling_v1.HorizontalPodAutoscaler, "a", patch).spec.targetCPUUtilizationPercentage == 70
        v2 = world.get(autoscaling_v2.HorizontalPodAutoscaler, "a")
        assert [one.resource.target.averageUtilization for one in v2.spec.metrics] == [70]

    def test_events_both_ways(self, world: World) -> None:
        seen = world.watch(events_v1.Event)
        involved = core_v1.ObjectReference(kind="Pod", name="web", namespace="default")
        core = core_v1.Event(metadata=meta("a"), involvedObject=involved, reason="R", message="m", type="Normal")
        world.create(core)
        (event,) = seen.events
        assert event.entry is not None
        assert event.entry.object.apiVersion == "events.k8s.io/v1"
        assert (event.entry.object.note, event.entry.object.regarding.name) == ("m", "web")
        assert world.names(events_v1.Event, field_selector="regarding.name=web") == ["a"]
        assert world.names(events_v1.Event, field_selector="regarding.name=x") == []
        world.delete(events_v1.Event, "a")
        assert world.names(core_v1.Event) == []


class TestTable:
    def test_every_built_in_resource_has_a_row(self) -> None:
        rows = built_in()
        assert [row.type for row in rows] == list(resources.BUILT_IN)
        for row in rows:
            assert row.model.__name__ == row.kind

    def test_what_is_not_stored(self, world: World) -> None:
        virtual = {row.plural for row in world.registry.resources() if row.virtual}
        assert virtual == {
            "componentstatuses",
            "selfsubjectreviews",
            "tokenreviews",
            "localsubjectaccessreviews",
            "selfsubjectaccessreviews",
            "selfsubjectrulesreviews",
            "subjectaccessreviews",
        }

    SUBRESOURCES: tuple[tuple[tuple[str, str, str], set[str]], ...] = (
        (("", "v1", "pods"), {"attach", "binding", "ephemeralcontainers", "eviction", "exec", "log", "portforward"}),
        (("apps", "v1", "deployments"), {"scale", "status"}),
        (("", "v1", "namespaces"), {"finalize", "status"}),
        (("", "v1", "serviceaccounts"), {"token"}),
        (("", "v1", "configmaps"), set()),
    )

    @pytest.mark.parametrize(("key", "expected"), SUBRESOURCES)
    def test_subresources(self, world: World, key: tuple[str, str, str], expected: set[str]) -> None:
        row = world.registry.resource(*key)
        assert row is not None
        assert expected <= set(row.subresources)

    def test_unknown(self, world: World) -> None:
        assert world.registry.resource("apps", "v1", "nothings") is None

    def test_a_verb_that_a_kind_does_not_have(self, world: World) -> None:
        row = world.registry.resource("authorization.k8s.io", "v1", "subjectaccessreviews")
        assert row is not None
        with pytest.raises(errors.MethodNotAllowed):
            world.run(world.registry.list(row, "", ListOptions()))


class TestInProcess:
    @pytest.fixture
    def transport(self, world: World) -> InProcessTransport:
        return InProcessTransport(world.registry)

    def test_a_life(self, world: World, transport: InProcessTransport) -> None:
        kind = resources.of(CM)

        async def scenario() -> list[Any]:
            seen: list[Any] = []

            async def follow() -> None:
                async for batch in transport.watch(kind, Selection(), None):
                    seen.extend((event.type, event.initial_events_end) for event in batch)

            following = asyncio.ensure_future(follow())
            await asyncio.sleep(0)
            made = await transport.create(kind, "default", config_map("a"))
            written = await transport.update(kind, changed(made, data={"x": "1"}))
            assert await transport.get(kind, "default", "a") is written
            patched = await transport.patch(kind, "default", "a", {"data": {"y": "2"}}, "merge")
            listed = await transport.list(kind, Selection(namespace="default"))
            assert listed.items == [patched]
            assert listed.revision == patched.metadata.resourceVersion
            await transport.delete(kind, "default", "a")
            await asyncio.sleep(0)
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)
            return seen

        assert world.run(scenario()) == [
            ("BOOKMARK", True),
            ("ADDED", False),
            ("MODIFIED", False),
            ("MODIFIED", False),
            ("DELETED", False),
        ]

    def test_watches_share_the_objects(self, world: World) -> None:
        seen = [world.watch(CM), world.watch(CM, label_selector="a=b")]
        sent = config_map("a")
        sent.metadata.labels = {"a": "b"}
        made = world.create(sent)
        world.delete(CM, "a")
        for one in seen:
            one.settle()
        first, second = ([event.entry.object for event in one.events if event.entry] for one in seen)
        assert first[0] is second[0] is made
        assert first[1] is second[1]
        assert made.metadata.resourceVersion < first[1].metadata.resourceVersion

    def test_unknown_resources_have_no_path(self, transport: InProcessTransport, world: World) -> None:
        unknown = resources.ResourceType("x", "v1", "Y", "ys", True)
        with pytest.raises(errors.PathNotFound):
            world.run(transport.list(unknown, Selection()))

    def test_who_asks_is_known_to_admission(self, world: World) -> None:
        from podium.registry.types import User

        transport = InProcessTransport(world.registry, User("me"))
        users: list[str] = []

        class Note:
            def handles(self, *_: Any) -> bool:
                return True

            def admit(self, attributes: Any) -> None:
                users.append(attributes.request.user.name)

            def validate(self, _attributes: Any) -> None:
                return None

        from podium.registry.admission.chain import Chain

        world.core.admission = Chain((Note(),))
        world.run(transport.create(resources.of(CM), "default", config_map("a")))
        assert users == ["me"]


def test_wire_finds_metadata_also_behind_other_fields() -> None:
    wire = Wire("ConfigMap", "v1")
    usual = b'{"kind":"ConfigMap","apiVersion":"v1","metadata":{"name":"a"},"data":{}}'
    assert wire.splice(usual, 7).startswith(b'{"kind":"ConfigMap","apiVersion":"v1","metadata":{"resourceVersion":"7",')
    odd = b'{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a"}}'
    assert (
        wire.splice(odd, 7) == b'{"apiVersion":"v1","kind":"ConfigMap","metadata":{"resourceVersion":"7","name":"a"}}'
    )


def test_warnings_reach_the_request(world: World) -> None:
    from dataclasses import replace

    res = world.row(CM)
    world.core.add(replace(res, strategy=replace(res.strategy, warnings=lambda _new, _old: ("careful",))))
    request = Request()
    world.create(config_map("a"), request)
    assert request.warnings == ["careful"]
