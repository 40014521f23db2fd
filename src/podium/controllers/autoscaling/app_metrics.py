"""Metrics of applications and of things outside the cluster, from whoever serves custom.metrics.k8s.io and
external.metrics.k8s.io: API servers that extend this one, such as a Prometheus adapter.

The paths are those of Kubernetes' metrics clients (k8s.io/metrics): `pods/*/METRIC` for all Pods that a selector names,
`deployments.apps/NAME/METRIC` for one object, `metrics/METRIC` for the namespace itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TypeVar
from urllib.parse import quote

import msgspec

from podium.client.transport import Transport
from podium.controllers.autoscaling.metrics import MetricsError
from podium.controllers.autoscaling.replicas import PodMetric
from podium.machinery import errors, names
from podium.models import codec, quantity, resources
from podium.models.autoscaling_v2 import CrossVersionObjectReference
from podium.models.base import Struct
from podium.models.core_v1 import ObjectReference
from podium.models.quantity import Quantity
from podium.models.selectors import Selector

CUSTOM = "custom.metrics.k8s.io"
EXTERNAL = "external.metrics.k8s.io"
KNOWN_VERSIONS = ("v1beta2", "v1beta1")
DEFAULT_WINDOW = 60.0
"""Seconds that a metric of Pods is an average of, if it doesn't say."""

T = TypeVar("T")


class _Value(Struct):
    """What both versions of MetricValue have in common; v1beta1 calls the window by its shorter name."""

    timestamp: datetime
    value: Quantity
    describedObject: ObjectReference = msgspec.field(default_factory=ObjectReference)
    windowSeconds: int | None = None
    window: int | None = None


class _Values(Struct):
    items: tuple[_Value, ...] = ()


class _ExternalValue(Struct):
    value: Quantity


class _ExternalValues(Struct):
    items: tuple[_ExternalValue, ...] = ()


class AdapterMetrics:
    """controllers.autoscaling.metrics.AppMetrics."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def of_pods(self, namespace: str, metric: str, pods: Selector, selector: Selector) -> Mapping[str, PodMetric]:
        query = {"labelSelector": str(pods), "metricLabelSelector": str(selector)}
        found = await self._custom(("namespaces", namespace, "pods", "*", metric), query, "pods", "*")
        if not found:
            raise MetricsError("no metrics returned from custom metrics API")
        return {one.describedObject.name: _pod_metric(one) for one in found}

    async def of_object(
        self, namespace: str, metric: str, target: CrossVersionObjectReference, selector: Selector
    ) -> int:
        query = {"metricLabelSelector": str(selector)}
        group = target.apiVersion.rpartition("/")[0]
        if (group, target.kind) == ("", "Namespace"):
            # Whatever its name: nobody is to see the figures of another namespace.
            found = await self._custom(("namespaces", namespace, "metrics", metric), query, "metrics", metric)
        else:
            resource = _resource(group, target.kind)
            parts = ("namespaces", namespace, resource, target.name, metric)
            found = await self._custom(parts, query, resource, target.name)
        if len(found) != 1:
            why = f"the custom metrics API server returned {len(found)} results when we asked for exactly one"
            raise _failed("custom", why)
        return quantity.thousandths(found[0].value)

    async def external(self, namespace: str, metric: str, selector: Selector) -> Sequence[int]:
        try:
            path = _path(EXTERNAL, "v1beta1", ("namespaces", namespace, metric))
            found = _decoded(await self._transport.ask(path, _given({"labelSelector": str(selector)})), _ExternalValues)
        except errors.StatusError as error:
            raise _failed("external", _told(error, f"{metric}.{EXTERNAL}", "")) from error
        except ValueError as error:
            raise _failed("external", str(error)) from error
        if not found.items:
            raise MetricsError("no metrics returned from external metrics API")
        return [quantity.thousandths(one.value) for one in found.items]

    async def _custom(
        self, parts: Sequence[str], query: Mapping[str, str], resource: str, name: str
    ) -> Sequence[_Value]:
        try:
            path = _path(CUSTOM, await self._version(), parts)
            return _decoded(await self._transport.ask(path, _given(query)), _Values).items
        except errors.StatusError as error:
            raise _failed("custom", _told(error, f"{resource}.{CUSTOM}", name)) from error
        except ValueError as error:
            raise _failed("custom", str(error)) from error

    async def _version(self) -> str:
        """The version that is preferred there, if it is one that we know."""
        served = await self._transport.versions(CUSTOM)
        if not served:
            raise ValueError(f"no custom metrics API ({CUSTOM}) registered")
        version = next((one for one in served if one in KNOWN_VERSIONS), None)
        if version is None:
            raise ValueError("no known available metric versions found")
        return version


def _path(group: str, version: str, parts: Sequence[str]) -> str:
    """Names come from autoscalers' authors: none may lead out of the place where it is put."""
    for part in parts:
        if not part:
            raise ValueError("resource name may not be empty")
        if wrong := names.path_segment(part):
            raise ValueError(f'invalid resource name "{part}": [{", ".join(wrong)}]')
    return "/".join(("/apis", group, version, *(quote(part, safe="*") for part in parts)))


def _given(query: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in query.items() if value}


def _decoded(body: bytes, kind: type[T]) -> T:
    try:
        return codec.decode(body, kind)
    except msgspec.DecodeError as error:
        raise ValueError(f"the answer can't be read: {error}") from error


def _resource(group: str, kind: str) -> str:
    """The group resource of a kind, in whichever version."""
    for row in (*resources.BUILT_IN, *resources.METRICS):
        if (row.group, row.kind) == (group, kind):
            return row.group_resource
    qualified = f"{kind}.{group}" if group else kind
    text = f'unable to map kind {qualified} to resource: no matches for kind "{kind}" in group "{group}"'
    raise _failed("custom", text)


def _pod_metric(one: _Value) -> PodMetric:
    window = one.windowSeconds if one.windowSeconds is not None else one.window
    return PodMetric(quantity.thousandths(one.value), one.timestamp, DEFAULT_WINDOW if window is None else window)


def _told(error: errors.StatusError, resource: str, name: str) -> str:
    """What Kubernetes' clients make of an answer that says no more than its code."""
    what = f"(get {resource} {name})" if name else f"(get {resource})"
    match error.code, error.message.strip():
        case 404, "the server could not find the requested resource" as text:
            return f"{text} {what}"
        case 503, "service unavailable":
            return f"the server is currently unable to handle the request {what}"
    return str(error)


def _failed(kind: str, why: str) -> MetricsError:
    return MetricsError(f"unable to fetch metrics from {kind} metrics API: {why}")
