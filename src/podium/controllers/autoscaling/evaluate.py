"""What one metric of an autoscaler asks for: its figures are fetched, then replicas.py decides.

A metric that can't be evaluated says so by `Failed`, with the reason and texts that Kubernetes has for its type.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from podium.controllers import gotext
from podium.controllers.autoscaling import replicas
from podium.controllers.autoscaling.metrics import AppMetrics, MetricsError, ResourceMetrics
from podium.controllers.autoscaling.replicas import NoProposal, Proposal, Tolerances
from podium.models import autoscaling_v2 as v2
from podium.models import quantity, selectors
from podium.models.core_v1 import Pod
from podium.models.quantity import Quantity
from podium.models.selectors import Selector


@dataclass(frozen=True, slots=True)
class Target:
    """What is scaled."""

    namespace: str
    selector: Selector
    pods: Sequence[Pod]
    replicas: int
    """How many it shall have."""
    found: int
    """How many it says it has."""
    tolerances: Tolerances


@dataclass(frozen=True, slots=True)
class Asked:
    """A metric's answer."""

    replicas: int
    name: str
    status: v2.MetricStatus


@dataclass(frozen=True, slots=True)
class Failed:
    reason: str
    message: str
    """What went wrong."""
    error: str
    """The same as the summary of all metrics has it."""


