"""The StatefulSet controller: claims Pods, keeps revisions, carries out the plan of decide.py, writes the status."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from podium.client.queue import WorkQueue
from podium.controllers import pods as pod_rules
from podium.controllers import references, status
from podium.controllers.batches import slow_start
from podium.controllers.context import Context, Key
from podium.controllers.history import control, revisions
from podium.controllers.statefulset import claims, decide, identity
from podium.controllers.statefulset.actions import Actions
from podium.controllers.worker import DONE, Result
from podium.controllers.written import LONGEST_WAIT, Written
from podium.machinery import errors
from podium.models import apps_v1, core_v1, owners, selectors

BY_CLAIM = "statefulset-claim"
"""The index of StatefulSets: namespace, and the names of their claims up to the ordinal."""


def _claim_prefixes(stateful_set: apps_v1.StatefulSet) -> list[str]:
    namespace, name = stateful_set.metadata.namespace, stateful_set.metadata.name
    return [f"{namespace}/{one.metadata.name}-{name}" for one in stateful_set.spec.volumeClaimTemplates]


class StatefulSetController:
    def __init__(self, context: Context, queue: WorkQueue[Key]) -> None:
        self._context = context
        self._client = context.client
        self._queue = queue
        self._sets = context.informers.of(apps_v1.StatefulSet)
        self._pods = context.informers.of(core_v1.Pod)
        self._claims = context.informers.of(core_v1.PersistentVolumeClaim)
        self._revisions = context.informers.of(apps_v1.ControllerRevision)
        self._actions = Actions(context, self._claims)
        self._expectations = self._actions.expectations
        self._written = Written(context.clock)
        """Statuses. Who went by an older one could take back that an update is complete."""
        self._to_update: dict[str, set[int]] = {}
        """By a set's uid: of which ordinals the Pods were deleted to be updated, and have no successor yet. If a new
        controller doesn't know, such a Pod may come back as it was, and is deleted once more."""
        references.index_by_controller(self._pods)
        references.index_by_controller(self._revisions)
        self._sets.add_index(BY_CLAIM, _claim_prefixes)
        context.on_change(self._sets, self._set_changed)
        context.on_change(self._pods, self._pod_changed)
        context.on_change(self._claims, self._claim_changed)
        context.on_change(self._revisions, self._revision_changed)

    # What changed

    def _set_changed(self, old: apps_v1.StatefulSet | None, new: apps_v1.StatefulSet | None) -> None:
        if new is None and old is not None:
            self._expectations.forget(old.metadata.uid)
            self._written.forget(old.metadata.uid)
            self._to_update.pop(old.metadata.uid, None)
        if (changed := new or old) is not None:
            self._queue.add((changed.metadata.namespace, changed.metadata.name))

    def _pod_changed(self, old: core_v1.Pod | None, new: core_v1.Pod | None) -> None:
        for pod in (old, new):
            reference = owners.controller_of(pod) if pod is not None else None
            if pod is not None and reference is not None and reference.kind == "StatefulSet":
                if new is None or pod.metadata.deletionTimestamp is not None:
                    self._expectations.deletion_observed(reference.uid, pod.metadata.uid)
                self._queue.add((pod.metadata.namespace, reference.name))
        if new is not None and owners.controller_of(new) is None:
            parent, _ = identity.parent_and_ordinal(new.metadata.name)
            self._queue_adopter(new.metadata.namespace, parent, new.metadata.labels)
        if new is None and old is not None and owners.controller_of(old) is None:
            # It had the name of a Pod that is to be created.
            parent, _ = identity.parent_and_ordinal(old.metadata.name)
            if self._sets.get(old.metadata.namespace, parent) is not None:
                self._queue.add((old.metadata.namespace, parent))

    def _queue_adopter(self, namespace: str, name: str, labels: dict[str, str]) -> None:
        stateful_set = self._sets.get(namespace, name)
        if stateful_set is not None and selectors.compile(stateful_set.spec.selector).matches(labels):
            self._queue.add((namespace, name))

    def _claim_changed(
        self, old: core_v1.PersistentVolumeClaim | None, new: core_v1.PersistentVolumeClaim | None
    ) -> None:
        """A claim that came, went, or has other owners may be what a Pod waits for."""
        changed = new or old
        if changed is None or (
            old is not None and new is not None and old.metadata.ownerReferences == new.metadata.ownerReferences
        ):
            return
        metadata = changed.metadata
        prefix, _ = identity.parent_and_ordinal(metadata.name)
        for stateful_set in self._sets.by_index(BY_CLAIM, f"{metadata.namespace}/{prefix}"):
            self._queue.add((metadata.namespace, stateful_set.metadata.name))

    def _revision_changed(self, old: apps_v1.ControllerRevision | None, new: apps_v1.ControllerRevision | None) -> None:
        """What the controller did itself is nothing new to it; what others did is."""
        changed = new or old
        reference = owners.controller_of(changed) if changed is not None else None
        if changed is None or (reference is not None and reference.kind != "StatefulSet"):
            return
        metadata = changed.metadata
        if reference is not None:
            self._queue.add((metadata.namespace, reference.name))
        elif new is not None:
            for stateful_set in self._sets.list(metadata.namespace):
                self._queue_adopter(metadata.namespace, stateful_set.metadata.name, metadata.labels)

    # What to do about it

    async def reconcile(self, key: Key) -> Result:
        stateful_set = self._sets.get(*key)
        if stateful_set is None:
            return DONE
        if not self._written.is_shown(stateful_set.metadata.uid, [stateful_set]):
            return Result(requeue_after=LONGEST_WAIT)  # its change will come sooner
        selector = selectors.compile(stateful_set.spec.selector)
        all_revisions = await control.claim(self._client, self._revisions, stateful_set, selector)
        pods = await self._claim_pods(stateful_set, selector)
        if stateful_set.metadata.deletionTimestamp is not None and not all_revisions:
            return DONE
        wait = self._expectations.seconds_left(stateful_set.metadata.uid)
        if wait is not None:
            return Result(requeue_after=wait)  # or, most likely, when the cache is told
        current, updated, collisions = await self._look_at_history(stateful_set, all_revisions)
        sorted_out = decide.sort_out(stateful_set, pods)
        now = self._context.clock.now()
        plan = decide.plan(
            stateful_set,
            sorted_out,
            updated.metadata.name,
            lambda ordinal: self._is_blocked(stateful_set, ordinal),
            lambda pod: self._actions.is_in_order(stateful_set, pod),
            now,
        )
        names = (current.metadata.name, updated.metadata.name)
        new_status = decide.status(stateful_set, sorted_out.all, names, collisions, now, plan.delete)
        chosen = self._choose(stateful_set, plan, current, updated, new_status.currentReplicas or 0)
        failure = await self._carry_out(stateful_set, plan, chosen)
        if new_status != stateful_set.status:
            try:
                written = await status.write(self._client, stateful_set, new_status)
                self._written.note(stateful_set.metadata.uid, written)
            except errors.NotFound:
                return DONE
        await self._clean_up(stateful_set, all_revisions, sorted_out.all, {*names, new_status.currentRevision})
        if failure is not None:
            raise failure
        return self._next(stateful_set, pods, plan.look_again, now)

    def _choose(
        self,
        stateful_set: apps_v1.StatefulSet,
        plan: decide.Plan,
        current: apps_v1.ControllerRevision,
        updated: apps_v1.ControllerRevision,
        left: int,
    ) -> dict[int, apps_v1.ControllerRevision]:
        """The revisions of the Pods that are to be created. `left`: how many there are of the current one."""
        uid = stateful_set.metadata.uid
        going = decide.to_update(stateful_set, plan.delete, updated.metadata.name)
        if going:
            self._to_update.setdefault(uid, set()).update(going)
        to_update = self._to_update.get(uid, set())
        return {
            ordinal: current if decide.is_current(stateful_set, ordinal, left, to_update) else updated
            for ordinal in plan.create
        }

    def _next(
        self, stateful_set: apps_v1.StatefulSet, pods: Sequence[core_v1.Pod], due: datetime | None, now: datetime
    ) -> Result:
        seconds = stateful_set.spec.minReadySeconds or 0
        after = pod_rules.next_available(pods, seconds, now) if seconds else None
        if due is not None:
            left = max((due - now).total_seconds(), 0.001)
            after = left if after is None else min(after, left)
        return Result(requeue_after=after)

    async def _claim_pods(
        self, stateful_set: apps_v1.StatefulSet, selector: selectors.Selector
    ) -> Sequence[core_v1.Pod]:
        """The set's Pods. Only those with a name that it gives can be."""
        own = references.controlled(self._pods, stateful_set.metadata.uid)
        free = references.uncontrolled(self._pods, stateful_set.metadata.namespace)
        members = [pod for pod in own if identity.is_member(stateful_set, pod)]
        claimed = references.claims(
            stateful_set, selector, members, [pod for pod in free if identity.is_member(stateful_set, pod)]
        )
        if len(members) < len(own) and stateful_set.metadata.deletionTimestamp is None:
            strangers = [pod for pod in own if not identity.is_member(stateful_set, pod)]
            claimed = references.Claims(claimed.keep, claimed.adopt, [*claimed.release, *strangers])
        return await references.act(self._client, stateful_set, claimed)

    async def _look_at_history(
        self, stateful_set: apps_v1.StatefulSet, known: Sequence[apps_v1.ControllerRevision]
    ) -> tuple[apps_v1.ControllerRevision, apps_v1.ControllerRevision, int]:
        """The current and the updated revision, and how many collisions of names there were.

        A template that was there before has its old revision back, as the newest.
        """
        collisions = stateful_set.status.collisionCount or 0
        same = revisions.matching(known, stateful_set)
        number = revisions.next_number(known)
        if not same:
            updated, collisions = await control.create(
                self._client, stateful_set, number, collisions, identity.HASH_LABEL
            )
        elif revisions.data_of(known[-1]) == revisions.data_of(same[-1]):
            updated = known[-1]
        else:
            updated = await control.renumber(self._client, same[-1], number)
        name = stateful_set.status.currentRevision
        current = next((one for one in known if one.metadata.name == name), updated)
        return current, updated, collisions

    def _is_blocked(self, stateful_set: apps_v1.StatefulSet, ordinal: int) -> bool:
        pod = core_v1.Pod()
        pod.metadata.name = identity.pod_name(stateful_set, ordinal)
        return claims.holds_back(stateful_set, pod, self._actions.claims_of(stateful_set, ordinal))

    async def _carry_out(
        self,
        stateful_set: apps_v1.StatefulSet,
        plan: decide.Plan,
        chosen: Mapping[int, apps_v1.ControllerRevision],
    ) -> errors.StatusError | None:
        """`chosen`: the revisions of the Pods that are to be created. The first failure: after one, a set that goes in
        order goes no further, and no Pod goes that hasn't handed over its claims."""
        failure = await self._mend(stateful_set, plan)
        if failure is not None and stateful_set.spec.podManagementPolicy != "Parallel":
            return failure
        awaited = self._to_update.get(stateful_set.metadata.uid, set())

        async def create(index: int) -> None:
            ordinal = plan.create[index]
            template = revisions.template_of(chosen[ordinal])
            pod = identity.new_pod(stateful_set, template, ordinal, chosen[ordinal].metadata.name)
            await self._actions.create(stateful_set, pod)
            awaited.discard(ordinal)

        outcome = await slow_start(len(plan.create), create)
        failure = failure or outcome.error
        try:
            for pod in plan.hand_over:
                await self._actions.hand_over(stateful_set, pod)
        except errors.StatusError as error:
            return failure or error
        last = await self._actions.delete_all(stateful_set, plan.delete)
        return failure or last

    async def _mend(self, stateful_set: apps_v1.StatefulSet, plan: decide.Plan) -> errors.StatusError | None:
        """Give Pods their claims, labels and volumes; all are tried. The first failure."""
        failure = None
        supply = [(self._actions.supply, pod) for pod in plan.claim]
        for act, pod in [*supply, *((self._actions.repair, pod) for pod in plan.repair)]:
            try:
                await act(stateful_set, pod)
            except errors.StatusError as error:
                failure = failure or error
        return failure

    async def _clean_up(
        self,
        stateful_set: apps_v1.StatefulSet,
        known: Sequence[apps_v1.ControllerRevision],
        pods: Sequence[core_v1.Pod],
        live: set[str],
    ) -> None:
        """Delete the oldest revisions that nothing is of, beyond the limit."""
        live = live | {identity.revision_of(pod) for pod in pods}
        await control.delete(self._client, revisions.superfluous(known, stateful_set.spec.revisionHistoryLimit, live))
