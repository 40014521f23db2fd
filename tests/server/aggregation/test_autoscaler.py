"""Whom a metrics adapter sees when an autoscaler asks it: somebody who may read metrics, and little else."""

from __future__ import annotations

import asyncio
from random import Random

import pytest
from aiohttp import web

from podium.client.client import Client
from podium.client.informers import Informers
from podium.client.inprocess import InProcessTransport
from podium.client.queue import WorkQueue
from podium.clock import RealClock
from podium.controllers.autoscaling.controller import HorizontalPodAutoscalerController
from podium.controllers.context import Context, Key
from tests.server.aggregation.conftest import ServeBoth
from tests.server.aggregation.extension import SERVICES, Extension, api_service, lead_to
from tests.server.harness import Harness

NAMED = "system:serviceaccount:kube-system:horizontal-pod-autoscaler"
GROUPS = ["system:serviceaccounts", "system:serviceaccounts:kube-system", "system:authenticated"]
TARGET = {"type": "AverageValue", "averageValue": "5"}
QUEUE = {"type": "External", "external": {"metric": {"name": "queue"}, "target": TARGET}}
VISITS = {"type": "Pods", "pods": {"metric": {"name": "visits"}, "target": TARGET}}


@pytest.mark.parametrize(
    ("version", "group", "metric"),
    [("v1beta1", "external.metrics.k8s.io", QUEUE), ("v1beta2", "custom.metrics.k8s.io", VISITS)],
)
def test_it_asks_as_its_own_service_account(serve_both: ServeBoth, version: str, group: str, metric: object) -> None:
    async def check(server: Harness, extension: Extension) -> None:
        await lead_to(server, extension)
        await serve_metrics(server, extension, version, group)
        await scaled_by(server, metric)
        await reconciled(server)
        (asked,) = extension.asked
        assert asked.path.startswith(f"/apis/{group}/{version}/namespaces/shop/")
        assert asked.headers.getall("X-Remote-User") == [NAMED]
        assert asked.headers.getall("X-Remote-Group") == GROUPS
        await may(server, True, verb="list", group=group, resource="anything", namespace="shop")
        await may(server, False, verb="list", group="", resource="secrets", namespace="shop")

    serve_both(check)


async def serve_metrics(server: Harness, extension: Extension, version: str, group: str) -> None:
    name = f"{version}.{group}"
    service = api_service(extension.ca, group=group, version=version)
    service["metadata"]["name"] = name
    assert (await server.post(SERVICES, service))[0] == 201
    patch = {"status": {"conditions": [{"type": "Available", "status": "True", "reason": "Test"}]}}
    headers = {"Content-Type": "application/merge-patch+json"}
    async with server.admin.patch(f"{SERVICES}/{name}/status", json=patch, headers=headers) as response:
        assert response.status == 200, await response.text()

    async def answer(_request: web.BaseRequest) -> web.Response:
        return web.json_response({"items": []})

    extension.handler = answer


async def scaled_by(server: Harness, metric: object) -> None:
    """A Deployment and what scales it."""
    template = {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "web", "image": "app:v1"}]}}
    spec = {"replicas": 2, "selector": {"matchLabels": {"app": "web"}}, "template": template}
    deployment = {"metadata": {"name": "web"}, "spec": spec}
    code, said = await server.post("/apis/apps/v1/namespaces/shop/deployments", deployment)
    assert code == 201, said
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
    hpa = {"metadata": {"name": "web"}, "spec": {"maxReplicas": 9, "scaleTargetRef": target, "metrics": [metric]}}
    code, said = await server.post("/apis/autoscaling/v2/namespaces/shop/horizontalpodautoscalers", hpa)
    assert code == 201, said


async def reconciled(server: Harness) -> None:
    """One look of the autoscaler, in the server's process."""
    clock = RealClock()
    client = Client(InProcessTransport(server.registry))
    informers = Informers(client, clock)
    context = Context(client, informers, clock, Random(1))
    controller = HorizontalPodAutoscalerController(context, WorkQueue[Key](clock, "test"))
    running = asyncio.create_task(informers.run())
    try:
        await informers.synced()
        await controller.reconcile(("shop", "web"))
    finally:
        await context.close()
        running.cancel()
        await asyncio.wait([running])


async def may(server: Harness, allowed: bool, **attributes: str) -> None:
    spec = {"user": NAMED, "groups": GROUPS, "resourceAttributes": attributes}
    path = "/apis/authorization.k8s.io/v1/subjectaccessreviews"
    code, review = await server.post(path, {"spec": spec})
    assert (code, review["status"]["allowed"]) == (201, allowed)
