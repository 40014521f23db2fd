"""The autoscaling controller: every 15 seconds each HorizontalPodAutoscaler looks at its metrics and scales its target.

What the metrics ask for is in evaluate.py and replicas.py, what is made of it in decide.py and limits.py. The target is
reached through its scale subresource, whatever kind it is.
"""

from __future__ import annotations

from typing import Any

from podium.client.queue import WorkQueue
from podium.controllers import references, status
from podium.controllers.autoscaling import decide
from podium.controllers.autoscaling.app_metrics import AdapterMetrics
from podium.controllers.autoscaling.evaluate import Evaluator, Target
from podium.controllers.autoscaling.limits import History
from podium.controllers.autoscaling.metrics import ResourceMetrics
from podium.controllers.context import Context, Key
from podium.controllers.worker import Result
from podium.machinery import errors
from podium.machinery.selectors import parse_labels
from podium.models import autoscaling_v2 as v2
from podium.models import codec, core_v1, resources
from podium.models.autoscaling_v1 import Scale
from podium.models.resources import ResourceType
from podium.models.selectors import Selector

ACCOUNT = "horizontal-pod-autoscaler"
"""Whom other API servers see ask: who may read metrics, but not whatever else such a server has."""
SYNC_SECONDS = 15.0
AGAIN = Result(requeue_after=SYNC_SECONDS)


class _Unusable(Exception):
    """The Pods of the target can't be told: `reason` and the text go into the ScalingActive condition."""

    def __init__(self, reason: str, message: str, event: tuple[str, str]) -> None:
        super().__init__(message)
        self.reason = reason
        self.event = event


