"""Application metrics: which paths are asked for, what is made of the answers, and of there being none."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import pytest

from podium.controllers.autoscaling.app_metrics import AdapterMetrics
from podium.controllers.autoscaling.metrics import MetricsError
from podium.controllers.autoscaling.replicas import PodMetric
from podium.machinery import errors
from podium.machinery.selectors import parse_labels
from podium.models import apps_v1, core_v1
from podium.models import autoscaling_v2 as v2
from podium.models.apiregistration_v1 import APIService
from podium.models.selectors import EVERYTHING
from podium.registry.types import User
from podium.testing.virtual import VirtualCluster
from tests.controllers.autoscaling import scene
from tests.controllers.autoscaling.scene import web_scaled_by

Clusters = Callable[..., VirtualCluster]
AT = "2026-01-01T00:00:10Z"
CUSTOM, EXTERNAL = "custom.metrics.k8s.io", "external.metrics.k8s.io"


class Adapter:
    """The transport's part that metrics are asked for by."""

    def __init__(self, answer: Any = None, versions: Sequence[str] = ("v1beta2", "v1beta1")) -> None:
        self.asked: list[str] = []
        self._answer = answer
        self._versions = versions

    async def versions(self, group: str) -> Sequence[str]:
        assert group == CUSTOM
        return self._versions

    async def ask(self, path: str, query: Mapping[str, str]) -> bytes:
        self.asked.append(f"{path}?{urlencode(query)}" if query else path)
        if isinstance(self._answer, Exception):
            raise self._answer
        return self._answer if isinstance(self._answer, bytes) else json.dumps(self._answer).encode()


def asked(adapter: Adapter, ask: Callable[[AdapterMetrics], Coroutine[Any, Any, Any]]) -> Any:
    return asyncio.run(ask(AdapterMetrics(adapter)))  # type: ignore[arg-type]


def values(*amounts: str, **more: Any) -> dict[str, Any]:
    described = ({"kind": "Pod", "name": f"web-{index}"} for index in range(len(amounts)))
    pairs = zip(described, amounts, strict=True)
    return {"items": [{"describedObject": one, "timestamp": AT, "value": amount, **more} for one, amount in pairs]}


def reference(api_version: str, kind: str, name: str) -> v2.CrossVersionObjectReference:
    return v2.CrossVersionObjectReference(apiVersion=api_version, kind=kind, name=name)


APP, TOPIC = parse_labels("app in (web,shop)"), parse_labels("topic=a")


@pytest.mark.parametrize(
    ("ask", "path"),
    [
        (
            lambda metrics: metrics.of_pods("shop", "visits", APP, EVERYTHING),
            f"{CUSTOM}/v1beta2/namespaces/shop/pods/*/visits?labelSelector=app+in+%28shop%2Cweb%29",
        ),
        (
            lambda metrics: metrics.of_pods("shop", "visits", parse_labels("app=web"), TOPIC),
            f"{CUSTOM}/v1beta2/namespaces/shop/pods/*/visits?labelSelector=app%3Dweb&metricLabelSelector=topic%3Da",
        ),
        (
            lambda metrics: metrics.of_object("shop", "hits", reference("v1", "Service", "front"), TOPIC),
            f"{CUSTOM}/v1beta2/namespaces/shop/services/front/hits?metricLabelSelector=topic%3Da",
        ),
        (
            lambda metrics: metrics.of_object("shop", "hits", reference("apps/v1beta9", "Deployment", "a"), EVERYTHING),
            f"{CUSTOM}/v1beta2/namespaces/shop/deployments.apps/a/hits",
        ),
        (
            lambda metrics: metrics.of_object("shop", "hits", reference("v1", "Node", "n"), EVERYTHING),
            f"{CUSTOM}/v1beta2/namespaces/shop/nodes/n/hits",
        ),
        (
            lambda metrics: metrics.of_object("shop", "hits", reference("v1", "Namespace", "other"), TOPIC),
            f"{CUSTOM}/v1beta2/namespaces/shop/metrics/hits?metricLabelSelector=topic%3Da",
        ),
        (
            lambda metrics: metrics.external("shop", "queue length", TOPIC),
            f"{EXTERNAL}/v1beta1/namespaces/shop/queue%20length?labelSelector=topic%3Da",
        ),
    ],
)
def test_paths(ask: Callable[[AdapterMetrics], Coroutine[Any, Any, Any]], path: str) -> None:
    adapter = Adapter(values("1"))
    asked(adapter, ask)
    assert adapter.asked == [f"/apis/{path}"]


