"""Watches: where they begin, what selectors let through, falling behind, bookmarks, and their end."""

from __future__ import annotations

import asyncio
from random import Random
from typing import Any

import pytest

from podium.machinery import errors
from podium.models import core_v1
from podium.registry import storage, watching
from podium.registry.types import WatchOptions
from tests.registry.world import World, changed, config_map, meta, pod, revisions

CM = core_v1.ConfigMap
POD = core_v1.Pod
INITIAL: dict[str, Any] = {
    "send_initial_events": True,
    "resource_version_match": "NotOlderThan",
    "allow_bookmarks": True,
}


def labelled(name: str, **labels: str) -> core_v1.ConfigMap:
    made = config_map(name)
    made.metadata.labels = labels
    return made


class TestBeginning:
    def test_without_a_revision_with_everything_there_is(self, world: World) -> None:
        world.create(config_map("b"))
        world.create(config_map("a"))
        seen = world.watch(CM)
        assert seen.take() == [("ADDED", "a"), ("ADDED", "b")]
        world.create(config_map("c"))
        assert seen.take() == [("ADDED", "c")]

    def test_from_a_lists_revision_without_what_the_list_had(self, world: World) -> None:
        world.create(config_map("a"))
        listing = world.list(CM)
        world.update(config_map("a", x="1"))
        seen = world.watch(CM, resource_version=str(listing.revision))
        world.delete(CM, "a")
        assert seen.take() == [("MODIFIED", "a"), ("DELETED", "a")]

    def test_with_initial_events_and_a_bookmark_that_says_so(self, world: World) -> None:
        world.create(config_map("a"))
        seen = world.watch(CM, **INITIAL)
        end = seen.events[-1]
        assert (end.type, end.initial_events_end, end.revision) == ("BOOKMARK", True, world.registry.revision)
        assert seen.take() == [("ADDED", "a"), ("BOOKMARK", "")]

    def test_without_initial_events_from_now_on(self, world: World) -> None:
        world.create(config_map("a"))
        options: dict[str, Any] = {**INITIAL, "send_initial_events": False}
        seen = world.watch(CM, **options)
        world.create(config_map("b"))
        assert seen.take() == [("ADDED", "b")]

    def test_initial_events_wait_for_a_future_revision(self, world: World) -> None:
        seen = world.watch(CM, **INITIAL, resource_version=str(world.registry.revision + 1))
        assert seen.take() == []
        world.create(config_map("a"))
        assert seen.take() == [("ADDED", "a"), ("BOOKMARK", "")]

    def test_a_revision_that_is_gone_is_expired_at_once(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(storage, "RING_EVENTS", 1)
        made = world.create(config_map("a"))
        for number in range(3):
            world.update(config_map("a", x=str(number)))
        world.run(world.store.compact(world.registry.revision))
        with pytest.raises(errors.Expired, match="too old resource version"):
            world.watch(CM, resource_version=made.metadata.resourceVersion)

    def test_older_than_memory_comes_from_the_store(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(storage, "RING_EVENTS", 2)
        begin = world.registry.revision
        for number in range(5):
            world.create(labelled(f"a{number}", n=str(number % 2)))
        world.delete(CM, "a1")
        seen = world.watch(CM, resource_version=str(begin), label_selector="n=1")
        assert seen.take() == [("ADDED", "a1"), ("ADDED", "a3"), ("DELETED", "a1")]
        world.create(labelled("b", n="1"))
        assert seen.take() == [("ADDED", "b")]


OPTIONS = [
    (
        {"send_initial_events": True},
        "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan",
    ),
    (
        {"resource_version_match": "NotOlderThan"},
        "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided",
    ),
    (
        {"send_initial_events": True, "resource_version_match": "Exact"},
        'resourceVersionMatch: Unsupported value: "Exact": supported values: "NotOlderThan"',
    ),
]


@pytest.mark.parametrize(("options", "message"), OPTIONS)
def test_options(world: World, options: dict[str, Any], message: str) -> None:
    with pytest.raises(errors.Invalid) as caught:
        world.registry.watch(world.row(CM), "", WatchOptions(**options))
    assert message in caught.value.message


class TestSelectors:
    def test_coming_into_sight_is_added_leaving_it_deleted(self, world: World) -> None:
        seen = world.watch(CM, label_selector="app=web")
        world.create(labelled("a", app="other"))
        assert seen.take() == []
        world.update(labelled("a", app="web"))
        assert seen.take() == [("ADDED", "a")]
        world.update(changed(labelled("a", app="web"), data={"x": "1"}))
        assert seen.take() == [("MODIFIED", "a")]
        gone = world.update(labelled("a", app="other"))
        event = seen_last(seen)
        assert event.type == "DELETED"
        assert event.entry is not None
        assert event.entry.object.metadata.labels == {"app": "web"}  # as it was in sight
        assert event.entry.object.metadata.resourceVersion == gone.metadata.resourceVersion
        assert b'"resourceVersion":"%d"' % event.revision in event.entry.data
        seen.take()
        world.delete(CM, "a")
        assert seen.take() == []

    def test_a_deletion_in_sight(self, world: World) -> None:
        seen = world.watch(CM, label_selector="app=web")
        made = world.create(labelled("a", app="web"))
        world.delete(CM, "a")
        event = seen_last(seen)
        assert event.type == "DELETED"
        assert event.entry is not None
        assert int(event.entry.object.metadata.resourceVersion) == event.revision > int(made.metadata.resourceVersion)

    def test_by_node(self, world: World) -> None:
        seen = world.watch(POD, field_selector="spec.nodeName=n1")
        other = world.watch(POD, field_selector="spec.nodeName=n2")
        world.create(pod("a"))
        assert seen.take() == other.take() == []
        world.act(POD, "a", "binding", binding("n1"))
        assert seen.take() == [("ADDED", "a")]
        world.delete(POD, "a", gracePeriodSeconds=0)
        assert seen.take() == [("DELETED", "a")]
        assert other.take() == []

    def test_by_phase(self, world: World) -> None:
        seen = world.watch(POD, field_selector="status.phase!=Running")
        world.create(pod("a"))
        world.update(changed(world.get(POD, "a"), status__phase="Running"), "status")
        assert seen.take() == [("ADDED", "a"), ("DELETED", "a")]

    def test_one_object(self, world: World) -> None:
        seen = world.watch(CM, "default", field_selector="metadata.name=a")
        for name in ("a", "b"):
            world.create(config_map(name))
        world.create(config_map("a", "other"))
        assert seen.take() == [("ADDED", "a")]

    def test_one_namespace(self, world: World) -> None:
        seen = world.watch(CM, "other")
        world.create(config_map("a"))
        world.create(config_map("b", "other"))
        assert seen.take() == [("ADDED", "b")]

    def test_one_node_in_one_namespace(self, world: World) -> None:
        seen = world.watch(POD, "other", field_selector="spec.nodeName=n1")
        world.create(pod("a", nodeName="n1"))
        world.create(pod("b", "other", nodeName="n1"))
        assert seen.take() == [("ADDED", "b")]

    def test_one_name_in_all_namespaces(self, world: World) -> None:
        seen = world.watch(CM, field_selector="metadata.name=a")
        world.create(config_map("a"))
        world.create(config_map("a", "other"))
        world.create(config_map("b"))
        assert seen.take() == [("ADDED", "a"), ("ADDED", "a")]

    def test_a_change_visits_only_those_who_may_care(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        asked: list[Any] = []
        offer = watching._Watch.offer

        def told(self: watching._Watch, event: storage.Event) -> None:
            asked.append(self)
            offer(self, event)

        monkeypatch.setattr(watching._Watch, "offer", told)
        for number in range(20):
            world.watch(POD, field_selector=f"spec.nodeName=n{number}")
        world.watch(POD, "other")
        everyone = world.watch(POD)
        world.create(pod("a", nodeName="n3"))
        assert len(asked) == 2
        assert everyone.take() == [("ADDED", "a")]


def binding(node: str) -> core_v1.Binding:
    return core_v1.Binding(target=core_v1.ObjectReference(kind="Node", name=node))


def seen_last(seen: Any) -> Any:
    seen.settle()
    return seen.events[-1]


class TestFallingBehind:
    @pytest.mark.parametrize("ring", [1000, 3])
    def test_a_slow_client_loses_nothing(self, world: World, monkeypatch: pytest.MonkeyPatch, ring: int) -> None:
        monkeypatch.setattr(watching, "QUEUE_EVENTS", 5)
        monkeypatch.setattr(storage, "RING_EVENTS", ring)
        got = world.run(slow_reader(world, writes=40))
        assert [event.entry.object.metadata.name for event in got] == [f"a{number:02}" for number in range(40)]

    def test_its_queue_is_bounded(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(watching, "QUEUE_EVENTS", 5)

        async def scenario() -> int:
            watch = world.registry.watch(world.row(CM), "", WatchOptions())
            first = asyncio.ensure_future(anext(watch))
            await asyncio.sleep(0)
            for number in range(40):
                await world.do_create(config_map(f"a{number:02}"))
            longest = max(len(one.queue) for one in world.core.watches)
            await first
            await watch.aclose()
            return longest

        assert world.run(scenario()) <= 5

    def test_too_far_behind_is_expired(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(watching, "QUEUE_EVENTS", 2)
        monkeypatch.setattr(storage, "RING_EVENTS", 2)

        async def scenario() -> None:
            watch = world.registry.watch(world.row(CM), "", WatchOptions(resource_version="1"))
            await anext(watch)
            for number in range(10):
                await world.do_create(config_map(f"a{number}"))
            await world.store.compact(world.registry.revision)
            while True:
                await anext(watch)

        world.create(config_map("first"))
        with pytest.raises(errors.Expired):
            world.run(scenario())


async def slow_reader(world: World, writes: int) -> list[Any]:
    """Reads one batch for every few writes."""
    got: list[Any] = []
    watch = world.registry.watch(world.row(CM), "", WatchOptions(resource_version=str(world.registry.revision)))
    pending = asyncio.ensure_future(anext(watch))
    for number in range(writes):
        await world.do_create(config_map(f"a{number:02}"))
        if number % 13 == 12:
            got += await pending
            pending = asyncio.ensure_future(anext(watch))
    while len(got) < writes:
        got += await pending
        pending = asyncio.ensure_future(anext(watch))
    pending.cancel()
    await asyncio.gather(pending, return_exceptions=True)
    await watch.aclose()
    return got


class TestEnd:
    def test_timeout(self, world: World) -> None:
        seen = world.watch(CM, timeout_seconds=30)
        world.run(world.clock.sleep(29))
        assert not seen.ended
        world.run(world.clock.sleep(2))
        assert seen.ended
        assert seen.error is None

    def test_who_leaves_is_forgotten(self, world: World) -> None:
        before = len(world.core.watches)
        seen = world.watch(CM)
        assert len(world.core.watches) == before + 1
        seen.stop()
        world.run(world.clock.settle())
        assert len(world.core.watches) == before
        assert not world.registry.live("configmaps").watchers

    def test_stop_ends_all(self, world: World) -> None:
        seen = world.watch(CM)
        world.run(world.registry.stop())
        seen.settle()
        assert seen.ended
        assert seen.error is None


def test_a_future_revision_is_not_waited_for_long(world: World) -> None:
    seen = world.watch(CM, resource_version=str(world.registry.revision + 100))
    world.run(world.clock.sleep(4))
    assert isinstance(seen.error, errors.Timeout)


class TestBookmarks:
    def test_once_a_minute(self, world: World) -> None:
        seen = world.watch(CM, allow_bookmarks=True)
        world.create(core_v1.Node(metadata=meta("n", "")))  # of another resource: the revision moves all the same
        world.run(world.clock.sleep(61))
        assert [event.type for event in seen.events] == ["BOOKMARK"]
        assert seen.events[0].revision == world.registry.revision
        assert not seen.events[0].initial_events_end
        world.run(world.clock.sleep(60))
        assert len(seen.events) == 2

    def test_only_if_wanted(self, world: World) -> None:
        wanting = world.watch(CM, allow_bookmarks=True)
        seen = [world.watch(CM), world.watch(CM, allow_bookmarks=True, periodic_bookmarks=False)]
        world.run(world.clock.sleep(200))
        assert wanting.events
        assert not any(one.events for one in seen)

    def test_a_watch_resumes_from_one(self, world: World) -> None:
        seen = world.watch(CM, allow_bookmarks=True)
        world.create(config_map("a"))
        world.run(world.clock.sleep(61))
        last = seen.events[-1]
        world.create(config_map("b"))
        assert world.watch(CM, resource_version=str(last.revision)).take() == [("ADDED", "b")]


def replayed(events: list[Any]) -> dict[str, dict[str, str]]:
    """What a client knows that follows the events."""
    known: dict[str, dict[str, str]] = {}
    for event in events:
        if event.entry is None:
            continue
        obj = event.entry.object
        if event.type == "DELETED":
            assert known.pop(obj.metadata.name, None) is not None, "deleted what was not there"
        else:
            assert (obj.metadata.name in known) is (event.type == "MODIFIED"), event.type
            known[obj.metadata.name] = obj.data
    return known


@pytest.mark.parametrize("seed", range(6))
def test_whoever_follows_knows_what_is(world: World, monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    """Random writes at the same time, watches that begin anywhere, with every kind of selector: each ends up knowing
    exactly what a list says, in revision order."""
    monkeypatch.setattr(watching, "QUEUE_EVENTS", 7)
    monkeypatch.setattr(storage, "RING_EVENTS", 10)
    rng = Random(seed)
    selections: list[dict[str, str]] = [
        {},
        {"label_selector": "n=1"},
        {"label_selector": "n!=1"},
        {"field_selector": "metadata.name=a3"},
        {"field_selector": "metadata.name!=a3", "label_selector": "n in (0,2)"},
    ]

    async def write_something() -> None:
        name = f"a{rng.randrange(6)}"
        made = changed(labelled(name, n=str(rng.randrange(3))), data={"v": str(rng.random())})
        try:
            match rng.randrange(3):
                case 0:
                    await world.do_create(made)
                case 1:
                    await world.do_update(made)
                case 2:
                    await world.do_delete(CM, name)
        except errors.StatusError:
            return

    async def some_writes() -> None:
        for _ in range(rng.randrange(1, 30)):
            await asyncio.gather(*(write_something() for _ in range(rng.randrange(1, 4))))

    watches: list[tuple[dict[str, str], Any]] = []
    for _ in range(8):
        options = rng.choice(selections)
        watches.append((options, world.watch(CM, **options)))
        world.run(some_writes())
    for options, seen in watches:
        seen.settle()
        assert seen.error is None
        expected = {entry.object.metadata.name: entry.object.data for entry in world.list(CM, **options).entries}
        assert replayed(seen.events) == expected, options
        first = next((at for at, event in enumerate(seen.events) if event.type != "ADDED"), len(seen.events))
        assert revisions(seen.events[first:]) == sorted(revisions(seen.events[first:]))
