"""The DaemonSet controller: looks at the nodes where something changed, creates and deletes Pods, writes the status.

What a node means is worked out in node.py, what follows from all of them in decide.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta

from podium.client.queue import WorkQueue
from podium.controllers import references, status
from podium.controllers.batches import all_at_once, slow_start
from podium.controllers.context import Context, Key
from podium.controllers.daemonset import decide, node
from podium.controllers.daemonset import pods as daemon_pods
from podium.controllers.daemonset.backoff import Backoff
from podium.controllers.daemonset.eligibility import Rules
from podium.controllers.daemonset.node import GONE, NodeState
from podium.controllers.daemonset.state import History, State
from podium.controllers.expectations import Expectations
from podium.controllers.history import control, revisions
from podium.controllers.replicaset.controller import LONGEST_REST, REST_PER_POD, is_namespace_terminating
from podium.controllers.worker import DONE, Result
from podium.machinery import errors
from podium.models import apps_v1, codec, core_v1, meta_v1, owners, selectors

BY_NODE = "daemonset-node"
"""The index of Pods: the DaemonSet's uid, "/" and the node that the Pod is for."""
SELECTS_ALL = "This daemon set is selecting all pods. A non-empty selector is required."


def _owner_and_node(pod: core_v1.Pod) -> Iterable[str]:
    reference = owners.controller_of(pod)
    if reference is None or reference.kind != "DaemonSet":
        return ()
    return (_expected(reference.uid, daemon_pods.target_node(pod)),)


def _expected(uid: str, node_name: str) -> str:
    """What the controller expects, it expects of each node by itself."""
    return f"{uid}/{node_name}"


