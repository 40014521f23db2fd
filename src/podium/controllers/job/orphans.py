"""Removes the tracking finalizer from Pods that no Job will ever count: theirs was deleted, is over, or let them go."""

from __future__ import annotations

from podium.client.queue import WorkQueue
from podium.controllers import references
from podium.controllers.context import Context, Key
from podium.controllers.job.decide import is_managed_elsewhere
from podium.controllers.job.pods import remove_finalizer
from podium.controllers.job.template import FINALIZER
from podium.controllers.job.view import is_finished
from podium.controllers.worker import DONE, Result
from podium.machinery import errors
from podium.models import batch_v1, core_v1, meta_v1, owners


class OrphanPodController:
    def __init__(self, context: Context, queue: WorkQueue[Key]) -> None:
        self._client = context.client
        self._queue = queue
        self._jobs = context.informers.of(batch_v1.Job)
        self._pods = context.informers.of(core_v1.Pod)
        references.index_by_controller(self._pods)
        context.on_change(self._jobs, self._job_changed)
        context.on_change(self._pods, self._pod_changed)

    def _job_changed(self, old: batch_v1.Job | None, new: batch_v1.Job | None) -> None:
        job = new if new is not None else old
        if job is None or (new is not None and not is_finished(new)):
            return
        for pod in references.controlled(self._pods, job.metadata.uid):
            if FINALIZER in pod.metadata.finalizers:
                self._queue.add((pod.metadata.namespace, pod.metadata.name))

    def _pod_changed(self, old: core_v1.Pod | None, new: core_v1.Pod | None) -> None:
        if new is None or FINALIZER not in new.metadata.finalizers:
            return
        reference = owners.controller_of(new)
        if reference is not None:
            if new.metadata.deletionTimestamp is None or reference.kind != "Job":
                return
            job = self._jobs.get(new.metadata.namespace, reference.name)
            if job is not None and job.metadata.uid == reference.uid and not is_finished(job):
                return
        self._queue.add((new.metadata.namespace, new.metadata.name))

    async def reconcile(self, key: Key) -> Result:
        pod = self._pods.get(*key)
        if pod is None or FINALIZER not in pod.metadata.finalizers:
            return DONE
        reference = owners.controller_of(pod)
        if reference is not None and not await self._is_over(pod.metadata.namespace, reference):
            return DONE
        await remove_finalizer(self._client, pod)
        return DONE

    async def _is_over(self, namespace: str, reference: meta_v1.OwnerReference) -> bool:
        """Whether no Job will count its Pods. A Job that the cache doesn't show is asked for."""
        if (reference.kind, reference.apiVersion) != ("Job", "batch/v1"):
            return False
        job = self._jobs.get(namespace, reference.name)
        if job is None or job.metadata.uid != reference.uid:
            try:
                job = await self._client.get(batch_v1.Job, namespace, reference.name)
            except errors.NotFound:
                return True
        if job.metadata.uid != reference.uid:
            return True
        return is_finished(job) and not is_managed_elsewhere(job)
