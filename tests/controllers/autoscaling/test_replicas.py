"""How many replicas a metric asks for."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest

from podium.controllers.autoscaling import replicas
from podium.controllers.autoscaling.replicas import NoProposal, PodMetric, Proposal, Tolerances
from podium.models import core_v1
from podium.models.quantity import Quantity
from tests.controllers.build import NOW, ago, pod

DEFAULT = Tolerances()


def measured(*values: int, age: float = 0, window: float = 60) -> dict[str, PodMetric]:
    """Of Pods p0, p1, ..."""
    return {f"p{number}": PodMetric(value, ago(age), window) for number, value in enumerate(values)}


def pods(count: int, *, request: str = "1", started: float = 3600, ready: float = 3600) -> list[core_v1.Pod]:
    return [one(f"p{number}", request=request, started=started, ready=ready) for number in range(count)]


def one(
    name: str, *, request: str = "1", started: float = 3600, ready: float | None = 3600, **more: Any
) -> core_v1.Pod:
    made = pod(name, ready=ready, **more)
    made.status.startTime = ago(started)
    if ready is None:
        made.status.conditions = (
            core_v1.PodCondition(type="Ready", status="False", lastTransitionTime=ago(started - 5)),
        )
    requests = {"cpu": Quantity(request)} if request else {}
    resources = core_v1.ResourceRequirements(requests=requests)
    made.spec.containers = (core_v1.Container(name="web", image="web:1", resources=resources),)
    return made


@pytest.mark.parametrize(
    ("current", "percent", "values", "expected", "utilization"),
    [
        (3, 30, (300, 500, 700), 5, 50),  # 50 / 30 * 3
        (3, 50, (100, 300, 500), 2, 30),
        (4, 50, (500, 500, 500, 500), 4, 50),
        (10, 50, (540,) * 10, 10, 54),  # within 10%
        (10, 50, (550,) * 10, 10, 55),  # just so
        (10, 50, (560,) * 10, 12, 56),
        (10, 50, (450,) * 10, 10, 45),
        (10, 50, (440,) * 10, 9, 44),
        (3, 50, (0, 0, 0), 0, 0),
    ],
)
def test_by_utilization(current: int, percent: int, values: Sequence[int], expected: int, utilization: int) -> None:
    some = pods(len(values))
    found = replicas.by_utilization(current, percent, measured(*values), some, "cpu", "", DEFAULT, NOW)
    assert (found.replicas, found.utilization) == (expected, utilization)
    assert found.usage == sum(values) // len(values)


@pytest.mark.parametrize(
    ("ratio", "within"), [(0.95, True), (0.9, True), (0.89, False), (1.05, True), (1.06, False), (1.0, True)]
)
def test_tolerances(ratio: float, within: bool) -> None:
    assert Tolerances(down=0.1, up=0.05).within(ratio) is within


def test_by_average() -> None:
    assert replicas.by_average(3, 15000, measured(20000, 10000, 30000), pods(3), "", DEFAULT, NOW) == Proposal(4, 20000)
    assert replicas.by_average(3, 20000, measured(5000, 10000, 15000), pods(3), "", DEFAULT, NOW) == Proposal(2, 10000)


class TestPodsThatCannotBeMeasured:
    def propose(self, some: Sequence[core_v1.Pod], metrics: dict[str, PodMetric], percent: int = 50) -> int:
        return replicas.by_utilization(len(some), percent, metrics, some, "cpu", "", DEFAULT, NOW).replicas

    def test_a_missing_one_is_taken_to_be_idle_on_the_way_up(self) -> None:
        some = pods(4)
        # 80% of 3 would be 5 of 4; with the fourth idle it is 60%: 60 / 50 * 4
        assert self.propose(some, measured(800, 800, 800)) == 5
        # with three idle ones of five it would be 36%, which turns the direction around
        assert self.propose(pods(5), measured(900, 900)) == 5

    def test_a_missing_one_is_taken_to_be_busy_on_the_way_down(self) -> None:
        some = pods(4)
        # 10% of 3; with the fourth at 100% it is 32%: 32 / 50 * 4 = 2.6
        assert self.propose(some, measured(100, 100, 100)) == 3
        assert self.propose(some, measured(100)) == 4

    def test_busy_is_the_target_if_that_is_above_all_that_is_requested(self) -> None:
        # at 200% of the request each, the missing one keeps two of the four
        assert self.propose(pods(2), measured(1000), percent=200) == 2
        assert self.propose(pods(4), measured(100, 100, 100), percent=200) == 2

    def test_an_unready_one_is_idle_on_the_way_up_and_left_out_on_the_way_down(self) -> None:
        some = [one("p0"), one("p1"), one("p2", phase="Pending")]
        assert self.propose(some, measured(1000, 1000, 9000)) == 4  # 66% of three
        assert self.propose(some, measured(100, 100, 9000)) == 1

    def test_ending_and_failed_ones_are_left_out(self) -> None:
        some = [one("p0"), one("p1", deleting=True), one("p2", phase="Failed")]
        assert self.propose(some, measured(1000, 9000, 9000)) == 2

    def test_nothing_can_be_said_of_no_pods_and_of_unready_ones_only(self) -> None:
        with pytest.raises(NoProposal, match="no pods returned by selector while calculating replica count"):
            self.propose([], measured(1))
        with pytest.raises(NoProposal, match="did not receive metrics for targeted pods"):
            self.propose([one("p0", phase="Pending")], measured(1))
        with pytest.raises(NoProposal, match="did not receive metrics for targeted pods"):
            self.propose(pods(1), {})


@pytest.mark.parametrize(
    ("started", "ready", "age", "counts"),
    [
        (3600, 3000, 0, True),
        (3600, None, 0, False),  # has never been ready
        (200, 150, 0, True),  # it has been ready for the whole window
        (200, 150, 100, False),  # measured before it was
        (200, 50, 0, False),  # the window begins before
        (200, None, 0, False),
    ],
)
def test_cpu_of_a_start_does_not_count(started: float, ready: float | None, age: float, counts: bool) -> None:
    some = [one("p0", started=started, ready=ready)]
    metrics = measured(100, age=age)
    groups = replicas.group(some, metrics, "cpu", NOW)
    assert (groups.ready, groups.unready) == ((1, frozenset()) if counts else (0, frozenset({"p0"})))
    assert replicas.group(some, metrics, "memory", NOW).ready == 1


def test_a_pod_that_has_become_unready_later_counts() -> None:
    made = one("p0", started=3600)
    made.status.conditions = (core_v1.PodCondition(type="Ready", status="False", lastTransitionTime=ago(10)),)
    assert replicas.group([made], measured(100), "cpu", NOW).ready == 1


@pytest.mark.parametrize(
    ("current", "target", "usage", "expected"),
    [(3, 10_000, 20_000, 6), (3, 10_000, 10_500, 3), (3, 10_000, 3_000, 1), (0, 10_000, 25_000, 3), (0, 10_000, 0, 0)],
)
def test_by_total(current: int, target: int, usage: int, expected: int) -> None:
    assert replicas.by_total(current, target, usage, pods(current), DEFAULT) == Proposal(expected, usage)


def test_by_total_counts_ready_pods() -> None:
    some = [one("p0"), one("p1", ready=None)]
    assert replicas.by_total(2, 100, 400, some, DEFAULT).replicas == 4
    with pytest.raises(NoProposal, match="unable to calculate ready pods: no pods returned by selector"):
        replicas.by_total(2, 100, 400, [], DEFAULT)


@pytest.mark.parametrize(
    ("found", "target", "usage", "expected", "share"),
    [(3, 1000, 6000, 6, 2000), (3, 1000, 3100, 3, 1034), (4, 1000, 1000, 1, 250), (0, 1000, 2500, 3, 2500)],
)
def test_by_share(found: int, target: int, usage: int, expected: int, share: int) -> None:
    assert replicas.by_share(found, target, usage, DEFAULT) == Proposal(expected, share)


def test_requests() -> None:
    made = one("p0", request="200m")
    side = core_v1.Container(
        name="side", restartPolicy="Always", resources=core_v1.ResourceRequirements(requests={"cpu": Quantity("50m")})
    )
    made.spec.initContainers = (side, core_v1.Container(name="once"))
    assert replicas.requests([made], "", "cpu") == {"p0": 250}
    assert replicas.requests([made], "side", "cpu") == {"p0": 50}
    with pytest.raises(NoProposal, match="container other not found in Pod p0"):
        replicas.requests([made], "other", "cpu")
    with pytest.raises(NoProposal, match="missing request for memory in container web of Pod p0"):
        replicas.requests([made], "", "memory")
    made.spec.resources = core_v1.ResourceRequirements(requests={"cpu": Quantity("1")})
    assert replicas.requests([made], "", "cpu") == {"p0": 1000}
    assert replicas.requests([made], "web", "cpu") == {"p0": 200}


def test_the_moment_counts() -> None:
    """Five minutes after its start a Pod is out of its start."""
    some = [one("p0", started=200, ready=50)]
    assert replicas.group(some, measured(100), "cpu", NOW).ready == 0
    assert replicas.group(some, measured(100), "cpu", NOW + timedelta(seconds=101)).ready == 1
