"""Autoscaling by metrics of applications, as a test of somebody who uses Podium has it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from podium.models import apps_v1
from podium.models import autoscaling_v2 as v2
from podium.models.apiregistration_v1 import APIService
from podium.models.conditions import is_true
from podium.testing.metrics import ServedMetrics
from podium.testing.virtual import VirtualCluster
from tests.controllers.autoscaling.scene import EXTERNAL, PODS, web_scaled_by

Clusters = Callable[..., VirtualCluster]
Say = Callable[[ServedMetrics], None]

OTHER = """
apiVersion: v1
kind: Pod
metadata: {name: other, labels: {app: other}}
spec: {containers: [{name: other, image: nginx}]}
"""
FRONT = "{apiVersion: v1, kind: Service, name: front}"
SPACE = "{apiVersion: v1, kind: Namespace, name: whatever}"
OBJECT = '{type: Object, object: {metric: {name: hits}, describedObject: %s, target: {type: Value, value: "100"}}}'


@pytest.mark.parametrize(
    ("metric", "few", "many"),
    [
        (PODS, lambda metrics: metrics.pods.update(visits=10), lambda metrics: metrics.pods.update(visits="20")),
        (
            OBJECT % FRONT,
            lambda metrics: metrics.objects.update({("services/front", "hits"): 100}),
            lambda metrics: metrics.objects.update({("services/front", "hits"): 200.0}),
        ),
        (
            OBJECT % SPACE,
            lambda metrics: metrics.objects.update({("namespaces/default", "hits"): "100"}),
            lambda metrics: metrics.objects.update({("namespaces/default", "hits"): "200000m"}),
        ),
        (
            EXTERNAL,
            lambda metrics: metrics.external.update(queue=10),
            lambda metrics: metrics.external.update(queue=20),
        ),
    ],
    ids=["Pods", "Object", "Namespace", "External"],
)
def test_replicas_follow(podium_clusters: Clusters, metric: str, few: Say, many: Say) -> None:
    cluster = podium_clusters()
    metrics = cluster.serve_metrics()
    assert all(is_true(one.status.conditions, "Available") for one in cluster.list(APIService, ""))
    few(metrics)
    cluster.apply(web_scaled_by(metric))
    cluster.advance(31)
    assert cluster.get(apps_v1.Deployment, "web").spec.replicas == 2
    many(metrics)
    cluster.advance(15)
    assert cluster.get(apps_v1.Deployment, "web").spec.replicas == 4


def test_some_pods_only(podium_clusters: Clusters) -> None:
    cluster = podium_clusters()
    metrics = cluster.serve_metrics()
    metrics.pods["visits"] = {"web-x": 10, "other": 1000}
    cluster.apply(OTHER)
    cluster.apply(web_scaled_by(PODS))
    cluster.advance(16)
    assert why(cluster) == "no metrics returned from custom metrics API"


def test_what_nobody_says_is_not_there(podium_clusters: Clusters) -> None:
    cluster = podium_clusters()
    cluster.serve_metrics()
    cluster.apply(web_scaled_by(EXTERNAL))
    cluster.advance(16)
    assert why(cluster).endswith('external metrics API: metrics.external.metrics.k8s.io "queue" not found')


def why(cluster: VirtualCluster) -> str:
    conditions = cluster.get(v2.HorizontalPodAutoscaler, "web").status.conditions
    (active,) = [one for one in conditions if one.type == "ScalingActive"]
    assert active.status == "False"
    return active.message.partition("unable to get metric visits: ")[2] or active.message
