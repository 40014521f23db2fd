"""Pods and states for tables, in few words."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from podium.agent.runtime import ContainerRecord
from podium.agent.status import ContainerView
from podium.models import codec
from podium.models.core_v1 import Pod

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)


def pod(spec: dict[str, Any] | None = None, **metadata: Any) -> Pod:
    """A Pod of one container "c" unless the spec says otherwise."""
    full = {"restartPolicy": "Always", "containers": [{"name": "c", "image": "app:v1"}], **(spec or {})}
    names = {"name": "web", "namespace": "default", "uid": "u1", "generation": 1, **metadata}
    return codec.from_tree({"metadata": names, "spec": full}, Pod)


def running(name: str = "c", *, attempt: int = 0, image: str = "app:v1") -> ContainerRecord:
    started = NOW - timedelta(minutes=1)
    return ContainerRecord(f"{name}{attempt}", name, attempt, "running", image=image, started_at=started)


def exited(code: int = 0, name: str = "c", *, attempt: int = 0, ago: float = 0, reason: str = "") -> ContainerRecord:
    ended = NOW - timedelta(seconds=ago)
    return ContainerRecord(
        f"{name}{attempt}",
        name,
        attempt,
        "exited",
        image="app:v1",
        started_at=ended - timedelta(seconds=1),
        finished_at=ended,
        exit_code=code,
        reason=reason,
    )


def view(current: ContainerRecord | None = None, **more: Any) -> ContainerView:
    alive = current is not None and current.state == "running"
    return ContainerView(current, **{"started": alive, "ready": alive, **more})
