"""What is measured. Each scenario starts a server of its own and yields figures by row."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import orjson

from bench import fleet, load
from bench.objects import DEPLOYMENTS, LIST_NAMESPACE, PODS, config_map, deployment
from bench.server import Server
from bench.targets import Figure
from bench.wire import Caller, request

CONNECTIONS = 16
IDLE_SECONDS = 5.0


def start(quick: bool) -> Iterator[Figure]:
    """From an empty directory; then memory with nothing going on."""
    with Server() as server:
        ready = server.wait_ready()
        yield "ready", ready, f"server {server.cpu():.1f} s of CPU"
        yield "account", server.wait_account(), ""
        time.sleep(1 if quick else IDLE_SECONDS)
        yield "memory-idle", server.memory(), ""


def thousand(quick: bool) -> Iterator[Figure]:
    """A Deployment of 1,000: made, updated, scaled to nothing."""
    with Server() as server:
        yield from _life(server, 100 if quick else 1000, {"deploy": "deploy-1000", "rolling": "rolling-1000"})
        yield _timed(server, "scale-0", lambda: _scale_to_zero(server))


def five_thousand(quick: bool) -> Iterator[Figure]:
    """A Deployment of 5,000: made and updated; memory afterwards."""
    with Server() as server:
        yield from _life(server, 500 if quick else 5000, {"deploy": "deploy-5000", "rolling": "rolling-5000"})
        time.sleep(1 if quick else IDLE_SECONDS)
        yield "memory-5000", server.memory(), ""


def requests(quick: bool) -> Iterator[Figure]:
    """Many clients with small requests, and large lists."""
    seconds = 1.0 if quick else 5.0
    with Server() as server:
        server.wait_account()
        with server.caller() as caller:
            caller.call("POST", "/api/v1/namespaces", {"metadata": {"name": LIST_NAMESPACE}})
            for i in range(500):
                path = f"/api/v1/namespaces/{LIST_NAMESPACE}/configmaps"
                caller.exchange(request("POST", path, config_map(f"item-{i}", 2000)))
        for kind in ("get", "list", "post"):
            before = server.cpu()
            result = load.measure(server.kubeconfig, kind, CONNECTIONS, seconds)
            cores = (server.cpu() - before) / (seconds + load.WARM_UP)
            yield kind, result["rate"], f"server {cores:.2f} cores, client {result['client_cpu']:.2f}"


SCENARIOS: Mapping[Callable[[bool], Iterator[Figure]], tuple[str, ...]] = {
    start: ("ready", "account", "memory-idle"),
    thousand: ("deploy-1000", "rolling-1000", "scale-0"),
    five_thousand: ("deploy-5000", "rolling-5000", "memory-5000"),
    requests: ("get", "list", "post"),
    fleet.fleet: ("fleet", "fleet-idle", "fleet-memory"),
    fleet.many_pods: ("pods-10000", "pods-10000-rate", "pods-10000-memory"),
}


def _life(server: Server, replicas: int, rows: Mapping[str, str]) -> Iterator[Figure]:
    server.wait_account()
    server.wait_nodes()
    yield _timed(server, rows["deploy"], lambda: _deploy(server, replicas))
    yield _timed(server, rows["rolling"], lambda: _update(server, replicas))


def _timed(server: Server, row: str, work: Callable[[], None]) -> Figure:
    cpu, begin = server.cpu(), time.perf_counter()
    work()
    seconds = time.perf_counter() - begin
    return row, seconds, f"server {server.cpu() - cpu:.1f} s of CPU"


def _deploy(server: Server, replicas: int) -> None:
    with server.caller() as caller:
        made = caller.call("POST", DEPLOYMENTS, deployment("web", replicas, "nginx:1"))
    _wait_rolled_out(server, made, replicas)


def _update(server: Server, replicas: int) -> None:
    with server.caller() as caller:
        image = {"spec": {"template": {"spec": {"containers": [{"name": "web", "image": "nginx:2"}]}}}}
        changed = _patch(caller, image)
    _wait_rolled_out(server, changed, replicas)


def _scale_to_zero(server: Server) -> None:
    with server.caller() as caller:
        changed = _patch(caller, {"spec": {"replicas": 0}})
        _wait_rolled_out(server, changed, 0)
        while orjson.loads(caller.get(f"{PODS}?limit=1&labelSelector=app%3Dweb"))["items"]:
            time.sleep(0.005)


def _patch(caller: Caller, patch: Mapping[str, Any]) -> Any:
    return caller.call("PATCH", f"{DEPLOYMENTS}/web", patch, "application/strategic-merge-patch+json")


def _wait_rolled_out(server: Server, obj: Any, replicas: int) -> None:
    """Watch the Deployment until its status says that all replicas are of this generation and Ready."""
    generation, revision = obj["metadata"]["generation"], obj["metadata"]["resourceVersion"]
    with server.caller() as caller:
        path = f"{DEPLOYMENTS}?watch=1&fieldSelector=metadata.name%3Dweb&resourceVersion={revision}"
        for event in caller.watch(path):
            status = event["object"].get("status", {})
            if status.get("observedGeneration", 0) >= generation and all(
                status.get(field, 0) == replicas
                for field in ("replicas", "updatedReplicas", "readyReplicas", "availableReplicas")
            ):
                return
