from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from functools import partial

import pytest

from podium.clock import VirtualClock, VirtualLoop
from podium.models import codec, core_v1
from podium.scheduler.cache import Cache
from podium.scheduler.nodes import NodeFacts
from podium.scheduler.queue import QueuedPod, SchedulingQueue
from podium.scheduler.rules import host_ports, resources_fit, taints
from podium.scheduler.rules.base import NodeChange, PodChange

from .build import node, pod

FIT = frozenset({resources_fit.NAME})


class Line:
    """A queue on a virtual clock, and Pods by name."""

    def __init__(self) -> None:
        self.clock = VirtualClock()
        self.loop = VirtualLoop(self.clock)
        self.queue = SchedulingQueue(self.clock)
        self.cache = Cache()

    def put(self, one: core_v1.Pod) -> None:
        self.queue.put(self.cache.templates.info(one))

    def pop(self) -> QueuedPod:
        queued = self.queue.pop()
        assert queued is not None
        return queued

    def names(self) -> list[str]:
        found = []
        while (queued := self.queue.pop()) is not None:
            found.append(queued.info.pod.metadata.name)
        return found

    def run(self, test: Callable[[], None]) -> None:
        async def main() -> None:
            test()

        self.loop.run_until_complete(main())

    def after(self, seconds: float) -> None:
        self.loop.run_until_complete(self.clock.advance(seconds))


@pytest.fixture
def line() -> Iterator[Line]:
    line = Line()
    yield line
    line.queue.stop()
    line.loop.close()


def test_priority_first_then_who_came_first(line: Line) -> None:
    for name, priority in (("a", 0), ("b", 5), ("c", 0), ("d", 5)):
        line.put(pod(name, priority=priority))
    assert line.names() == ["b", "d", "a", "c"]


def test_removed_pods_are_not_given_out(line: Line) -> None:
    first, second = pod("a"), pod("b")
    line.put(first)
    line.put(second)
    line.queue.remove(first.metadata.uid)
    assert line.names() == ["b"]


def test_gated_pods_wait_for_their_gates(line: Line) -> None:
    one = pod("a", spec={"schedulingGates": [{"name": "g"}]})
    line.put(one)
    assert line.names() == []
    ungated = codec.copy(one)
    ungated.spec.schedulingGates = ()
    line.put(ungated)
    assert line.names() == ["a"]


OTHER = Cache().templates.info(pod("other", on="n", ports=(80,)))
LEFT, CAME = PodChange(OTHER, None), PodChange(None, OTHER)
SMALL, LARGE = NodeFacts(node("n", cpu="1")), NodeFacts(node("n", cpu="4"))
TAINTED = NodeFacts(node("n", cpu="4", taints=["k:NoSchedule"]))


@pytest.mark.parametrize(
    ("rules", "event", "helps"),
    [
        ([resources_fit.NAME], LEFT, True),
        ([resources_fit.NAME], CAME, False),
        ([resources_fit.NAME], NodeChange(None, LARGE), True),
        ([resources_fit.NAME], NodeChange(None, SMALL), False),
        ([resources_fit.NAME], NodeChange(SMALL, LARGE), True),
        ([resources_fit.NAME], NodeChange(TAINTED, LARGE), False),
        ([resources_fit.NAME], NodeChange(LARGE, None), False),
        ([taints.NAME], NodeChange(TAINTED, LARGE), True),
        ([taints.NAME], NodeChange(SMALL, LARGE), False),
        ([taints.NAME], LEFT, False),
        ([taints.NAME, resources_fit.NAME], LEFT, True),
        ([host_ports.NAME], LEFT, True),
        ([host_ports.NAME], NodeChange(SMALL, LARGE), False),
        ([], NodeChange(None, TAINTED), True),
        ([], LEFT, True),
    ],
)
def test_a_parked_pod_waits_for_what_could_help_it(
    line: Line, rules: list[str], event: NodeChange | PodChange, helps: bool
) -> None:
    def test() -> None:
        line.put(pod("a", cpu="2", ports=(80,)))
        line.queue.park(line.pop(), frozenset(rules))
        line.queue.on_event(event)
        assert line.names() == (["a"] if helps else [])

    line.run(test)


def test_who_backs_off_comes_after_who_does_not_but_need_not_wait_for_nothing(line: Line) -> None:

    def test() -> None:
        line.put(pod("failed", priority=100))
        line.queue.park(line.pop(), FIT)
        line.put(pod("new"))
        line.queue.wake_all()
        assert line.names() == ["new", "failed"]

    line.run(test)


def test_when_its_backoff_is_over_a_pod_is_active_again(line: Line) -> None:

    def fail() -> None:
        line.put(pod("failed", priority=100))
        line.queue.park(line.pop(), FIT)
        line.put(pod("new"))
        line.queue.wake_all()

    line.run(fail)
    line.after(1)
    assert line.names() == ["failed", "new"]


def test_errors_back_off_in_earnest(line: Line) -> None:

    def start() -> None:
        line.put(pod("a"))
        line.queue.retry(line.pop())

    line.run(start)
    waits = []
    for _ in range(6):
        assert line.names() == []
        began = line.clock.elapsed
        line.loop.run_until_complete(line.queue.ready())
        waits.append(round(line.clock.elapsed - began))
        queued = line.pop()
        line.run(partial(line.queue.retry, queued))
    assert waits == [1, 2, 4, 8, 10, 10]


def test_nobody_is_parked_for_more_than_five_minutes(line: Line) -> None:

    def park(name: str) -> None:
        line.put(pod(name))
        line.queue.park(line.pop(), FIT)

    line.run(lambda: park("a"))
    line.after(100)
    line.run(lambda: park("b"))
    line.after(199)
    assert line.names() == []
    line.after(1.1)
    assert line.names() == ["a"]
    line.after(100)
    assert line.names() == ["b"]


def test_a_parked_pod_is_tried_again_when_its_spec_changes(line: Line) -> None:

    def test() -> None:
        one = pod("a", cpu="2")
        line.put(one)
        queued = line.pop()
        line.queue.park(queued, FIT)
        changed = codec.copy(one)
        changed.status.phase = "Pending"
        line.put(changed)
        assert line.names() == []
        changed = codec.copy(one)
        changed.metadata.labels = {"new": "label"}
        line.put(changed)
        assert line.names() == ["a"]

    line.run(test)


def test_ready_waits_until_there_is_something(line: Line) -> None:

    async def main() -> None:
        assert line.queue.pop() is None
        waiting = asyncio.create_task(line.queue.ready())
        await line.clock.settle()
        assert not waiting.done()
        line.put(pod("a"))
        await waiting

    line.loop.run_until_complete(main())
