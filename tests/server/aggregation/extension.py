"""An API server that extends ours, in the same event loop, and the objects that lead to it."""

from __future__ import annotations

import asyncio
import base64
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from aiohttp import web

from podium.models.apiregistration_v1 import APIService
from podium.models.discovery_v1 import Endpoint, EndpointConditions, EndpointPort, EndpointSlice
from podium.models.meta_v1 import ObjectMeta
from podium.registry.types import Request
from podium.server import pki
from tests.server.harness import Harness

GROUP, VERSION = "flavors.example.com", "v1"
BASE = f"/apis/{GROUP}/{VERSION}"
FLAVORS = f"{BASE}/namespaces/shop/flavors"
SERVICES = "/apis/apiregistration.k8s.io/v1/apiservices"
RESOURCES = {
    "kind": "APIResourceList",
    "apiVersion": "v1",
    "groupVersion": f"{GROUP}/{VERSION}",
    "resources": [
        {"name": "flavors", "singularName": "flavor", "namespaced": True, "kind": "Flavor", "verbs": ["get", "list"]},
        {"name": "flavors/taste", "singularName": "", "namespaced": True, "kind": "Taste", "verbs": ["get"]},
        {"name": "pods/visits", "singularName": "", "namespaced": True, "kind": "MetricValueList", "verbs": ["get"]},
    ],
}
Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


class Extension:
    """Answers with `handler`; remembers what it was asked, and whose certificate it saw."""

    def __init__(self) -> None:
        self.asked: list[web.BaseRequest] = []
        self.subjects: list[Any] = []
        self.handler: Handler = self.default
        self.openapi: dict[str, Any] | None = None
        self.port = 0
        self.ca = b""

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        self.asked.append(request)
        assert request.transport is not None
        self.subjects.append((request.transport.get_extra_info("peercert") or {}).get("subject"))
        return await self.handler(request)

    async def default(self, request: web.BaseRequest) -> web.StreamResponse:
        if request.path == BASE:
            return web.json_response(RESOURCES)
        if request.path == "/openapi/v3" and self.openapi is not None:
            return web.json_response(self.openapi)
        if request.path.startswith(f"{BASE}/") or request.path.startswith("/openapi/v3/"):
            body = (await request.read()).decode()
            return web.json_response({"path": request.path_qs, "method": request.method, "body": body})
        return web.json_response(
            {"kind": "Status", "code": 404, "message": "nothing here", "reason": "NotFound"}, status=404
        )


@asynccontextmanager
async def extending(directory: Path, front_proxy_ca: Path) -> AsyncIterator[Extension]:
    """It shows a certificate of an authority of its own, and asks for one of the front proxy."""
    extension = Extension()
    files = pki.ensure(directory, datetime.now(UTC), ["flavors.shop.svc"])
    extension.ca = files.ca.certificate.read_bytes()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(files.server.certificate, files.server.key)
    context.load_verify_locations(front_proxy_ca)
    context.verify_mode = ssl.CERT_REQUIRED
    server = web.Server(extension.handle, handler_cancellation=True)
    listener = await asyncio.get_running_loop().create_server(server, "127.0.0.1", 0, ssl=context)
    extension.port = listener.sockets[0].getsockname()[1]
    try:
        yield extension
    finally:
        listener.close()
        await server.shutdown(1)
        await listener.wait_closed()


def api_service(ca: bytes = b"", **spec: Any) -> dict[str, Any]:
    trust = {"caBundle": base64.b64encode(ca).decode()} if ca else {"insecureSkipTLSVerify": True}
    service = {"namespace": "shop", "name": "flavors"}
    priorities = {"groupPriorityMinimum": 1000, "versionPriority": 15}
    return {
        "apiVersion": "apiregistration.k8s.io/v1",
        "kind": "APIService",
        "metadata": {"name": f"{VERSION}.{GROUP}"},
        "spec": {"group": GROUP, "version": VERSION, "service": service, **priorities, **trust, **spec},
    }


def endpoints(address: str, port: int) -> EndpointSlice:
    """Of the Service."""
    return EndpointSlice(
        metadata=ObjectMeta(name="flavors-1", namespace="shop", labels={"kubernetes.io/service-name": "flavors"}),
        addressType="IPv4",
        ports=(EndpointPort(name="https", port=port),),
        endpoints=(Endpoint(addresses=(address,), conditions=EndpointConditions(ready=True)),),
    )


async def lead_to(server: Harness, extension: Extension, **spec: Any) -> APIService:
    """Create the Service, its endpoints and the APIService, and say that it is available."""
    await server.post("/api/v1/namespaces", {"metadata": {"name": "shop"}})
    service = {"metadata": {"name": "flavors"}, "spec": {"ports": [{"name": "https", "port": 443}]}}
    assert (await server.post("/api/v1/namespaces/shop/services", service))[0] == 201
    slices = server.registry.resource("discovery.k8s.io", "v1", "endpointslices")
    assert slices is not None
    # As its controller does: clients may not lead to 127.0.0.1.
    await server.registry.create(Request(), slices, "shop", endpoints("127.0.0.1", extension.port))
    code, said = await server.post(SERVICES, api_service(**{"ca": extension.ca, **spec}))
    assert code == 201, said
    return await available(server)


async def available(server: Harness, status: str = "True") -> APIService:
    name = f"{VERSION}.{GROUP}"
    patch = {"status": {"conditions": [{"type": "Available", "status": status, "reason": "Test"}]}}
    headers = {"Content-Type": "application/merge-patch+json"}
    async with server.admin.patch(f"{SERVICES}/{name}/status", json=patch, headers=headers) as response:
        assert response.status == 200, await response.text()
    entry = server.registry.live("apiservices.apiregistration.k8s.io").get("", name)
    assert entry is not None
    found: APIService = entry.object
    return found


async def half_an_answer(request: web.BaseRequest) -> web.StreamResponse:
    response = web.StreamResponse()
    await response.prepare(request)
    await response.write(b"half of it")
    return response


class Endless:
    """Answers that don't come to an end by themselves."""

    def __init__(self) -> None:
        self.ended = asyncio.Event()

    async def half(self, request: web.BaseRequest) -> web.StreamResponse:
        await half_an_answer(request)
        return await self.silence(request)

    async def silence(self, _request: web.BaseRequest) -> web.StreamResponse:
        try:
            await asyncio.Event().wait()
        finally:
            self.ended.set()
        raise AssertionError("it never ends")
