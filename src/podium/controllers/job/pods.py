"""Creating, deleting and letting go of a Job's Pods. What fails is told in Events; the first error comes back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from podium.client.client import Client
from podium.client.events import EventRecorder
from podium.client.informers import Informer
from podium.controllers.batches import all_at_once, slow_start
from podium.controllers.expectations import Expectations
from podium.controllers.job.template import FINALIZER
from podium.controllers.replicaset.controller import is_namespace_terminating
from podium.machinery import errors
from podium.models import batch_v1, codec, core_v1, meta_v1


async def remove_finalizer(client: Client, pod: core_v1.Pod, *, unchanged: bool = False) -> bool:
    """Let the Pod go. False if it is gone already. `unchanged`: Conflict if it isn't any more what it was."""
    metadata = pod.metadata
    fields: dict[str, object] = {"$deleteFromPrimitiveList/finalizers": [FINALIZER], "uid": metadata.uid}
    if unchanged:
        fields["resourceVersion"] = metadata.resourceVersion
    try:
        await client.patch(core_v1.Pod, metadata.namespace, metadata.name, {"metadata": fields})
    except errors.NotFound:
        return False
    return True


@dataclass(frozen=True, slots=True)
class Hands:
    """What acts for a Job."""

    client: Client
    recorder: EventRecorder
    expectations: Expectations
    released: set[str]
    """The uids of Pods whose finalizer was removed, until the cache shows it."""
    cached: Informer[core_v1.Pod]

    async def create(
        self, job: batch_v1.Job, count: int, new: Callable[[int], core_v1.Pod]
    ) -> tuple[int, errors.StatusError | None]:
        """Create Pods as `new(0)` to `new(count - 1)` say; how many there are now, and what went wrong."""
        uid = job.metadata.uid
        self.expectations.expect_creations(uid, count)
        failed = 0

        async def act(number: int) -> None:
            nonlocal failed
            try:
                pod = await self.client.create(codec.copy(new(number)))
            except errors.StatusError as error:
                failed += 1
                self.expectations.creation_observed(uid)
                if not is_namespace_terminating(error):
                    self.recorder.event(job, "Warning", "FailedCreate", f"Error creating: {error}")
                raise
            self.recorder.event(job, "Normal", "SuccessfulCreate", f"Created pod: {pod.metadata.name}")

        outcome = await slow_start(count, act)
        for _ in range(count - outcome.succeeded - failed):  # not begun, because others had failed
            self.expectations.creation_observed(uid)
        error = outcome.error
        if error is not None and is_namespace_terminating(error):
            error = None  # it would fail for ever, and the namespace takes the Job along
        return outcome.succeeded, error

    async def drop(self, job: batch_v1.Job, pods: Sequence[core_v1.Pod]) -> tuple[set[str], errors.StatusError | None]:
        """Delete Pods that are not needed and whose end doesn't count; the uids of those that go, and what went wrong.

        A Pod that has just ended, unknown to us, must be counted: its finalizer goes only if it is what we know.
        """
        uid = job.metadata.uid
        self.expectations.expect_deletions(uid, (pod.metadata.uid for pod in pods))
        going: set[str] = set()

        async def act(pod: core_v1.Pod) -> None:
            try:
                if FINALIZER in pod.metadata.finalizers:
                    await self._release(pod, unchanged=True)
                if not await self._delete(job, pod):
                    self.expectations.deletion_observed(uid, pod.metadata.uid)
            except errors.StatusError:
                self.expectations.deletion_observed(uid, pod.metadata.uid)
                raise
            going.add(pod.metadata.uid)

        return going, await all_at_once([act(pod) for pod in pods])

    async def stop(self, job: batch_v1.Job, pods: Sequence[core_v1.Pod]) -> tuple[set[str], errors.StatusError | None]:
        """Delete Pods of a Job that is about to end; they are counted by their finalizers."""
        going: set[str] = set()

        async def act(pod: core_v1.Pod) -> None:
            await self._delete(job, pod)
            going.add(pod.metadata.uid)

        return going, await all_at_once([act(pod) for pod in pods])

    async def _delete(self, job: batch_v1.Job, pod: core_v1.Pod) -> bool:
        """Whether there was something to delete."""
        metadata = pod.metadata
        options = meta_v1.DeleteOptions(preconditions=meta_v1.Preconditions(uid=metadata.uid))
        try:
            await self.client.delete(core_v1.Pod, metadata.namespace, metadata.name, options)
        except errors.NotFound:
            return False
        except errors.StatusError as error:
            self.recorder.event(job, "Warning", "FailedDelete", f"Error deleting: {error}")
            raise
        self.recorder.event(job, "Normal", "SuccessfulDelete", f"Deleted pod: {metadata.name}")
        return True

    async def release(self, pods: Sequence[core_v1.Pod]) -> tuple[set[str], errors.StatusError | None]:
        """Remove the finalizers; the uids of the Pods that have none any more, and what went wrong."""
        done: set[str] = set()

        async def act(pod: core_v1.Pod) -> None:
            await self._release(pod)
            done.add(pod.metadata.uid)

        return done, await all_at_once([act(pod) for pod in pods])

    async def _release(self, pod: core_v1.Pod, *, unchanged: bool = False) -> None:
        uid = pod.metadata.uid
        self.released.add(uid)  # beforehand: the cache may show it before the API has answered
        try:
            there = await remove_finalizer(self.client, pod, unchanged=unchanged)
        except errors.StatusError:
            self.released.discard(uid)
            raise
        if not there and not self._is_cached(pod):  # otherwise it would be counted anew as long as it is shown
            self.released.discard(uid)

    def _is_cached(self, pod: core_v1.Pod) -> bool:
        shown = self.cached.get(pod.metadata.namespace, pod.metadata.name)
        return shown is not None and shown.metadata.uid == pod.metadata.uid
