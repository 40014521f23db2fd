"""What simulated Pods say they use."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from podium.agent.runtimes.simulated import usage
from podium.models import core_v1, meta_v1

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "age", "expected"),
    [
        ("250m", 0, "0.25"),
        ("100m; +60s: 500m; +5m: 50m", 59, "0.1"),
        ("100m; +60s: 500m; +5m: 50m", 60, "0.5"),
        ("100m; +60s: 500m; +5m: 50m", 400, "0.05"),
        ("+60s: 500m", 10, "0"),
        ("", 10, "0"),
        ("much; +1s: 2", 10, "2"),
        ("1; +soon: 2", 10, "1"),
    ],
)
def test_timetables(text: str, age: float, expected: str) -> None:
    assert usage.amount(text, age) == Decimal(expected)


def pod(name: str, annotations: dict[str, str], *, owner: str = "", running: tuple[str, ...] = ("web",)) -> core_v1.Pod:
    state = core_v1.ContainerState(running=core_v1.ContainerStateRunning(startedAt=NOW - timedelta(seconds=100)))
    owners = (meta_v1.OwnerReference(kind="ReplicaSet", name=owner, uid=owner, controller=True),) if owner else ()
    return core_v1.Pod(
        metadata=meta_v1.ObjectMeta(
            name=name,
            namespace="default",
            annotations={f"podium.dev/simulate-{key}": value for key, value in annotations.items()},
            ownerReferences=owners,
        ),
        status=core_v1.PodStatus(
            phase="Running",
            containerStatuses=tuple(core_v1.ContainerStatus(name=one, state=state) for one in running),
        ),
    )


def test_each_container_and_the_node() -> None:
    one = pod("a", {"cpu": "100m", "cpu.side": "20m", "memory": "1Ki"}, running=("web", "side"))
    idle = pod("b", {})
    waiting = pod("c", {"cpu": "1"}, running=())
    found = usage.node_usage([one, idle, waiting], NOW, lambda _: ())
    assert [part.name for part in found.pods] == ["a", "b"]
    containers = found.pods[0].containers
    assert (containers["web"].cpu, containers["side"].cpu, containers["web"].memory) == (0.1, 0.02, 1024)
    assert (containers["web"].at, containers["web"].window) == (NOW, 15)
    assert found.pods[1].containers["web"].cpu == 0
    assert found.node.cpu == pytest.approx(0.12)
    assert found.node.memory == 2048


def test_shared_work() -> None:
    mine = [pod(name, {"shared-cpu": "1"}, owner="set") for name in ("a", "b", "c")]
    mine[2].metadata.deletionTimestamp = NOW
    other = pod("d", {"shared-cpu": "1"}, owner="other")
    found = usage.node_usage([mine[0], other], NOW, lambda _: [*mine, other])
    assert [part.containers["web"].cpu for part in found.pods] == [0.5, 1.0]
    assert usage.node_usage([pod("e", {"shared-cpu": "1"})], NOW, lambda _: ()).node.cpu == 1.0