@pytest.mark.parametrize(
    ("versions", "chosen"),
    [(("v1beta2", "v1beta1"), "v1beta2"), (("v1beta1", "v1beta2"), "v1beta1"), (("v9", "v1beta1"), "v1beta1")],
)
def test_versions(versions: tuple[str, ...], chosen: str) -> None:
    adapter = Adapter(values("1"), versions)
    asked(adapter, lambda metrics: metrics.of_pods("shop", "visits", EVERYTHING, EVERYTHING))
    assert adapter.asked == [f"/apis/{CUSTOM}/{chosen}/namespaces/shop/pods/*/visits"]


def test_figures() -> None:
    def of_pods(metrics: AdapterMetrics) -> Any:
        return metrics.of_pods("shop", "visits", APP, TOPIC)

    at = datetime(2026, 1, 1, 0, 0, 10, tzinfo=UTC)
    found = {"web-0": PodMetric(1500, at, 60), "web-1": PodMetric(2000000, at, 60)}
    assert asked(Adapter(values("1500m", "2k")), of_pods) == found
    assert asked(Adapter(values("1", windowSeconds=30)), of_pods) == {"web-0": PodMetric(1000, at, 30)}
    assert asked(Adapter(values("1", window=30)), of_pods) == {"web-0": PodMetric(1000, at, 30)}
    hits = asked(
        Adapter(values("7")), lambda metrics: metrics.of_object("shop", "hits", reference("v1", "Pod", "a"), EVERYTHING)
    )
    assert hits == 7000
    assert asked(Adapter(values("7", "1")), lambda metrics: metrics.external("shop", "queue", TOPIC)) == [7000, 1000]


FETCH = "unable to fetch metrics from {} metrics API: "


@pytest.mark.parametrize(
    ("adapter", "pods", "external"),
    [
        (
            Adapter(errors.PathNotFound(), ()),
            FETCH + f"no custom metrics API ({CUSTOM}) registered",
            FETCH + f"the server could not find the requested resource (get queue.{EXTERNAL})",
        ),
        (
            Adapter(errors.PathNotFound(), ("v2",)),
            FETCH + "no known available metric versions found",
            FETCH + f"the server could not find the requested resource (get queue.{EXTERNAL})",
        ),
        (
            Adapter(errors.ServiceUnavailable("service unavailable\n")),
            FETCH + f"the server is currently unable to handle the request (get pods.{CUSTOM} *)",
            FETCH + f"the server is currently unable to handle the request (get queue.{EXTERNAL})",
        ),
        (
            Adapter(errors.Forbidden("pods.custom.metrics.k8s.io", "*", "not you")),
            FETCH + 'pods.custom.metrics.k8s.io "*" is forbidden: not you',
            FETCH + 'pods.custom.metrics.k8s.io "*" is forbidden: not you',
        ),
        (
            Adapter({"items": []}),
            "no metrics returned from custom metrics API",
            "no metrics returned from external metrics API",
        ),
        (
            Adapter(b"<html>"),
            FETCH + "the answer can't be read: ",
            FETCH + "the answer can't be read: ",
        ),
        (
            Adapter(values("much")),
            FETCH + "the answer can't be read: ",
            FETCH + "the answer can't be read: ",
        ),
    ],
)
def test_nothing_to_go_by(adapter: Adapter, pods: str, external: str) -> None:
    with pytest.raises(MetricsError) as error:
        asked(adapter, lambda metrics: metrics.of_pods("shop", "visits", APP, TOPIC))
    assert str(error.value).startswith(pods.format("custom"))
    with pytest.raises(MetricsError) as error:
        asked(adapter, lambda metrics: metrics.external("shop", "queue", TOPIC))
    assert str(error.value).startswith(external.format("external"))


def test_one_object_has_one_figure() -> None:
    with pytest.raises(MetricsError, match="returned 2 results when we asked for exactly one"):
        asked(
            Adapter(values("1", "2")),
            lambda metrics: metrics.of_object("shop", "hits", reference("v1", "Pod", "a"), EVERYTHING),
        )
    with pytest.raises(
        MetricsError, match=r'unable to map kind Fleet\.sea\.io to resource: no matches for kind "Fleet"'
    ):
        asked(Adapter(), lambda metrics: metrics.of_object("a", "b", reference("sea.io/v1", "Fleet", "a"), EVERYTHING))