class Evaluator:
    def __init__(self, resource: ResourceMetrics, app: AppMetrics) -> None:
        self._resource = resource
        self._app = app

    async def evaluate(self, spec: v2.MetricSpec, target: Target, now: datetime) -> Asked | Failed:
        match spec.type:
            case "Resource" if spec.resource is not None:
                return await self._usage(spec.resource, "", target, now)
            case "ContainerResource" if spec.containerResource is not None:
                return await self._usage(spec.containerResource, spec.containerResource.container, target, now)
            case "Pods" if spec.pods is not None:
                return await self._pods(spec.pods, target, now)
            case "Object" if spec.object is not None:
                return await self._object(spec.object, target)
            case "External" if spec.external is not None:
                return await self._external(spec.external, target)
        why = f'unknown metric source type "{spec.type}"'
        return Failed("InvalidMetricSourceType", why, why)

    async def _usage(
        self,
        source: v2.ResourceMetricSource | v2.ContainerResourceMetricSource,
        container: str,
        target: Target,
        now: datetime,
    ) -> Asked | Failed:
        name, goal = source.name, source.target
        try:
            if goal.averageValue is None and goal.averageUtilization is None:
                raise NoProposal(
                    "invalid resource metric source: neither an average utilization target nor an average value "
                    "(usage) target was set"
                )
            what = "usage" if goal.averageValue is not None else "utilization"
            try:
                proposal = await self._usage_proposal(name, container, goal, target, now)
            except NoProposal as error:
                raise NoProposal(f"failed to get {name} {what}: {error}") from None
        except NoProposal as error:
            if container:
                summary = f"failed to get {container} container metric value: {error}"
                return Failed("FailedGetContainerResourceMetric", str(error), summary)
            return Failed("FailedGetResourceMetric", str(error), f"failed to get {name} resource metric value: {error}")
        current = v2.MetricValueStatus(
            averageUtilization=proposal.utilization, averageValue=Quantity(f"{proposal.usage}m")
        )
        label = f"{name} resource"
        if what == "utilization":
            label = f"{name} {'container ' if container else ''}resource utilization (percentage of request)"
        if container:
            part = v2.ContainerResourceMetricStatus(name=name, container=container, current=current)
            return Asked(proposal.replicas, label, v2.MetricStatus(type="ContainerResource", containerResource=part))
        whole = v2.ResourceMetricStatus(name=name, current=current)
        return Asked(proposal.replicas, label, v2.MetricStatus(type="Resource", resource=whole))

    async def _usage_proposal(
        self, name: str, container: str, goal: v2.MetricTarget, target: Target, now: datetime
    ) -> Proposal:
        try:
            metrics = await self._resource.of_pods(target.namespace, target.selector, name, container)
        except MetricsError as error:
            raise NoProposal(f"unable to get metrics for resource {name}: {error}") from error
        pods, tolerances = target.pods, target.tolerances
        if goal.averageValue is not None:
            amount = quantity.thousandths(goal.averageValue)
            return replicas.by_average(target.replicas, amount, metrics, pods, name, tolerances, now)
        percent = goal.averageUtilization or 0
        return replicas.by_utilization(target.replicas, percent, metrics, pods, name, container, tolerances, now)

    async def _pods(self, source: v2.PodsMetricSource, target: Target, now: datetime) -> Asked | Failed:
        metric, name = source.metric, source.metric.name
        try:
            metrics = await self._app.of_pods(target.namespace, name, target.selector, _series(metric))
            amount = quantity.thousandths(source.target.averageValue or "0")
            proposal = replicas.by_average(target.replicas, amount, metrics, target.pods, "", target.tolerances, now)
        except MetricsError as error:
            return _failed_pods(f"unable to get metric {name}: {error}")
        except NoProposal as error:
            return _failed_pods(str(error))
        current = v2.MetricValueStatus(averageValue=Quantity(f"{proposal.usage}m"))
        status = v2.MetricStatus(type="Pods", pods=v2.PodsMetricStatus(metric=metric, current=current))
        return Asked(proposal.replicas, f"pods metric {name}", status)

    async def _object(self, source: v2.ObjectMetricSource, target: Target) -> Asked | Failed:
        metric, described, goal = source.metric, source.describedObject, source.target
        try:
            total = goal.value if goal.type == "Value" else None
            share = goal.averageValue if goal.type == "AverageValue" else None
            if total is None and share is None:
                raise NoProposal(
                    "invalid object metric source: neither a value target nor an average value target was set"
                )
            try:
                usage = await self._app.of_object(target.namespace, metric.name, described, _series(metric))
            except MetricsError as error:
                where = f"{described.kind} on {target.namespace} {described.name}"
                text = f"unable to get metric {metric.name}: {where}/{error}"
                raise NoProposal(text) from error
            proposal, current = _of_amount(total, share, usage, target)
        except NoProposal as error:
            detail = f"failed to get {metric.name} object metric: " if goal.averageValue is not None else ""
            return Failed("FailedGetObjectMetric", str(error), f"failed to get object metric value: {detail}{error}")
        label = f"{described.kind} metric {metric.name}" if total is not None else _external_label(metric)
        part = v2.ObjectMetricStatus(metric=metric, current=current, describedObject=described)
        return Asked(proposal.replicas, label, v2.MetricStatus(type="Object", object=part))

    async def _external(self, source: v2.ExternalMetricSource, target: Target) -> Asked | Failed:
        metric, goal = source.metric, source.target
        try:
            if goal.value is None and goal.averageValue is None:
                raise NoProposal(
                    "invalid external metric source: neither a value target nor an average value target was set"
                )
            try:
                values = await self._app.external(target.namespace, metric.name, _series(metric))
            except MetricsError as error:
                series = f"{target.namespace}/{metric.name}/{gotext.label_selector(metric.selector)}"
                raise NoProposal(f"unable to get external metric {series}: {error}") from error
            total = None if goal.averageValue is not None else goal.value
            proposal, current = _of_amount(total, goal.averageValue, sum(values), target)
        except NoProposal as error:
            detail = ""
            if goal.averageValue is not None:
                detail = f"failed to get {metric.name} external metric: "
            elif goal.value is not None:
                detail = f"failed to get external metric {metric.name}: "
            summary = f"failed to get {metric.name} external metric value: {detail}{error}"
            return Failed("FailedGetExternalMetric", str(error), summary)
        part = v2.ExternalMetricStatus(metric=metric, current=current)
        return Asked(proposal.replicas, _external_label(metric), v2.MetricStatus(type="External", external=part))


def _of_amount(
    total: Quantity | None, share: Quantity | None, usage: int, target: Target
) -> tuple[Proposal, v2.MetricValueStatus]:
    """By one amount for all Pods, which has a target as a whole or for each Pod's share."""
    tolerances = target.tolerances
    if share is not None:
        proposal = replicas.by_share(target.found, quantity.thousandths(share), usage, tolerances)
        return proposal, v2.MetricValueStatus(averageValue=Quantity(f"{proposal.usage}m"))
    proposal = replicas.by_total(target.replicas, quantity.thousandths(total or "0"), usage, target.pods, tolerances)
    return proposal, v2.MetricValueStatus(value=Quantity(f"{proposal.usage}m"))


def _failed_pods(why: str) -> Failed:
    return Failed("FailedGetPodsMetric", why, f"failed to get pods metric value: {why}")


def _series(metric: v2.MetricIdentifier) -> Selector:
    return selectors.EVERYTHING if metric.selector is None else selectors.compile(metric.selector)


def _external_label(metric: v2.MetricIdentifier) -> str:
    return f"external metric {metric.name}({gotext.label_selector(metric.selector)})"
