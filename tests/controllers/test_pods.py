"""What counts as active, available, and which Pods go first."""

from __future__ import annotations

import pytest

from podium.controllers import pods
from podium.models import core_v1
from tests.controllers.build import NOW, pod


@pytest.mark.parametrize(
    ("phase", "deleting", "active", "terminating"),
    [
        ("Pending", False, True, False),
        ("Running", False, True, False),
        ("Running", True, False, True),
        ("Succeeded", False, False, False),
        ("Failed", False, False, False),
        ("Failed", True, False, False),
    ],
)
def test_active_and_terminating(phase: str, deleting: bool, active: bool, terminating: bool) -> None:
    one = pod("a", phase=phase, deleting=deleting)
    assert (pods.is_active(one), pods.is_terminating(one)) == (active, terminating)


@pytest.mark.parametrize(
    ("ready", "min_ready", "available"),
    [(None, 0, False), (None, 5, False), (0, 0, True), (4, 5, False), (5, 5, True), (60, 5, True)],
)
def test_available(ready: float | None, min_ready: int, available: bool) -> None:
    assert pods.is_available(pod("a", ready=ready), min_ready, NOW) is available


def test_the_next_pod_to_become_available() -> None:
    some = [pod("a", ready=None), pod("b", ready=3), pod("c", ready=8), pod("d", ready=60)]
    assert pods.next_available(some, 10, NOW) == 2
    assert pods.next_available(some, 5, NOW) == 2
    assert pods.next_available(some, 2, NOW) is None


@pytest.mark.parametrize(
    ("first", "second"),
    [
        pytest.param(pod("z", node=""), pod("a", phase="Pending", ready=None), id="unassigned before assigned"),
        pytest.param(pod("z", phase="Pending", ready=None), pod("a", ready=None), id="pending before running"),
        pytest.param(pod("z", phase="Unknown", ready=None), pod("a", ready=None), id="unknown before running"),
        pytest.param(pod("z", ready=None), pod("a"), id="not ready before ready"),
        pytest.param(pod("z", ready=None, cost="100"), pod("a", cost="-5"), id="not ready before cheap"),
        pytest.param(pod("z", cost="-5"), pod("a"), id="by cost, 0 if there is none"),
        pytest.param(pod("z"), pod("a", cost="10"), id="by cost, dear ones last"),
        pytest.param(pod("z", cost="7"), pod("a", cost="10", node="n2"), id="cost before crowding"),
        pytest.param(pod("z", node="n2"), pod("a", node="n1"), id="from the more crowded node"),
        pytest.param(pod("z", ready=10), pod("a", ready=1000), id="ready for a short time"),
        pytest.param(pod("z", restarts=5), pod("a", restarts=1), id="often restarted"),
        pytest.param(pod("z", age=100), pod("a", age=10000), id="young"),
        pytest.param(pod("a", ready=60), pod("z", ready=66), id="about as old: by uid"),
    ],
)
def test_which_goes_first(first: core_v1.Pod, second: core_v1.Pod) -> None:
    crowd = {"n1": 1, "n2": 3}
    assert pods.deletion_order([second, first], crowd, NOW) == [first, second]
    assert pods.deletion_order([first, second], crowd, NOW) == [first, second]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        pytest.param(pod("z", node=""), pod("a", phase="Pending", ready=None), id="unassigned before assigned"),
        pytest.param(pod("z", phase="Pending", ready=None), pod("a", ready=None), id="pending before running"),
        pytest.param(pod("z", ready=None), pod("a"), id="not ready before ready"),
        pytest.param(
            pod("z", ready=60, cost="9"), pod("a", ready=61, cost="-9"), id="to the second, whatever it costs"
        ),
        pytest.param(pod("z", restarts=5), pod("a", restarts=1), id="often restarted"),
        pytest.param(pod("z", age=100), pod("a", age=101), id="young"),
        pytest.param(pod("z", ready=None, age=100), pod("a", ready=None, age=101), id="young ones that aren't ready"),
        pytest.param(pod("a"), pod("z"), id="by uid"),
    ],
)
def test_which_goes_first_of_a_job(first: core_v1.Pod, second: core_v1.Pod) -> None:
    assert pods.removal_order([second, first]) == [first, second]
    assert pods.removal_order([first, second]) == [first, second]


def test_restarts_of_sidecars_decide_where_those_of_containers_do_not() -> None:
    def with_init(name: str, restarts: int, policy: str) -> core_v1.Pod:
        made = pod(name, restarts=2)
        made.spec.initContainers = (core_v1.Container(name="proxy", image="proxy:1", restartPolicy=policy),)
        made.status.initContainerStatuses = (core_v1.ContainerStatus(name="proxy", restartCount=restarts),)
        return made

    often, seldom = with_init("z", 5, "Always"), with_init("a", 3, "Always")
    assert pods.deletion_order([seldom, often], {}, NOW) == pods.removal_order([seldom, often]) == [often, seldom]
    often, seldom = with_init("z", 5, ""), with_init("a", 3, "")  # those have ended long ago
    assert pods.deletion_order([often, seldom], {}, NOW) == pods.removal_order([often, seldom]) == [seldom, often]


@pytest.mark.parametrize(("text", "cost"), [("5", 5), ("-5", -5), ("+5", 0), ("05", 0), ("x", 0), (str(2**31), 0)])
def test_a_deletion_cost_that_is_no_number_counts_for_nothing(text: str, cost: int) -> None:
    assert pods.deletion_cost(pod("a", cost=text)) == cost


def test_crowding_counts_active_pods_only() -> None:
    some = [pod("a"), pod("b"), pod("c", node="n2"), pod("d", deleting=True), pod("e", phase="Failed", node="n2")]
    assert pods.count_by_node(some) == {"n1": 2, "n2": 1}