class HorizontalPodAutoscalerController:
    def __init__(self, context: Context, queue: WorkQueue[Key]) -> None:
        self._context = context
        self._client = context.client
        self._queue = queue
        self._recorder = context.recorder("horizontal-pod-autoscaler")
        adapters = AdapterMetrics(context.client.transport.as_controller(ACCOUNT))
        self._evaluator = Evaluator(ResourceMetrics(context.client), adapters)
        self._histories: dict[Key, History] = {}
        self._selectors: dict[Key, Selector] = {}
        self._autoscalers = context.informers.of(v2.HorizontalPodAutoscaler)
        self._pods = context.informers.of(core_v1.Pod)
        context.on_change(self._autoscalers, self._changed)

    def _changed(self, old: v2.HorizontalPodAutoscaler | None, new: v2.HorizontalPodAutoscaler | None) -> None:
        if new is None:
            if old is not None:
                key = (old.metadata.namespace, old.metadata.name)
                self._histories.pop(key, None)
                self._selectors.pop(key, None)
        elif old is None:
            self._queue.add_after((new.metadata.namespace, new.metadata.name), SYNC_SECONDS)

    async def reconcile(self, key: Key) -> Result:
        hpa = self._autoscalers.get(*key)
        if hpa is None:
            return Result()
        now = self._context.now()
        told = hpa.status.conditions
        try:
            resource = _resource_of(hpa.spec.scaleTargetRef)
            scale = await self._client.transport.get(resource, key[0], hpa.spec.scaleTargetRef.name, "scale")
        except (LookupError, errors.StatusError) as error:
            why = error.args[0] if isinstance(error, LookupError) else str(error)
            self._recorder.event(hpa, "Warning", "FailedGetScale", why)
            text = f"the HPA controller was unable to get the target's current scale: {why}"
            await self._write(hpa, _with(hpa.status, decide.put(told, decide.ABLE, False, "FailedGetScale", text, now)))
            return AGAIN
        text = "the HPA controller was able to get the target's current scale"
        told = decide.put(told, decide.ABLE, True, "SucceededGetScale", text, now)
        current = scale.spec.replicas or 0
        history = self._histories.setdefault(key, History(((current, self._context.clock.now()),)))
        plan = decide.without_metrics(hpa, current, told, now)
        if plan is None:
            plan = await self._by_metrics(hpa, scale, told, history)
            self._histories[key] = plan.history
        for reason, message in plan.failures:
            self._recorder.event(hpa, "Warning", reason, message)
        await self._carry_out(key, hpa, resource, scale, plan)
        return AGAIN

    async def _by_metrics(
        self, hpa: v2.HorizontalPodAutoscaler, scale: Scale, told: decide.Conditions, history: History
    ) -> decide.Plan:
        now, current = self._context.clock.now(), scale.spec.replicas or 0
        try:
            target = self._target(hpa, scale)
        except _Unusable as error:
            told = decide.put(told, decide.ACTIVE, False, error.reason, str(error), self._context.now())
            failures = (error.event, ("FailedComputeMetricsReplicas", error.event[1]))
            return decide.Plan(current, False, "", told, (), history, failures, failed=True)
        answers = [await self._evaluator.evaluate(spec, target, now) for spec in hpa.spec.metrics]
        return decide.by_metrics(hpa, current, answers, told, history, now)

    def _target(self, hpa: v2.HorizontalPodAutoscaler, scale: Scale) -> Target:
        key = (hpa.metadata.namespace, hpa.metadata.name)
        text = scale.status.selector
        if not text:
            message = "the HPA target's scale is missing a selector"
            raise _Unusable("InvalidSelector", message, ("SelectorRequired", "selector is required"))
        try:
            selector = parse_labels(text)
        except errors.BadRequest as error:
            message = f"couldn't convert selector into a corresponding internal selector object: {error}"
            raise _Unusable("InvalidSelector", message, ("InvalidSelector", message)) from error
        self._selectors[key] = selector
        pods = references.matching(selector, self._pods.list(key[0]))
        rivals = self._rivals(key, pods)
        if len(rivals) > 1:
            message = f"pods by selector {text} are controlled by multiple HPAs: [{' '.join(rivals)}]"
            raise _Unusable("AmbiguousSelector", message, ("AmbiguousSelector", message))
        return Target(
            namespace=key[0],
            selector=selector,
            pods=pods,
            replicas=scale.spec.replicas or 0,
            found=scale.status.replicas,
            tolerances=decide.tolerances(hpa),
        )

    def _rivals(self, key: Key, pods: list[core_v1.Pod]) -> list[str]:
        """The autoscalers whose targets have any of the Pods."""
        return sorted(
            "/".join(other)
            for other, selector in self._selectors.items()
            if other[0] == key[0] and any(selector.matches(pod.metadata.labels) for pod in pods)
        )

    async def _carry_out(
        self, key: Key, hpa: v2.HorizontalPodAutoscaler, resource: ResourceType, scale: Scale, plan: decide.Plan
    ) -> None:
        now, current = self._context.now(), scale.spec.replicas or 0
        if not plan.rescale:
            await self._write(hpa, decide.status(hpa, plan, current, plan.conditions, None))
            return
        changed = codec.copy(scale)
        changed.spec.replicas = plan.replicas
        try:
            await self._client.transport.update(resource, changed, "scale")
        except errors.StatusError as error:
            text = f"New size: {plan.replicas}; reason: {plan.reason}; error: {error}"
            self._recorder.event(hpa, "Warning", "FailedRescale", text)
            text = f"the HPA controller was unable to update the target scale: {error}"
            told = decide.put(plan.conditions, decide.ABLE, False, "FailedUpdateScale", text, now)
            await self._write(hpa, _with(decide.status(hpa, plan, current, told, None), told, hpa.status))
            return
        text = f"the HPA controller was able to update the target scale to {plan.replicas}"
        told = decide.put(plan.conditions, decide.ABLE, True, "SucceededRescale", text, now)
        text = f"New size: {plan.replicas}; reason: {plan.reason}"
        self._recorder.event(hpa, "Normal", "SuccessfulRescale", text)
        history = self._histories.get(key, History())
        moment = self._context.clock.now()
        self._histories[key] = history.scaled(current, plan.replicas, hpa.spec.behavior, moment)
        await self._write(hpa, decide.status(hpa, plan, current, told, now))

    async def _write(self, hpa: v2.HorizontalPodAutoscaler, new: v2.HorizontalPodAutoscalerStatus) -> None:
        if new == hpa.status:
            return
        try:
            await status.write(self._client, hpa, new)
        except errors.NotFound:
            return
        except errors.StatusError as error:
            self._recorder.event(hpa, "Warning", "FailedUpdateStatus", str(error))


def _with(
    new: v2.HorizontalPodAutoscalerStatus,
    told: decide.Conditions,
    old: v2.HorizontalPodAutoscalerStatus | None = None,
) -> v2.HorizontalPodAutoscalerStatus:
    """The status with these conditions; what was wanted stays as it was in `old`."""
    changed = codec.copy(new)
    changed.conditions = told
    if old is not None:
        changed.desiredReplicas = old.desiredReplicas
    return changed


def _resource_of(reference: v2.CrossVersionObjectReference) -> ResourceType:
    resource: Any = resources.by_kind(reference.apiVersion, reference.kind)
    if resource is None:
        group = reference.apiVersion.rpartition("/")[0]
        raise LookupError(f'no matches for kind "{reference.kind}" in group "{group}"')
    found: ResourceType = resource
    return found