class DaemonSetController:
    def __init__(self, context: Context, queue: WorkQueue[Key]) -> None:
        self._context = context
        self._client = context.client
        self._queue = queue
        self._recorder = context.recorder("daemonset-controller")
        self._expectations = Expectations(context.clock)
        self._states: dict[str, State] = {}
        self._sets = context.informers.of(apps_v1.DaemonSet)
        self._pods = context.informers.of(core_v1.Pod)
        self._nodes = context.informers.of(core_v1.Node)
        self._revisions = context.informers.of(apps_v1.ControllerRevision)
        references.index_by_controller(self._pods)
        references.index_by_controller(self._revisions)
        self._pods.add_index(BY_NODE, _owner_and_node)
        context.on_change(self._sets, self._set_changed)
        context.on_change(self._pods, self._pod_changed)
        context.on_change(self._nodes, self._node_changed)
        context.on_change(self._revisions, self._revision_changed)

    # What changed

    def _set_changed(self, old: apps_v1.DaemonSet | None, new: apps_v1.DaemonSet | None) -> None:
        if new is None and old is not None:
            state = self._states.pop(old.metadata.uid, None)
            for name in state.ledger.names if state is not None else ():
                self._expectations.forget(_expected(old.metadata.uid, name))
        if (changed := new or old) is not None:
            self._queue.add((changed.metadata.namespace, changed.metadata.name))

    def _pod_changed(self, old: core_v1.Pod | None, new: core_v1.Pod | None) -> None:
        if new is not None:
            self._tell_owner(new, created=old is None, deleted=False)
        if old is not None and (new is None or _placement(old) != _placement(new)):
            self._tell_owner(old, created=False, deleted=new is None)
        if new is not None and owners.controller_of(new) is None:
            self._tell_adopters(old, new)

    def _tell_owner(self, pod: core_v1.Pod, *, created: bool, deleted: bool) -> None:
        reference = owners.controller_of(pod)
        if reference is None or reference.kind != "DaemonSet":
            return
        name = daemon_pods.target_node(pod)
        if deleted or pod.metadata.deletionTimestamp is not None:
            self._expectations.deletion_observed(_expected(reference.uid, name), pod.metadata.uid)
        elif created:
            self._expectations.creation_observed(_expected(reference.uid, name))
        state = self._states.get(reference.uid)
        if state is not None:
            state.dirty.add(name)
        self._queue.add((pod.metadata.namespace, reference.name))

    def _tell_adopters(self, old: core_v1.Pod | None, new: core_v1.Pod) -> None:
        if old is not None and (old.metadata.labels, old.metadata.ownerReferences) == (
            new.metadata.labels,
            new.metadata.ownerReferences,
        ):
            return
        for daemon_set in self._sets.list(new.metadata.namespace):
            if selectors.compile(daemon_set.spec.selector).matches(new.metadata.labels):
                self._queue.add((new.metadata.namespace, daemon_set.metadata.name))

    def _node_changed(self, old: core_v1.Node | None, new: core_v1.Node | None) -> None:
        """Only what decides where Pods run matters; most changes of a node are about its conditions."""
        changed = new or old
        if changed is None or (
            old is not None
            and new is not None
            and (old.metadata.labels, old.spec.taints) == (new.metadata.labels, new.spec.taints)
        ):
            return
        for state in self._states.values():
            state.dirty.add(changed.metadata.name)
            self._queue.add(state.key)

    def _revision_changed(self, old: apps_v1.ControllerRevision | None, new: apps_v1.ControllerRevision | None) -> None:
        """The history is read anew the next time. What others do to it is, as in Kubernetes, no reason for a look."""
        for revision in (old, new):
            reference = owners.controller_of(revision) if revision is not None else None
            if reference is not None and (state := self._states.get(reference.uid)) is not None:
                state.history = None
        if new is not None and owners.controller_of(new) is None:
            for state in self._states.values():
                if state.key[0] == new.metadata.namespace:
                    state.history = None

    # What to do about it

    async def reconcile(self, key: Key) -> Result:
        daemon_set = self._sets.get(*key)
        if daemon_set is None or daemon_set.metadata.deletionTimestamp is not None:
            return DONE
        selector = selectors.compile(daemon_set.spec.selector)
        if selector.empty:
            self._recorder.event(daemon_set, "Warning", "SelectingAll", SELECTS_ALL)
            return DONE
        state = self._states.setdefault(daemon_set.metadata.uid, State(key))
        history = await self._look_at_history(daemon_set, selector, state)
        await self._look_at_nodes(daemon_set, selector, state)
        plan = decide.plan(daemon_set, state.ledger)
        failure = await self._carry_out(daemon_set, state, plan, history.name_hash)
        for name in sorted({*plan.create, *map(daemon_pods.target_node, plan.delete)}):
            self._put(daemon_set.metadata.uid, state, name, selector)
        await self._clean_up(daemon_set, state, history)
        new_status = decide.status(daemon_set, state.ledger)
        if new_status != daemon_set.status:
            try:
                await status.write(self._client, daemon_set, new_status)
            except errors.NotFound:
                return DONE
        if failure is not None:
            raise failure
        return self._next(state)

    def _next(self, state: State) -> Result:
        due = state.ledger.next_due()
        after = None if due is None else max((due - self._context.clock.now()).total_seconds(), 0.001)
        return Result(requeue_after=after, rest=min(len(state.ledger) * REST_PER_POD, LONGEST_REST))

    async def _look_at_history(
        self, daemon_set: apps_v1.DaemonSet, selector: selectors.Selector, state: State
    ) -> History:
        """Have a revision for the current template, and be it the newest."""
        if state.history is not None and state.generation == daemon_set.metadata.generation:
            return state.history
        all_revisions = await control.claim(self._client, self._revisions, daemon_set, selector)
        current = revisions.matching(all_revisions, daemon_set)
        names = {revision.metadata.name for revision in current}
        old = [revision for revision in all_revisions if revision.metadata.name not in names]
        number = revisions.next_number(old)
        if current:
            newest = await self._only_one(daemon_set, current)
            if newest.revision < number:
                newest = await control.renumber(self._client, newest, number)
        else:
            newest = await self._record(daemon_set, number)
        history = History(newest.metadata.labels.get(daemon_pods.HASH_LABEL, newest.metadata.name), old)
        terms = node.terms(daemon_set, history.name_hash)
        if terms != state.terms or state.generation != daemon_set.metadata.generation:
            state.all_dirty, state.terms, state.rules = True, terms, Rules(daemon_set.spec.template.spec)
        if state.generation != daemon_set.metadata.generation:
            state.backoff = Backoff()
        state.generation, state.history = daemon_set.metadata.generation, history
        return history

    async def _record(self, daemon_set: apps_v1.DaemonSet, number: int) -> apps_v1.ControllerRevision:
        before = daemon_set.status.collisionCount
        revision, collisions = await control.create(
            self._client, daemon_set, number, before or 0, daemon_pods.HASH_LABEL
        )
        if collisions != (before or 0):
            new_status = codec.copy(daemon_set.status)
            new_status.collisionCount = collisions
            await status.write(self._client, daemon_set, new_status)
        return revision

    async def _only_one(
        self, daemon_set: apps_v1.DaemonSet, current: Sequence[apps_v1.ControllerRevision]
    ) -> apps_v1.ControllerRevision:
        """The newest of several that record the same. The others go, once their Pods carry its hash."""
        newest = current[-1]
        if len(current) > 1:
            name_hash = newest.metadata.labels.get(daemon_pods.HASH_LABEL, newest.metadata.name)
            others = {one.metadata.labels.get(daemon_pods.HASH_LABEL, "") for one in current[:-1]}
            for pod in references.controlled(self._pods, daemon_set.metadata.uid):
                if pod.metadata.labels.get(daemon_pods.HASH_LABEL) in others:
                    patch = {"metadata": {"labels": {daemon_pods.HASH_LABEL: name_hash}, "uid": pod.metadata.uid}}
                    await self._client.patch(core_v1.Pod, pod.metadata.namespace, pod.metadata.name, patch, "merge")
            await control.delete(self._client, current[:-1])
        return newest

    async def _look_at_nodes(self, daemon_set: apps_v1.DaemonSet, selector: selectors.Selector, state: State) -> None:
        uid = daemon_set.metadata.uid
        changed = state.dirty | set(state.ledger.due(self._context.clock.now()))
        if state.all_dirty:
            changed |= {one.metadata.name for one in self._nodes.list()} | set(state.ledger.names)
            changed |= {daemon_pods.target_node(pod) for pod in references.controlled(self._pods, uid)}
        names = sorted(changed)
        state.dirty, state.all_dirty = set(), False
        own = [pod for name in names for pod in self._pods.by_index(BY_NODE, _expected(uid, name))]
        free = references.uncontrolled(self._pods, daemon_set.metadata.namespace)
        claims = references.claims(daemon_set, selector, own, free)
        adopted: list[core_v1.Pod] = []
        if claims.adopt or claims.release:
            state.dirty |= changed  # once more when the cache shows it, or if it fails
            known = {pod.metadata.uid for pod in own}
            held = await references.act(self._client, daemon_set, claims)
            adopted = [pod for pod in held if pod.metadata.uid not in known]
        for name in names:
            self._put(uid, state, name, selector, [pod for pod in adopted if daemon_pods.target_node(pod) == name])

    def _put(
        self, uid: str, state: State, name: str, selector: selectors.Selector, adopted: Sequence[core_v1.Pod] = ()
    ) -> None:
        """`adopted`: Pods that the cache needn't show as the set's own yet."""
        if name:
            state.ledger.put(name, self._assess(uid, state, name, selector, adopted))

    def _assess(
        self, uid: str, state: State, name: str, selector: selectors.Selector, adopted: Sequence[core_v1.Pod]
    ) -> NodeState:
        assert state.rules is not None
        assert state.terms is not None
        now = self._context.clock.now()
        found = self._nodes.get("", name)
        verdict = None if found is None else state.rules.verdict(found)
        shown = self._pods.by_index(BY_NODE, _expected(uid, name))
        known = {pod.metadata.uid for pod in shown} if adopted else ()
        own = [*shown, *(pod for pod in adopted if pod.metadata.uid not in known)]
        pods = [pod for pod in own if selector.matches(pod.metadata.labels)]
        assessed = node.assess(state.terms, verdict, pods, state.backoff.until(name, now), now)
        seconds = self._expectations.seconds_left(_expected(uid, name))
        if seconds is not None:
            return node.waiting(assessed, now + timedelta(seconds=seconds))
        if assessed == GONE:
            self._expectations.forget(_expected(uid, name))
        return assessed

    async def _carry_out(
        self, daemon_set: apps_v1.DaemonSet, state: State, plan: decide.Plan, name_hash: str
    ) -> errors.StatusError | None:
        uid = daemon_set.metadata.uid
        deletions: dict[str, list[core_v1.Pod]] = {}
        for pod in plan.delete:
            deletions.setdefault(daemon_pods.target_node(pod), []).append(pod)
        creations = [name for name in plan.create if name not in deletions]
        for name, there in deletions.items():
            self._expectations.expect_deletions(_expected(uid, name), (pod.metadata.uid for pod in there))
        for name in creations:
            self._expectations.expect_creations(_expected(uid, name), 1)
        not_created = await self._create(daemon_set, creations, name_hash)
        doomed = [pod for there in deletions.values() for pod in there]
        not_deleted = await all_at_once([self._delete(daemon_set, state, pod) for pod in doomed])
        return not_deleted or not_created

    async def _create(
        self, daemon_set: apps_v1.DaemonSet, names: Sequence[str], name_hash: str
    ) -> errors.StatusError | None:
        uid = daemon_set.metadata.uid
        expected = {_expected(uid, name) for name in names}

        async def create(index: int) -> None:
            try:
                pod = await self._client.create(daemon_pods.new_pod(daemon_set, names[index], name_hash))
            except errors.StatusError as error:
                if not is_namespace_terminating(error):
                    self._recorder.event(daemon_set, "Warning", "FailedCreate", f"Error creating: {error}")
                raise
            expected.discard(_expected(uid, names[index]))
            self._recorder.event(daemon_set, "Normal", "SuccessfulCreate", f"Created pod: {pod.metadata.name}")

        outcome = await slow_start(len(names), create)
        for name in expected:  # it failed, or was not begun because others had failed
            self._expectations.creation_observed(name)
        if outcome.error is not None and is_namespace_terminating(outcome.error):
            return None
        return outcome.error

    async def _delete(self, daemon_set: apps_v1.DaemonSet, state: State, pod: core_v1.Pod) -> None:
        """Delete the Pod as it was seen: one that has become available meanwhile may have to stay."""
        metadata, name = pod.metadata, daemon_pods.target_node(pod)
        expected = _expected(daemon_set.metadata.uid, name)
        where = f"daemon pod {metadata.namespace}/{metadata.name} on node {name}"
        if pod.status.phase == "Failed":
            state.backoff.failed(name, self._context.clock.now())
            message = f"Found failed {where}, will try to kill it"
            self._recorder.event(daemon_set, "Warning", "FailedDaemonPod", message)
        elif pod.status.phase == "Succeeded":
            message = f"Found succeeded {where}, will try to delete it"
            self._recorder.event(daemon_set, "Normal", "SucceededDaemonPod", message)
        preconditions = meta_v1.Preconditions(uid=metadata.uid, resourceVersion=metadata.resourceVersion)
        options = meta_v1.DeleteOptions(preconditions=preconditions)
        try:
            await self._client.delete(core_v1.Pod, metadata.namespace, metadata.name, options)
        except (errors.NotFound, errors.Conflict):  # the cache will show what became of it
            self._expectations.deletion_observed(expected, metadata.uid)
            return
        except errors.StatusError as error:
            self._expectations.deletion_observed(expected, metadata.uid)
            self._recorder.event(daemon_set, "Warning", "FailedDelete", f"Error deleting: {error}")
            raise
        self._recorder.event(daemon_set, "Normal", "SuccessfulDelete", f"Deleted pod: {metadata.name}")

    async def _clean_up(self, daemon_set: apps_v1.DaemonSet, state: State, history: History) -> None:
        """Delete the oldest revisions that no Pod is of, beyond the limit."""
        limit = daemon_set.spec.revisionHistoryLimit
        if len(history.old) <= (10 if limit is None else limit):
            return
        hashes = state.ledger.live_hashes()
        live = {one.metadata.name for one in history.old if one.metadata.labels.get(daemon_pods.HASH_LABEL) in hashes}
        surplus = len(history.old) - (10 if limit is None else limit)
        idle = [one for one in history.old if one.metadata.name not in live]
        await control.delete(self._client, idle[:surplus])


def _placement(pod: core_v1.Pod) -> tuple[object, ...]:
    return (pod.metadata.ownerReferences, daemon_pods.target_node(pod))
