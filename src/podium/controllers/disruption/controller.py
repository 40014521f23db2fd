"""The disruption controller: keeps the status of PodDisruptionBudgets, by which evictions are granted.

Its write must never undo what an eviction has noted meanwhile, so it is refused if the budget has changed, and worked
out again. What the status should be is decided in decide.py.
"""

from __future__ import annotations

from collections.abc import Sequence

from podium.client.queue import WorkQueue
from podium.controllers import gotext, references
from podium.controllers import pods as pod_rules
from podium.controllers.context import Context, Key
from podium.controllers.disruption import decide
from podium.controllers.disruption.scale import NoScale, Scales
from podium.controllers.worker import Result
from podium.machinery import errors
from podium.models import codec, conditions, core_v1, policy_v1, selectors

REST_PER_POD = 20e-6
"""Seconds of rest per Pod after a look at all of them: a budget of thousands isn't counted with every change of one."""
LONGEST_REST = 0.1


class DisruptionController:
    def __init__(self, context: Context, queue: WorkQueue[Key]) -> None:
        self._context = context
        self._client = context.client
        self._queue = queue
        self._recorder = context.recorder("controllermanager")
        self._scales = Scales(context.client, context.informers)
        self._budgets = context.informers.of(policy_v1.PodDisruptionBudget)
        self._pods = context.informers.of(core_v1.Pod)
        context.on_change(self._budgets, self._budget_changed)
        context.on_change(self._pods, self._pod_changed)

    def _budget_changed(
        self, old: policy_v1.PodDisruptionBudget | None, new: policy_v1.PodDisruptionBudget | None
    ) -> None:
        if new is not None:
            self._queue.add((new.metadata.namespace, new.metadata.name))

    def _pod_changed(self, old: core_v1.Pod | None, new: core_v1.Pod | None) -> None:
        if old is not None and new is not None and _seen(old) == _seen(new):
            return
        pod = new if new is not None else old
        assert pod is not None
        found = self._budgets_of(pod)
        if old is not None and new is not None and old.metadata.labels != new.metadata.labels:
            found = {**self._budgets_of(old), **found}
        elif old is None and len(found) > 1:
            self._tell_of_many(pod, list(found))
        for name in found:
            self._queue.add((pod.metadata.namespace, name))

    def _budgets_of(self, pod: core_v1.Pod) -> dict[str, None]:
        """The names of the budgets that select the Pod."""
        return {
            budget.metadata.name: None
            for budget in self._budgets.list(pod.metadata.namespace)
            if selectors.compile(budget.spec.selector).matches(pod.metadata.labels)
        }

    def _tell_of_many(self, pod: core_v1.Pod, names: Sequence[str]) -> None:
        text = (
            f'Pod "{pod.metadata.namespace}"/"{pod.metadata.name}" matches multiple PodDisruptionBudgets.  '
            f'Chose "{names[0]}" arbitrarily.'
        )
        self._recorder.event(pod, "Warning", "MultiplePodDisruptionBudgets", text)

    async def reconcile(self, key: Key) -> Result:
        budget = self._budgets.get(*key)
        if budget is None:
            return Result()
        pods = references.matching(selectors.compile(budget.spec.selector), self._pods.list(budget.metadata.namespace))
        now = self._context.clock.now()
        waiting = decide.disrupted(pods, budget.status.disruptedPods, now)
        try:
            wanted = await self._expected(budget, pods)
        except (NoScale, ValueError, errors.StatusError) as error:
            text = f"Failed to calculate the number of expected pods: {error}"
            self._recorder.event(budget, "Warning", "CalculateExpectedPodCountFailed", text)
            await self._write(budget, decide.failed(budget, str(error), self._context.now()))
            return Result()
        self._tell_of_overdue(budget, waiting.overdue)
        healthy = decide.healthy(pods, waiting.pods)
        await self._write(budget, decide.status(budget, wanted, healthy, waiting.pods, self._context.now()))
        return Result(requeue_after=waiting.recheck_after, rest=min(len(pods) * REST_PER_POD, LONGEST_REST))

    async def _expected(self, budget: policy_v1.PodDisruptionBudget, pods: Sequence[core_v1.Pod]) -> decide.Expected:
        if not pods:
            self._recorder.event(budget, "Normal", "NoPods", "No matching pods found")
        if not decide.needs_scale(budget.spec):
            return decide.expected(budget.spec, len(pods), 0)
        wanted = await self._scales.wanted(pods)
        if wanted.unmanaged:
            selector = gotext.label_selector(budget.spec.selector)
            text = (
                f"Pods selected by this PodDisruptionBudget (selector: {selector}) were found to be unmanaged. "
                "As a result, the status of the PDB cannot be calculated correctly, which may "
                'result in undefined behavior. To account for these pods please set ".spec.minAvailable" field of the '
                "PDB to an integer value."
            )
            self._recorder.event(budget, "Warning", "UnmanagedPods", text)
        return decide.expected(budget.spec, len(pods), wanted.pods)

    def _tell_of_overdue(self, budget: policy_v1.PodDisruptionBudget, pods: Sequence[core_v1.Pod]) -> None:
        name = f"{budget.metadata.namespace}/{budget.metadata.name}"
        for pod in pods:
            text = f"Pod was expected by PDB {name} to be deleted but it wasn't"
            self._recorder.event(pod, "Warning", "NotDeleted", text)

    async def _write(self, budget: policy_v1.PodDisruptionBudget, status: policy_v1.PodDisruptionBudgetStatus) -> None:
        if status == budget.status:
            return
        changed = codec.copy(budget)
        changed.status = status
        try:
            await self._client.update_status(changed)
        except errors.NotFound:
            return


def _seen(pod: core_v1.Pod) -> tuple[object, ...]:
    """What a budget counts by."""
    metadata = pod.metadata
    return (metadata.labels, metadata.deletionTimestamp, metadata.ownerReferences, pod_rules.is_ready(pod))


class StaleDisruptionController:
    """Takes back that a Pod is the target of a disruption when that doesn't come."""

    def __init__(self, context: Context, queue: WorkQueue[Key]) -> None:
        self._context = context
        self._queue = queue
        self._pods = context.informers.of(core_v1.Pod)
        context.on_change(self._pods, self._changed)

    def _changed(self, old: core_v1.Pod | None, new: core_v1.Pod | None) -> None:
        if new is not None and new.status.conditions and decide.stale_after(new, self._context.now()) is not None:
            self._queue.add((new.metadata.namespace, new.metadata.name))

    async def reconcile(self, key: Key) -> Result:
        pod = self._pods.get(*key)
        if pod is None:
            return Result()
        now = self._context.now()
        after = decide.stale_after(pod, now)
        if after is None or after > 0:
            return Result(requeue_after=after)
        changed = codec.copy(pod)
        over = core_v1.PodCondition(
            type=decide.DISRUPTION_TARGET, status="False", observedGeneration=pod.metadata.generation
        )
        changed.status.conditions = conditions.put(pod.status.conditions, over, now)
        try:
            await self._context.client.update_status(changed)
        except errors.NotFound:
            return Result()
        return Result()
