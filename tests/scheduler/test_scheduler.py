from __future__ import annotations

from typing import Any

from podium.client.transport import Transport
from podium.machinery import errors
from podium.models import codec, core_v1
from podium.models.resources import ResourceType

from .build import node, pod
from .world import World

NEVER = "preemption: 0/1 nodes are available: 1 {}."


def test_a_pod_gets_a_node_and_is_told_so() -> None:
    with World() as world:
        world.create(node("n"), pod("a"))
        world.settle()
        assert world.node_of("a") == "n"
        scheduled = world.scheduled("a")
        assert scheduled.status == "True"
        assert world.events("a") == [("Normal", "Scheduled", "Successfully assigned default/a to n")]
        assert not world.scheduler.cache.assumed


def test_a_pod_without_node_is_told_why_and_gets_one_when_that_changes() -> None:
    with World() as world:
        world.advance(0.25)
        world.create(pod("a", cpu="2"))
        world.settle()
        assert world.node_of("a") == ""
        world.create(node("n", cpu="1"))
        world.settle()
        message = "0/1 nodes are available: 1 Insufficient cpu. " + NEVER.format(
            "Preemption is not helpful for scheduling"
        )
        told = [event[2] for event in world.events("a")]
        assert "no nodes available to schedule pods" in told
        assert message in told
        scheduled = world.scheduled("a")
        assert (scheduled.status, scheduled.reason, scheduled.message) == ("False", "Unschedulable", message)
        assert scheduled.lastTransitionTime is not None
        assert scheduled.lastTransitionTime.microsecond == 0  # as in everything but MicroTime
        world.create(node("m", cpu="2"))
        world.settle()
        assert world.node_of("a") == "m"


def test_room_that_becomes_free_is_used_at_once() -> None:
    with World() as world:
        world.create(node("n", cpu="1"), pod("a", cpu="1"))
        world.settle()
        world.create(pod("b", cpu="1"))
        world.settle()
        assert world.node_of("b") == ""
        assert world.scheduled("b").message.endswith(NEVER.format("No preemption victims found for incoming pod"))
        world.delete("a")
        world.settle()
        assert world.node_of("b") == "n"
        assert world.clock.elapsed < 0.001


def test_ended_pods_use_nothing() -> None:
    with World() as world:
        world.create(node("n", cpu="1"), pod("a", cpu="1"))
        world.settle()
        world.create(pod("b", cpu="1"))
        world.settle()
        status = {"status": {"phase": "Succeeded"}}
        world.run(world.client.patch(core_v1.Pod, "default", "a", status, "merge", "status"))
        world.settle()
        assert world.node_of("b") == "n"


def test_once_settled_nothing_is_written() -> None:
    with World() as world:
        world.create(node("n", cpu="1"), pod("a", cpu="1"), pod("b", cpu="1"))
        world.advance(60)
        before = world.registry.revision
        world.advance(200)
        assert world.registry.revision == before


def test_gated_pods_wait() -> None:
    with World() as world:
        world.create(node("n"), pod("a", spec={"schedulingGates": [{"name": "g"}]}))
        world.settle()
        assert world.node_of("a") == ""
        scheduled = world.scheduled("a")
        assert (scheduled.status, scheduled.reason) == ("False", "SchedulingGated")
        ungated = codec.copy(world.pod("a"))
        ungated.spec.schedulingGates = ()
        world.run(world.client.update(ungated))
        world.settle()
        assert world.node_of("a") == "n"


def test_pods_of_other_schedulers_are_left_alone_but_counted() -> None:
    with World() as world:
        world.create(node("n", cpu="1"), pod("a", spec={"schedulerName": "other"}), pod("b", cpu="1", on="n"))
        world.settle()
        assert world.node_of("a") == ""
        world.create(pod("c", cpu="1"))
        world.settle()
        assert world.node_of("c") == ""


class Flaky:
    """A transport whose bindings fail as told."""

    def __init__(self, inner: Transport, failures: list[errors.StatusError]) -> None:
        self._inner = inner
        self._failures = failures

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    async def create(
        self, resource: ResourceType, namespace: str, obj: Any, name: str = "", subresource: str = ""
    ) -> Any:
        if subresource == "binding" and self._failures:
            raise self._failures.pop(0)
        return await self._inner.create(resource, namespace, obj, name, subresource)


def test_a_binding_that_fails_is_tried_again() -> None:
    failures: list[errors.StatusError] = [errors.ServiceUnavailable("not now"), errors.InternalError("oops")]
    with World(wrapped=lambda inner: Flaky(inner, failures)) as world:
        world.create(node("n", cpu="1"), pod("a", cpu="1"))
        world.settle()
        assert world.node_of("a") == ""
        assert not world.scheduler.cache.assumed
        assert world.events("a") == [
            ("Warning", "FailedScheduling", 'binding rejected: running Bind plugin "DefaultBinder": not now')
        ]
        assert world.scheduled("a").reason == "SchedulerError"
        world.advance(0.9)
        assert len(failures) == 1
        world.advance(0.2)
        assert failures == []
        world.advance(2.1)
        assert world.node_of("a") == "n"


def test_many_pods_spread_evenly() -> None:
    with World() as world:
        world.create(*(node(f"n{number}") for number in range(10)))
        world.create(*(pod(f"p{number}", owner="rs") for number in range(200)))
        world.settle()
        on = [one.spec.nodeName for one in world.pods()]
        assert {on.count(f"n{number}") for number in range(10)} == {20}


def test_preemption_makes_room_and_the_pod_gets_it() -> None:
    with World() as world:
        world.create(node("n", cpu="2"))
        world.create(pod("low", cpu="1"), pod("other", cpu="1", priority=60))
        world.settle()
        world.create(pod("high", cpu="1", priority=100))
        world.settle()
        high = world.pod("high")
        assert high.status.nominatedNodeName == "n"
        low = world.pod("low")
        assert low.metadata.deletionTimestamp is not None
        target = [one for one in low.status.conditions if one.type == "DisruptionTarget"]
        assert [(one.status, one.reason, one.message) for one in target] == [
            (
                "True",
                "PreemptionByScheduler",
                "default-scheduler: preempting to accommodate a higher priority pod",
            )
        ]
        assert ("Normal", "Preempted", f"Preempted by pod {high.metadata.uid} on node n") in world.events("low")
        assert world.scheduled("high").message == "0/1 nodes are available: 1 Insufficient cpu."
        world.create(pod("quick", cpu="1", priority=60))
        world.settle()
        assert world.node_of("quick") == ""
        world.delete("low")
        world.settle()
        assert world.node_of("high") == "n"
        assert world.pod("high").status.nominatedNodeName == ""
        assert world.node_of("quick") == ""
        assert world.pod("other").metadata.deletionTimestamp is None
