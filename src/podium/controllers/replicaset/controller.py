"""The ReplicaSet controller: claims Pods, creates missing ones, deletes surplus ones, writes the status.

What to do is decided in decide.py, which Pods belong to it in controllers/references.py. A ReplicationController is a
ReplicaSet with another name and an older selector; `Kind` says what differs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from podium.client.queue import WorkQueue
from podium.controllers import pods as pod_rules
from podium.controllers import references, status
from podium.controllers.batches import all_at_once, slow_start
from podium.controllers.context import Context, Key
from podium.controllers.expectations import Expectations
from podium.controllers.replicaset import decide
from podium.controllers.worker import Result
from podium.machinery import errors
from podium.models import apps_v1, codec, core_v1, meta_v1, owners, selectors

REST_PER_POD = 20e-6
"""Seconds of rest per Pod after a look at all of them: the look itself takes about a tenth of that."""
LONGEST_REST = 0.1


@dataclass(frozen=True, slots=True)
class Kind:
    model: type[Any]
    component: str
    selector: Callable[[Any], selectors.Selector]
    status: Callable[[apps_v1.ReplicaSetStatus], Any] = lambda replica_set_status: replica_set_status
    """The status as that kind has it."""


REPLICA_SET = Kind(
    apps_v1.ReplicaSet, "replicaset-controller", lambda replica_set: selectors.compile(replica_set.spec.selector)
)


class ReplicaSetController:
    def __init__(self, context: Context, queue: WorkQueue[Key], kind: Kind = REPLICA_SET) -> None:
        self._context = context
        self._client = context.client
        self._queue = queue
        self._kind = kind
        self._kind_name = kind.model().kind
        self._recorder = context.recorder(kind.component)
        self._expectations = Expectations(context.clock)
        self._sets = context.informers.of(kind.model)
        self._pods = context.informers.of(core_v1.Pod)
        references.index_by_controller(self._sets)
        references.index_by_controller(self._pods)
        context.on_change(self._sets, self._set_changed)
        context.on_change(self._pods, self._pod_changed)

    def _set_changed(self, old: Any | None, new: Any | None) -> None:
        changed = new if new is not None else old
        if changed is None:
            return
        if new is None:
            self._expectations.forget(changed.metadata.uid)
        self._queue.add((changed.metadata.namespace, changed.metadata.name))

    def _pod_changed(self, old: core_v1.Pod | None, new: core_v1.Pod | None) -> None:
        if new is not None:
            self._tell_owner(new, created=old is None, deleted=False)
        if old is not None and (new is None or old.metadata.ownerReferences != new.metadata.ownerReferences):
            self._tell_owner(old, created=False, deleted=new is None)
        if new is not None and owners.controller_of(new) is None:
            self._tell_adopters(old, new)

    def _tell_owner(self, pod: core_v1.Pod, *, created: bool, deleted: bool) -> None:
        reference = owners.controller_of(pod)
        if reference is None or reference.kind != self._kind_name:
            return
        if deleted or pod.metadata.deletionTimestamp is not None:
            self._expectations.deletion_observed(reference.uid, pod.metadata.uid)
        elif created:
            self._expectations.creation_observed(reference.uid)
        self._queue.add((pod.metadata.namespace, reference.name))

    def _tell_adopters(self, old: core_v1.Pod | None, new: core_v1.Pod) -> None:
        """A Pod that nobody controls, or no longer: whoever selects it may adopt it."""
        if old is not None and (old.metadata.labels, old.metadata.ownerReferences) == (
            new.metadata.labels,
            new.metadata.ownerReferences,
        ):
            return
        for replica_set in self._sets.list(new.metadata.namespace):
            if self._kind.selector(replica_set).matches(new.metadata.labels):
                self._queue.add((new.metadata.namespace, replica_set.metadata.name))

    async def reconcile(self, key: Key) -> Result:
        replica_set = self._sets.get(*key)
        if replica_set is None:
            return Result()
        metadata = replica_set.metadata
        satisfied = self._expectations.satisfied(metadata.uid)
        pods = await self._claim(replica_set)
        now = self._context.clock.now()
        failure = None
        if satisfied and metadata.deletionTimestamp is None:
            active = pod_rules.active(pods)
            plan = decide.plan(replica_set, active, self._related_on_node(replica_set, active), now)
            if plan.create and decide.held_back(pods, now):
                plan = decide.Plan()
            failure = await self._carry_out(replica_set, plan)
            if plan.create:  # some of them are in the cache by now
                pods = self._own(replica_set)
        counts = decide.count(replica_set, pods, self._expectations.pending_creations(metadata.uid), now)
        message = None if failure is None else failure.message
        new_status = self._kind.status(decide.status(replica_set, counts, message, now.replace(microsecond=0)))
        if new_status != replica_set.status:
            try:
                await status.write(self._client, replica_set, new_status)
            except errors.NotFound:
                return Result()
        if failure is not None:
            raise failure
        return self._next(replica_set, pods, counts, now)

    def _next(self, replica_set: Any, pods: Sequence[core_v1.Pod], counts: decide.Counts, counted: datetime) -> Result:
        """`counted`: the time that the counts are of. Who has become available since then is yet to be counted."""
        after = self._expectations.seconds_left(replica_set.metadata.uid)
        if counts.replicas < decide.wanted(replica_set) and (wait := decide.held_back(pods, counted)):
            after = wait if after is None else min(after, wait)
        min_ready_seconds = replica_set.spec.minReadySeconds or 0
        if min_ready_seconds and counts.available < counts.ready:
            available = pod_rules.next_available(pods, min_ready_seconds, counted)
            if available is not None:
                after = available if after is None else min(after, available)
        return Result(requeue_after=after, rest=min(len(pods) * REST_PER_POD, LONGEST_REST))

    def _own(self, replica_set: Any) -> Sequence[core_v1.Pod]:
        """The Pods that it controls, without those that it is about to release."""
        selector = self._kind.selector(replica_set)
        own = references.controlled(self._pods, replica_set.metadata.uid)
        return references.matching(selector, own)

    async def _claim(self, replica_set: Any) -> Sequence[core_v1.Pod]:
        metadata = replica_set.metadata
        own = references.controlled(self._pods, metadata.uid)
        free = references.uncontrolled(self._pods, metadata.namespace)
        claims = references.claims(replica_set, self._kind.selector(replica_set), own, free)
        return await references.act(self._client, replica_set, claims)

    def _related_on_node(self, replica_set: Any, active: Sequence[core_v1.Pod]) -> dict[str, int]:
        """How many Pods of all ReplicaSets of the same Deployment each node has, if some are to be deleted."""
        if len(active) <= decide.wanted(replica_set):
            return {}
        controller = owners.controller_of(replica_set)
        siblings = [replica_set] if controller is None else references.controlled(self._sets, controller.uid)
        return pod_rules.count_by_node(
            pod for sibling in siblings for pod in references.controlled(self._pods, sibling.metadata.uid)
        )

    async def _carry_out(self, replica_set: Any, plan: decide.Plan) -> errors.StatusError | None:
        if plan.create:
            return await self._create(replica_set, plan.create)
        if plan.delete:
            return await self._delete(replica_set, plan.delete)
        return None

    async def _create(self, replica_set: Any, count: int) -> errors.StatusError | None:
        uid = replica_set.metadata.uid
        self._expectations.expect_creations(uid, count)
        document = codec.encode(new_pod(replica_set))
        failed = 0

        async def create(_: int) -> None:
            nonlocal failed
            try:
                pod = await self._client.create(codec.decode(document, core_v1.Pod))
            except errors.StatusError as error:
                failed += 1
                self._expectations.creation_observed(uid)
                if not is_namespace_terminating(error):
                    self._recorder.event(replica_set, "Warning", "FailedCreate", f"Error creating: {error}")
                raise
            self._recorder.event(replica_set, "Normal", "SuccessfulCreate", f"Created pod: {pod.metadata.name}")

        outcome = await slow_start(count, create)
        for _ in range(count - outcome.succeeded - failed):  # not begun, because others had failed
            self._expectations.creation_observed(uid)
        if outcome.error is not None and is_namespace_terminating(outcome.error):
            return None  # it would fail for ever, and the namespace takes the ReplicaSet along
        return outcome.error

    async def _delete(self, replica_set: Any, pods: Sequence[core_v1.Pod]) -> errors.StatusError | None:
        uid = replica_set.metadata.uid
        self._expectations.expect_deletions(uid, (pod.metadata.uid for pod in pods))

        async def delete(pod: core_v1.Pod) -> None:
            metadata = pod.metadata
            options = meta_v1.DeleteOptions(preconditions=meta_v1.Preconditions(uid=metadata.uid))
            try:
                await self._client.delete(core_v1.Pod, metadata.namespace, metadata.name, options)
            except errors.NotFound:
                self._expectations.deletion_observed(uid, metadata.uid)
                return
            except errors.StatusError as error:
                self._expectations.deletion_observed(uid, metadata.uid)
                self._recorder.event(replica_set, "Warning", "FailedDelete", f"Error deleting: {error}")
                raise
            self._recorder.event(replica_set, "Normal", "SuccessfulDelete", f"Deleted pod: {metadata.name}")

        return await all_at_once([delete(pod) for pod in pods])


def new_pod(owner: Any) -> core_v1.Pod:
    """A Pod as the owner's template says, named and owned accordingly. It shares the template: encode it."""
    template = owner.spec.template
    return core_v1.Pod(
        metadata=meta_v1.ObjectMeta(
            generateName=f"{owner.metadata.name}-",
            namespace=owner.metadata.namespace,
            labels=template.metadata.labels,
            annotations=template.metadata.annotations,
            finalizers=template.metadata.finalizers,
            ownerReferences=(owners.new_controller_ref(owner),),
        ),
        spec=template.spec,
    )


def is_namespace_terminating(error: errors.StatusError) -> bool:
    return error.details is not None and any(cause.reason == "NamespaceTerminating" for cause in error.details.causes)
