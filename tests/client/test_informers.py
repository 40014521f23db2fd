"""Informers against a scripted transport: caches, indexes, handlers, resuming, listing anew."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from itertools import pairwise
from typing import Any

import pytest

from podium.client.client import Client
from podium.client.informers import Informer, Informers
from podium.client.transport import ObjectEvent, Selection
from podium.clock import VirtualClock
from podium.machinery import errors
from podium.models import core_v1, meta_v1
from podium.models.resources import ResourceType
from tests.client.virtual import run


def pod(name: str, revision: int, node: str = "", namespace: str = "default", uid: str = "") -> core_v1.Pod:
    metadata = meta_v1.ObjectMeta(name=name, namespace=namespace, resourceVersion=str(revision), uid=uid or name)
    return core_v1.Pod(metadata=metadata, spec=core_v1.PodSpec(nodeName=node))


def event(type_: Any, obj: core_v1.Pod) -> ObjectEvent:
    return ObjectEvent(type_, obj, obj.metadata.resourceVersion)


def listed(revision: int) -> ObjectEvent:
    return ObjectEvent("BOOKMARK", None, str(revision), initial_events_end=True)


Step = Sequence[ObjectEvent] | Exception | None
"""A batch, an error, or None: the watch ends."""


class ScriptedTransport:
    """Each watch plays the next script, then stays open."""

    def __init__(self, clock: VirtualClock, *scripts: Sequence[Step]) -> None:
        self.clock = clock
        self.scripts = list(scripts)
        self.asked: list[tuple[float, str | None]] = []

    async def watch(
        self, resource: ResourceType, selection: Selection, revision: str | None
    ) -> AsyncIterator[Sequence[ObjectEvent]]:
        self.asked.append((round(self.clock.elapsed, 3), revision))
        for step in self.scripts.pop(0) if self.scripts else ():
            await self.clock.sleep(2)
            if step is None:
                return
            if isinstance(step, Exception):
                raise step
            yield step
        await asyncio.Event().wait()


Test = Callable[[Informer[core_v1.Pod], ScriptedTransport], Awaitable[None]]


def run_informer(scripts: Sequence[Sequence[Step]], test: Test) -> None:
    async def body(clock: VirtualClock) -> None:
        transport = ScriptedTransport(clock, *scripts)
        informers = Informers(Client(transport), clock)  # type: ignore[arg-type]
        informer = informers.of(core_v1.Pod)
        assert informers.of(core_v1.Pod) is informer
        running = asyncio.create_task(informers.run())
        await informers.synced()
        await test(informer, transport)
        running.cancel()
        await asyncio.wait([running])

    run(body)


def names(objects: Sequence[core_v1.Pod]) -> list[str]:
    return sorted(obj.metadata.name for obj in objects)


def test_the_cache_follows_the_watch() -> None:
    async def body(informer: Informer[core_v1.Pod], transport: ScriptedTransport) -> None:
        assert names(informer.list()) == ["a", "b"]
        await transport.clock.sleep(10)
        assert names(informer.list()) == ["b", "c"]
        assert names(informer.list("default")) == ["b"]
        assert names(informer.list("nowhere")) == []
        newest = informer.get("default", "b")
        assert newest is not None
        assert newest.metadata.resourceVersion == "5"

    script = [
        [event("ADDED", pod("a", 1)), event("ADDED", pod("b", 2)), listed(2)],
        [event("ADDED", pod("c", 4, namespace="other")), event("MODIFIED", pod("b", 5)), event("DELETED", pod("a", 6))],
    ]
    run_informer([script], body)


def test_handlers_are_told_in_order_and_of_what_was_there_before() -> None:
    async def body(informer: Informer[core_v1.Pod], transport: ScriptedTransport) -> None:
        told: list[tuple[str, str]] = []

        def handler(old: core_v1.Pod | None, new: core_v1.Pod | None) -> None:
            before, after = ("-" if one is None else one.metadata.resourceVersion for one in (old, new))
            told.append((before, after))

        end = informer.on_change(handler)
        assert told == [("-", "1")]
        await transport.clock.sleep(3)
        assert told == [("-", "1"), ("1", "2"), ("2", "-")]
        end()
        await transport.clock.sleep(3)
        assert len(told) == 3

    script = [
        [event("ADDED", pod("a", 1)), listed(1)],
        [event("MODIFIED", pod("a", 2)), event("DELETED", pod("a", 3))],
        [event("ADDED", pod("b", 4))],
    ]
    run_informer([script], body)


def test_an_index_handler_hears_of_objects_that_come_and_go() -> None:
    async def body(informer: Informer[core_v1.Pod], transport: ScriptedTransport) -> None:
        informer.add_index("node", lambda pod: [pod.spec.nodeName])
        assert names(informer.by_index("node", "")) == ["a"]
        told: list[tuple[bool, bool]] = []
        informer.on_index("node", "n1", lambda old, new: told.append((old is not None, new is not None)))
        await transport.clock.sleep(3)
        assert names(informer.by_index("node", "n1")) == ["a"]
        await transport.clock.sleep(2)
        assert told == [(False, True), (True, True), (True, False)]
        assert names(informer.by_index("node", "n1")) == []
        assert names(informer.by_index("node", "n2")) == ["a"]

    script = [
        [event("ADDED", pod("a", 1)), listed(1)],
        [event("MODIFIED", pod("a", 2, "n1")), event("MODIFIED", pod("a", 3, "n1"))],
        [event("MODIFIED", pod("a", 4, "n2"))],
    ]
    run_informer([script], body)


def test_a_watch_that_ends_is_resumed_where_it_was() -> None:
    async def body(informer: Informer[core_v1.Pod], transport: ScriptedTransport) -> None:
        await transport.clock.sleep(20)
        assert [revision for _, revision in transport.asked] == [None, "7"]
        assert names(informer.list()) == ["a", "b", "c"]

    first = [[event("ADDED", pod("a", 1)), listed(5)], [event("ADDED", pod("b", 7))], None]
    second = [[event("ADDED", pod("c", 8))]]
    run_informer([first, second], body)


def test_an_expired_watch_lists_anew_and_finds_what_was_missed() -> None:
    async def body(informer: Informer[core_v1.Pod], transport: ScriptedTransport) -> None:
        told: list[tuple[str, str]] = []

        def handler(old: core_v1.Pod | None, new: core_v1.Pod | None) -> None:
            before, after = ("-" if one is None else one.metadata.uid for one in (old, new))
            told.append((before, after))

        informer.on_change(handler)
        told.clear()
        await transport.clock.sleep(20)
        assert [revision for _, revision in transport.asked] == [None, None]
        assert names(informer.list()) == ["same", "twin"]
        # "same" is not told again; "twin" is another object of the same name; "gone" was deleted meanwhile.
        assert told == [("twin", "-"), ("-", "twin2"), ("gone", "-")]

    first: list[Step] = [
        [event("ADDED", pod("same", 1)), event("ADDED", pod("twin", 2)), event("ADDED", pod("gone", 3)), listed(3)],
        errors.Expired("too old"),
    ]
    second: list[Step] = [[event("ADDED", pod("same", 1)), event("ADDED", pod("twin", 9, uid="twin2")), listed(9)]]
    run_informer([first, second], body)


def test_a_server_that_begins_anew_is_listed_anew() -> None:
    """It will perhaps never come to the revision that the watch would resume from."""

    async def body(informer: Informer[core_v1.Pod], transport: ScriptedTransport) -> None:
        await transport.clock.sleep(10)
        assert [revision for _, revision in transport.asked] == [None, "700", None]
        assert names(informer.list()) == ["new"]

    cause = meta_v1.StatusCause(reason="ResourceVersionTooLarge", message="Too large resource version")
    unknown = errors.Timeout("Too large resource version", details=meta_v1.StatusDetails(causes=(cause,)))
    before: list[Step] = [[event("ADDED", pod("old", 7)), listed(700)], None]
    after: list[Step] = [[event("ADDED", pod("new", 3)), listed(3)]]
    run_informer([before, [unknown], after], body)


def test_errors_back_off_exponentially() -> None:
    async def body(informer: Informer[core_v1.Pod], transport: ScriptedTransport) -> None:
        await transport.clock.sleep(30)
        times = [time for time, _ in transport.asked]
        # Each watch lasts 2 s until it fails; the pauses are 0.8, 1.6 and 3.2 s.
        pauses = [round(later - earlier - 2, 3) for earlier, later in pairwise(times[1:])]
        assert pauses == [1.6, 3.2]

    failing: list[Step] = [errors.ServiceUnavailable("down")]
    begin: list[Step] = [[listed(1)], errors.ServiceUnavailable("down")]
    run_informer([begin, failing, failing], body)


def test_a_handler_that_fails_does_not_keep_others_from_hearing(caplog: pytest.LogCaptureFixture) -> None:
    async def body(informer: Informer[core_v1.Pod], transport: ScriptedTransport) -> None:
        def fails(old: core_v1.Pod | None, new: core_v1.Pod | None) -> None:
            raise ValueError("mistake")

        heard: list[core_v1.Pod | None] = []
        informer.on_change(fails)
        informer.on_change(lambda old, new: heard.append(new))
        assert len(heard) == 1
        await transport.clock.sleep(3)
        assert len(heard) == 2

    with caplog.at_level(logging.CRITICAL):
        run_informer([[[event("ADDED", pod("a", 1)), listed(1)], [event("ADDED", pod("b", 2))]]], body)
