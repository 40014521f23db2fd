"""When what endpoints show began to be so: the annotation by which the delay until nodes know of it is measured."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from podium.controllers import pods as pod_rules
from podium.models import conditions, core_v1

ANNOTATION = "endpoints.kubernetes.io/last-change-trigger-time"


@dataclass(slots=True)
class _Known:
    service: datetime | None = None
    pods: dict[str, datetime] = field(default_factory=dict)


class TriggerTimes:
    """Of each Service: when it and its Pods last changed, as far as it was asked for."""

    def __init__(self) -> None:
        self._known: dict[str, _Known] = {}

    def of(self, service: core_v1.Service, pods: Iterable[core_v1.Pod]) -> datetime | None:
        """The earliest change since the last call; None if there was none, or if this is the first call."""
        uid = service.metadata.uid
        before = self._known.get(uid, _Known())
        now = _Known(service.metadata.creationTimestamp)
        changes = [now.service] if now.service and (before.service is None or now.service > before.service) else []
        for pod in pods:
            since = _trigger(pod)
            if since is None:
                continue
            now.pods[pod.metadata.uid] = since
            known = before.pods.get(pod.metadata.uid)
            if known is None or since > known:
                changes.append(since)
        self._known[uid] = now
        return min(changes, default=None)

    def forget(self, uid: str) -> None:
        self._known.pop(uid, None)


def _trigger(pod: core_v1.Pod) -> datetime | None:
    """When its readiness last changed."""
    since = pod_rules.ready_since(pod)
    if since is not None:
        return since
    ready = conditions.get(pod.status.conditions, "Ready")
    return ready.lastTransitionTime if ready is not None else None


def annotated(annotations: dict[str, str], trigger: datetime | None) -> dict[str, str]:
    """The annotations of a write that the change made necessary."""
    kept = {key: value for key, value in annotations.items() if key != ANNOTATION}
    if trigger is not None:
        kept[ANNOTATION] = trigger.strftime("%Y-%m-%dT%H:%M:%SZ")
    return kept
