"""The TTL-after-finished controller: deletes Jobs `ttlSecondsAfterFinished` after they ended (KEP-592)."""

from __future__ import annotations

from datetime import datetime, timedelta

from podium.client.queue import WorkQueue
from podium.controllers.context import Context, Key
from podium.controllers.worker import DONE, Result
from podium.machinery import errors
from podium.models import batch_v1, meta_v1


def expires(job: batch_v1.Job) -> datetime | None:
    """When the Job is to be deleted; None while that isn't certain."""
    ttl = job.spec.ttlSecondsAfterFinished
    if ttl is None or job.metadata.deletionTimestamp is not None:
        return None
    for condition in job.status.conditions:
        if condition.type in ("Complete", "Failed") and condition.status == "True":
            ended = condition.lastTransitionTime
            return None if ended is None else ended + timedelta(seconds=ttl)
    return None


class TTLAfterFinishedController:
    def __init__(self, context: Context, queue: WorkQueue[Key]) -> None:
        self._context = context
        self._client = context.client
        self._queue = queue
        self._jobs = context.informers.of(batch_v1.Job)
        context.on_change(self._jobs, self._job_changed)

    def _job_changed(self, _old: batch_v1.Job | None, new: batch_v1.Job | None) -> None:
        if new is not None and expires(new) is not None:
            self._queue.add((new.metadata.namespace, new.metadata.name))

    async def reconcile(self, key: Key) -> Result:
        job = self._jobs.get(*key)
        if job is None or (wait := self._wait(job)) is None:
            return DONE
        if wait > 0:
            return Result(requeue_after=wait)
        try:  # the TTL may have been prolonged just now
            fresh = await self._client.get(batch_v1.Job, *key)
            wait = self._wait(fresh)
            if wait is None or wait > 0:
                return Result(requeue_after=wait)
            options = meta_v1.DeleteOptions(
                propagationPolicy="Foreground",
                preconditions=meta_v1.Preconditions(
                    uid=fresh.metadata.uid, resourceVersion=fresh.metadata.resourceVersion
                ),
            )
            await self._client.delete(batch_v1.Job, *key, options)
        except errors.NotFound:
            return DONE
        return DONE

    def _wait(self, job: batch_v1.Job) -> float | None:
        expiry = expires(job)
        return None if expiry is None else (expiry - self._context.clock.now()).total_seconds()
