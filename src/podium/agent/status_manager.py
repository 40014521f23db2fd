"""Writes Pod statuses: the newest one of each Pod, one write at a time for a Pod, repeated on conflict.

A Pod whose containers have all stopped after its deletion is removed here too, after its last status was written.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from dataclasses import dataclass

from msgspec import structs

from podium.agent import conditions
from podium.client.client import Client
from podium.client.informers import Informer
from podium.clock import Clock
from podium.machinery import errors
from podium.models import meta_v1
from podium.models.core_v1 import Pod, PodStatus

AT_ONCE = 64
RETRY_SECONDS = 1.0
LONGEST_RETRY = 30.0

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Wanted:
    pod: Pod
    status: PodStatus | None
    """What is to be written; None when it has been."""
    remove: bool = False
    queued: bool = False


class StatusManager:
    def __init__(self, client: Client, clock: Clock, pods: Informer[Pod]) -> None:
        self._client = client
        self._clock = clock
        self._pods = pods
        self._wanted: dict[str, _Wanted] = {}
        self._queue: deque[str] = deque()
        self._writers: set[asyncio.Task[None]] = set()
        self._written: dict[str, PodStatus] = {}
        self._revisions: dict[str, int] = {}
        """At which each status was written."""

    def last(self, pod: Pod) -> PodStatus:
        """The status that was reported last, perhaps newer than what the Pod shows."""
        wanted = self._wanted.get(pod.metadata.uid)
        if wanted is not None and wanted.status is not None:
            return wanted.status
        return self._written.get(pod.metadata.uid, pod.status)

    def set(self, pod: Pod, status: PodStatus) -> None:
        """Report this status, unless it is what was reported last and what the API still says."""
        if self.last(pod) != status or self.is_overwritten(pod):
            self._want(pod, status, remove=False)
        elif pod.metadata.uid not in self._wanted and pod.metadata.uid not in self._written:
            self._written[pod.metadata.uid] = status  # as an agent before this one said
            self._revisions[pod.metadata.uid] = int(pod.metadata.resourceVersion or 0)

    def is_overwritten(self, pod: Pod) -> bool:
        """Whether somebody else has said since then that the Pod isn't ready, or that it is: the agent knows better.

        The node controller does so of a node that it took for lost, perhaps just when the node's agent was back."""
        uid = pod.metadata.uid
        written, revision = self._written.get(uid), self._revisions.get(uid, 0)
        if written is None or uid in self._wanted or int(pod.metadata.resourceVersion or 0) <= revision:
            return False
        return _ready(pod.status) != _ready(written)

    def remove(self, pod: Pod, status: PodStatus | None = None) -> None:
        """Nothing of the Pod is left on the node: report the last status, if given, and take the Pod out of the API."""
        self._want(pod, status, remove=True)

    def forget(self, uid: str) -> None:
        """The Pod is gone from the API."""
        self._written.pop(uid, None)
        self._revisions.pop(uid, None)
        self._wanted.pop(uid, None)

    async def close(self) -> None:
        writers = tuple(self._writers)
        for writer in writers:
            writer.cancel()
        await asyncio.gather(*writers, return_exceptions=True)

    def _want(self, pod: Pod, status: PodStatus | None, *, remove: bool) -> None:
        uid = pod.metadata.uid
        wanted = self._wanted.get(uid)
        if wanted is None:
            wanted = self._wanted[uid] = _Wanted(pod, status, remove)
        else:
            wanted.pod = pod
            wanted.status = status or wanted.status
            wanted.remove |= remove
        if wanted.queued:
            return
        wanted.queued = True
        self._queue.append(uid)
        if len(self._writers) < AT_ONCE:
            writer = asyncio.get_running_loop().create_task(self._write())
            self._writers.add(writer)
            writer.add_done_callback(self._ended)

    def _ended(self, writer: asyncio.Task[None]) -> None:
        self._writers.discard(writer)
        if not writer.cancelled() and (error := writer.exception()) is not None:
            _log.error("a status writer failed", exc_info=error)

    async def _write(self) -> None:
        while self._queue:
            uid = self._queue.popleft()
            wanted = self._wanted.get(uid)
            if wanted is None:
                continue
            delay = RETRY_SECONDS
            while True:
                try:
                    await self._write_one(uid, wanted)
                    break
                except errors.StatusError as error:
                    pod = wanted.pod.metadata
                    _log.warning("status of pod %s/%s, next try in %.0f s: %s", pod.namespace, pod.name, delay, error)
                    await self._clock.sleep(delay)
                    delay = min(delay * 2, LONGEST_RETRY)
            wanted.queued = False
            if wanted.status is not None or (wanted.remove and uid in self._wanted):
                if self._wanted.get(uid) is wanted:
                    wanted.queued = True
                    self._queue.append(uid)
            elif self._wanted.get(uid) is wanted:
                del self._wanted[uid]
                self._put_right(uid, wanted.pod)

    def _put_right(self, uid: str, pod: Pod) -> None:
        """Once more, if somebody else has written to the Pod before it was known that the agent's write was done."""
        shown = self._pods.get(pod.metadata.namespace, pod.metadata.name)
        if shown is not None and shown.metadata.uid == uid and self.is_overwritten(shown):
            self._want(shown, self._written[uid], remove=False)

    async def _write_one(self, uid: str, wanted: _Wanted) -> None:
        """Write the newest status; then remove the Pod, if nothing newer came up."""
        pod = wanted.pod
        live = self._pods.get(pod.metadata.namespace, pod.metadata.name) or pod
        while (status := wanted.status) is not None:
            if live.metadata.uid != uid:
                wanted.status, wanted.remove = None, False
                return
            try:
                written = await self._client.update_status(_with_status(live, status))
            except errors.Conflict:
                try:
                    live = await self._client.get(Pod, pod.metadata.namespace, pod.metadata.name)
                except errors.NotFound:
                    wanted.status, wanted.remove = None, False
                continue
            except errors.NotFound:
                wanted.status, wanted.remove = None, False
                return
            live = written
            if wanted.status is status:
                wanted.status = None
            self._written[uid] = written.status
            self._revisions[uid] = int(written.metadata.resourceVersion)
        if wanted.remove:
            await self._remove(pod)
            wanted.remove = False

    async def _remove(self, pod: Pod) -> None:
        options = meta_v1.DeleteOptions(gracePeriodSeconds=0, preconditions=meta_v1.Preconditions(uid=pod.metadata.uid))
        try:
            await self._client.delete(Pod, pod.metadata.namespace, pod.metadata.name, options)
        except (errors.NotFound, errors.Conflict):
            return  # gone already, or another Pod has taken the name


def _ready(status: PodStatus) -> str:
    return next((condition.status for condition in status.conditions if condition.type == "Ready"), "")


def _with_status(live: Pod, status: PodStatus) -> Pod:
    """The Pod as it is in the API now, with the agent's part of the status. What others own in it stays theirs."""
    return Pod(
        metadata=structs.replace(live.metadata),
        spec=live.spec,
        status=structs.replace(
            status,
            conditions=conditions.merged(live.status.conditions, status.conditions),
            nominatedNodeName=live.status.nominatedNodeName,
            qosClass=live.status.qosClass,
            resourceClaimStatuses=live.status.resourceClaimStatuses,
        ),
    )
