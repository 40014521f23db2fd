"""When a node is lost, and which taints it gets."""

from __future__ import annotations

from datetime import timedelta

import pytest

from podium.controllers.node import health, taints
from podium.models import core_v1, meta_v1
from tests.controllers.build import NOW, ago, pod


def node(
    *conditions: tuple[str, str], tainted: tuple[tuple[str, str], ...] = (), unschedulable: bool = False
) -> core_v1.Node:
    return core_v1.Node(
        metadata=meta_v1.ObjectMeta(name="n1", creationTimestamp=ago(500)),
        spec=core_v1.NodeSpec(
            taints=tuple(core_v1.Taint(key=key, effect=effect) for key, effect in tainted), unschedulable=unschedulable
        ),
        status=core_v1.NodeStatus(
            conditions=tuple(
                core_v1.NodeCondition(type=type_, status=status, lastTransitionTime=ago(300), reason="Said")
                for type_, status in conditions
            )
        ),
    )


def test_a_lost_node_knows_nothing_of_itself() -> None:
    before = node(("Ready", "True"), ("DiskPressure", "Unknown"), ("NetworkUnavailable", "False"))
    found = {one.type: one for one in health.lost_status(before, NOW).conditions}
    assert {type_: one.status for type_, one in found.items()} == {
        "Ready": "Unknown",
        "DiskPressure": "Unknown",
        "NetworkUnavailable": "False",
        "MemoryPressure": "Unknown",
        "PIDPressure": "Unknown",
    }
    assert (found["Ready"].reason, found["Ready"].lastTransitionTime) == ("NodeStatusUnknown", NOW)
    assert (found["DiskPressure"].reason, found["DiskPressure"].lastTransitionTime) == ("Said", ago(300))
    assert found["PIDPressure"].reason == "NodeStatusNeverUpdated"


def test_a_node_that_is_known_to_be_lost_is_left_alone() -> None:
    lost = node(*((type_, "Unknown") for type_ in health.REPORTED))
    assert health.lost_status(lost, NOW) is lost.status


def test_grace() -> None:
    assert health.overdue_at(node(("Ready", "True")), ago(10)) == ago(10) + health.GRACE
    assert health.overdue_at(node(), ago(10)) == ago(10) + health.STARTUP_GRACE
    assert health.overdue_at(node(("Ready", "True")), ago(10), 40) == ago(10) + health.GRACE
    assert health.overdue_at(node(("Ready", "True")), ago(10), 3600) == ago(10) + timedelta(seconds=3600)


def test_pods_of_a_lost_node_are_not_ready() -> None:
    status = health.not_ready(pod("a"), NOW)
    assert status is not None
    assert [(one.type, one.status, one.lastTransitionTime) for one in status.conditions] == [("Ready", "False", NOW)]
    assert health.not_ready(pod("a", ready=None), NOW) is None


NOT_READY, UNREACHABLE = taints.NOT_READY, taints.UNREACHABLE
PRESSURE = "node.kubernetes.io/memory-pressure"


@pytest.mark.parametrize(
    ("one", "evict", "expected"),
    [
        pytest.param(node(("Ready", "True")), True, set(), id="healthy"),
        pytest.param(node(("Ready", "False")), False, {(NOT_READY, "NoSchedule")}, id="not ready"),
        pytest.param(
            node(("Ready", "False")), True, {(NOT_READY, "NoSchedule"), (NOT_READY, "NoExecute")}, id="and evicting"
        ),
        pytest.param(
            node(("Ready", "Unknown"), tainted=((NOT_READY, "NoSchedule"), (NOT_READY, "NoExecute"))),
            True,
            {(UNREACHABLE, "NoSchedule"), (UNREACHABLE, "NoExecute")},
            id="from not ready to unreachable",
        ),
        pytest.param(
            node(("Ready", "True"), tainted=((UNREACHABLE, "NoSchedule"), (UNREACHABLE, "NoExecute"))),
            False,
            set(),
            id="well again",
        ),
        pytest.param(node(("MemoryPressure", "True")), True, {(PRESSURE, "NoSchedule")}, id="pressure evicts nobody"),
        pytest.param(
            node(("Ready", "True"), unschedulable=True), True, {(taints.UNSCHEDULABLE, "NoSchedule")}, id="cordoned"
        ),
        pytest.param(
            node(("Ready", "True"), tainted=(("mine", "NoExecute"), (PRESSURE, "NoSchedule"))),
            True,
            {("mine", "NoExecute")},
            id="the taints of others stay",
        ),
    ],
)
def test_taints(one: core_v1.Node, evict: bool, expected: set[tuple[str, str]]) -> None:
    found = taints.with_taints(one, evict, NOW)
    assert {(taint.key, taint.effect) for taint in found} == expected
    added = {(taint.key, taint.effect) for taint in found if taint.timeAdded == NOW}
    assert added == expected - {(taint.key, taint.effect) for taint in one.spec.taints}


def test_taints_that_are_right_are_not_written() -> None:
    one = node(("Ready", "False"), tainted=((NOT_READY, "NoSchedule"),))
    assert taints.with_taints(one, False, NOW) is one.spec.taints


@pytest.mark.parametrize(
    ("ready", "lost", "rate"), [(9, 1, 0.1), (1, 2, 0.1), (4, 6, 0.0), (0, 5, 0.1), (40, 60, 0.01), (60, 40, 0.1)]
)
def test_the_more_is_down_the_slower_nodes_lose_their_pods(ready: int, lost: int, rate: float) -> None:
    assert taints.rate([True] * ready + [False] * lost) == rate