@pytest.mark.parametrize("metric", ["../../../kube-system/pods/*/secrets", "..", "a%2Fb", ""])
def test_nobody_gets_out_of_their_namespace(metric: str) -> None:
    """What is asked for is asked for by the controller, who may see everything."""
    adapter = Adapter(values("1"))
    for ask in (
        lambda metrics: metrics.of_pods("shop", metric, EVERYTHING, EVERYTHING),
        lambda metrics: metrics.external("shop", metric, EVERYTHING),
        lambda metrics: metrics.of_object("shop", "hits", reference("v1", "Service", metric), EVERYTHING),
    ):
        with pytest.raises(MetricsError, match="resource name"):
            asked(adapter, ask)
    assert adapter.asked == []


REGISTRATION = """
apiVersion: apiregistration.k8s.io/v1
kind: APIService
metadata: {name: %(version)s.%(group)s}
spec:
  group: %(group)s
  version: %(version)s
  groupPriorityMinimum: 100
  versionPriority: 100
  insecureSkipTLSVerify: true
  service: {namespace: default, name: adapter}
"""
ADAPTER = """
apiVersion: v1
kind: Service
metadata: {name: adapter}
spec: {selector: {app: adapter}, ports: [{port: 443}]}
---
apiVersion: v1
kind: Pod
metadata: {name: adapter, labels: {app: adapter}}
spec: {containers: [{name: adapter, image: adapter}]}
"""


class Extension:
    """registry.aggregation.Extensions: the API server of metrics."""

    def __init__(self, cluster: VirtualCluster) -> None:
        self.cluster = cluster
        self.visits, self.queue = "10", "0"
        self.asked: list[tuple[str, str]] = []

    async def probe(self, service: APIService) -> str:
        return ""

    async def get(self, service: APIService, user: User, path: str, query: Mapping[str, str]) -> bytes:
        self.asked.append((user.name, path))
        stamp = self.cluster.clock.now().strftime("%Y-%m-%dT%H:%M:%SZ")
        if EXTERNAL in path:
            return json.dumps({"items": [{"metricName": "queue", "timestamp": stamp, "value": self.queue}]}).encode()
        pods = await self.cluster.client.list(core_v1.Pod, "default", label_selector=query["labelSelector"])
        described = [{"kind": "Pod", "name": pod.metadata.name} for pod in pods]
        items = [{"describedObject": one, "timestamp": stamp, "value": self.visits} for one in described]
        return json.dumps({"items": items}).encode()


def test_an_autoscaler_follows_figures_of_others(podium_clusters: Clusters) -> None:
    cluster = podium_clusters(nodes=2)
    extension = cluster.cluster.registry.extensions = Extension(cluster)
    cluster.apply(ADAPTER)
    cluster.apply(web_scaled_by(scene.PODS, scene.EXTERNAL))
    cluster.advance(16)
    hpa = cluster.get(v2.HorizontalPodAutoscaler, "web")
    active = next(one for one in hpa.status.conditions if one.type == "ScalingActive")
    assert (active.status, active.reason) == ("False", "FailedGetPodsMetric")
    assert f"no custom metrics API ({CUSTOM}) registered" in active.message

    cluster.apply(REGISTRATION % {"group": CUSTOM, "version": "v1beta1"})
    cluster.apply(REGISTRATION % {"group": EXTERNAL, "version": "v1beta1"})
    cluster.advance(30)
    account = "system:serviceaccount:kube-system:horizontal-pod-autoscaler"
    assert extension.asked[:2] == [
        (account, f"/apis/{CUSTOM}/v1beta1/namespaces/default/pods/*/visits"),
        (account, f"/apis/{EXTERNAL}/v1beta1/namespaces/default/queue"),
    ]
    assert cluster.get(apps_v1.Deployment, "web").spec.replicas == 2
    extension.queue = "20"
    cluster.advance(16)
    assert cluster.get(apps_v1.Deployment, "web").spec.replicas == 4
    extension.visits = "20"
    cluster.advance(15)
    assert cluster.get(apps_v1.Deployment, "web").spec.replicas == 8
    hpa = cluster.get(v2.HorizontalPodAutoscaler, "web")
    assert [one.type for one in hpa.status.currentMetrics] == ["Pods", "External"]
    asked_before = len(extension.asked)
    cluster.delete(APIService, f"v1beta1.{EXTERNAL}", "")
    cluster.advance(15)
    assert {path.split("/")[2] for _, path in extension.asked[asked_before:]} == {CUSTOM}
