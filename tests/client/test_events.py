"""The event recorder: repeats are counted, variants combined, floods cut off."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from random import Random

from podium.client.client import Client
from podium.client.events import BURST, COMBINED, EventRecorder
from podium.client.inprocess import InProcessTransport
from podium.clock import VirtualClock
from podium.models import core_v1, meta_v1
from podium.registry.registry import Registry
from podium.store.memory import MemoryStore
from tests.client.virtual import run

Test = Callable[[EventRecorder, Client, VirtualClock], Awaitable[None]]


def run_recorder(test: Test) -> None:
    async def body(clock: VirtualClock) -> None:
        registry = Registry(MemoryStore(), clock, Random(1))
        await registry.start()
        client = Client(InProcessTransport(registry))
        recorder = EventRecorder(client, clock, Random(2), "tester", "node-1")
        await test(recorder, client, clock)
        await recorder.close()
        await registry.stop()

    run(body)


def pod(name: str) -> core_v1.Pod:
    return core_v1.Pod(metadata=meta_v1.ObjectMeta(name=name, namespace="default", uid=f"uid-{name}"))


async def recorded(client: Client) -> list[core_v1.Event]:
    return sorted(await client.list(core_v1.Event, "default"), key=lambda event: int(event.metadata.resourceVersion))


def test_an_event_says_what_happened_to_whom_and_who_says_so() -> None:
    async def body(recorder: EventRecorder, client: Client, clock: VirtualClock) -> None:
        recorder.event(pod("a"), "Warning", "Failed", "it broke", "spec.containers{web}")
        await recorder.flush()
        (event,) = await recorded(client)
        assert event.metadata.name.startswith("a.")
        assert (event.type, event.reason, event.message, event.count) == ("Warning", "Failed", "it broke", 1)
        reference = event.involvedObject
        assert (reference.kind, reference.apiVersion, reference.name) == ("Pod", "v1", "a")
        assert (reference.uid, reference.fieldPath) == ("uid-a", "spec.containers{web}")
        assert event.source == core_v1.EventSource(component="tester", host="node-1")
        assert event.firstTimestamp == event.lastTimestamp == clock.now().replace(microsecond=0)

    run_recorder(body)


def test_repeats_are_counted_on_the_same_event() -> None:
    async def body(recorder: EventRecorder, client: Client, clock: VirtualClock) -> None:
        for _ in range(3):
            recorder.event(pod("a"), "Normal", "Pulled", "image is there")
            await clock.sleep(10)
        recorder.event(pod("b"), "Normal", "Pulled", "image is there")
        await recorder.flush()
        first, second = sorted(await recorded(client), key=lambda event: event.metadata.name)
        assert (first.involvedObject.name, first.count) == ("a", 3)
        assert first.lastTimestamp is not None
        assert first.firstTimestamp is not None
        assert (first.lastTimestamp - first.firstTimestamp).total_seconds() == 20
        assert (second.involvedObject.name, second.count) == ("b", 1)

    run_recorder(body)


def test_the_tenth_variant_of_a_message_begins_a_combined_event() -> None:
    async def body(recorder: EventRecorder, client: Client, clock: VirtualClock) -> None:
        for number in range(12):
            recorder.event(pod("a"), "Normal", "Created", f"Created number {number}")
        await recorder.flush()
        events = await recorded(client)
        assert len(events) == 10
        combined = [event for event in events if event.message.startswith(COMBINED)]
        assert [(event.message, event.count) for event in combined] == [(COMBINED + "Created number 11", 3)]
        await clock.sleep(700)  # after ten quiet minutes it starts anew
        recorder.event(pod("a"), "Normal", "Created", "Created number 12")
        await recorder.flush()
        assert (await recorded(client))[-1].message == "Created number 12"

    run_recorder(body)


def test_one_object_cannot_flood_the_cluster() -> None:
    async def body(recorder: EventRecorder, client: Client, clock: VirtualClock) -> None:
        for number in range(100):
            recorder.event(pod("a"), "Normal", f"Reason{number}", "again")
        recorder.event(pod("b"), "Normal", "Reason", "another object is heard")
        await recorder.flush()
        events = await recorded(client)
        assert len(events) == BURST + 1
        await clock.sleep(301)  # one more every five minutes
        recorder.event(pod("a"), "Normal", "Late", "again")
        recorder.event(pod("a"), "Normal", "Later", "again")
        await recorder.flush()
        assert [event.reason for event in (await recorded(client))[BURST + 1 :]] == ["Late"]

    run_recorder(body)


def test_an_event_that_has_expired_is_written_anew() -> None:
    async def body(recorder: EventRecorder, client: Client, clock: VirtualClock) -> None:
        recorder.event(pod("a"), "Normal", "Pulled", "image is there")
        await recorder.flush()
        (event,) = await recorded(client)
        await client.delete(core_v1.Event, "default", event.metadata.name)
        recorder.event(pod("a"), "Normal", "Pulled", "image is there")
        await recorder.flush()
        assert [event.count for event in await recorded(client)] == [1]

    run_recorder(body)


def test_a_refused_event_is_dropped_and_others_follow() -> None:
    async def body(recorder: EventRecorder, client: Client, clock: VirtualClock) -> None:
        lost = pod("a")
        lost.metadata.namespace = "nowhere"
        recorder.event(lost, "Normal", "Pulled", "no such namespace")
        recorder.event(pod("b"), "Normal", "Pulled", "image is there")
        await recorder.flush()
        assert [event.involvedObject.name for event in await recorded(client)] == ["b"]

    run_recorder(body)
