"""Many workloads of every kind on one cluster, and many Pods on many nodes."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import orjson

from bench.objects import NAMESPACE, workload
from bench.server import Server
from bench.targets import Figure
from bench.wire import request

IDLE_SECONDS = 30.0
KINDS = {
    "Deployment": ("/apis/apps/v1", "deployments"),
    "StatefulSet": ("/apis/apps/v1", "statefulsets"),
    "DaemonSet": ("/apis/apps/v1", "daemonsets"),
    "Job": ("/apis/batch/v1", "jobs"),
    "CronJob": ("/apis/batch/v1", "cronjobs"),
}


def many_pods(quick: bool) -> Iterator[Figure]:
    """10,000 Pods on 1,000 simulated nodes, in ten Deployments."""
    nodes, each = (100, 100) if quick else (1000, 1000)
    with Server(nodes=nodes) as server:
        server.wait_account()
        server.wait_nodes()
        cpu, begin = server.cpu(), time.perf_counter()
        _create(server, [workload("Deployment", f"web-{i}", each) for i in range(10)])
        _wait_all(server, "Deployment", 10)
        seconds = time.perf_counter() - begin
        yield "pods-10000", seconds, f"server {server.cpu() - cpu:.1f} s of CPU"
        yield "pods-10000-rate", 10 * each / seconds, ""
        yield "pods-10000-memory", server.memory(), ""


def fleet(quick: bool) -> Iterator[Figure]:
    """600 Deployments, 100 StatefulSets, 100 DaemonSets, 300 Jobs and 300 CronJobs on 50 simulated nodes."""
    share = 10 if quick else 1
    counts = {"Deployment": 600, "StatefulSet": 100, "DaemonSet": 100, "Job": 300, "CronJob": 300}
    with Server(nodes=50 // share) as server:
        server.wait_account()
        server.wait_nodes()
        cpu, begin = server.cpu(), time.perf_counter()
        for kind, count in counts.items():
            _create(server, [workload(kind, f"{kind.lower()}-{i}", 2) for i in range(count // share)])
        for kind, count in counts.items():
            if kind != "CronJob":  # which are due only in the middle of the night
                _wait_all(server, kind, count // share)
        yield "fleet", time.perf_counter() - begin, f"server {server.cpu() - cpu:.1f} s of CPU"
        time.sleep(1 if quick else 10)  # Events and the last status writes
        cpu, begin = server.cpu(), time.perf_counter()
        time.sleep(2 if quick else IDLE_SECONDS)
        yield "fleet-idle", (server.cpu() - cpu) / (time.perf_counter() - begin) * 100, ""
        yield "fleet-memory", server.memory(), ""


def _create(server: Server, objects: list[dict[str, Any]]) -> None:
    with server.caller() as caller:
        for obj in objects:
            root, plural = KINDS[obj["kind"]]
            caller.exchange(request("POST", f"{root}/namespaces/{NAMESPACE}/{plural}", orjson.dumps(obj)))


def _wait_all(server: Server, kind: str, count: int) -> None:
    """Watch until so many objects of a kind say that they are done."""
    root, plural = KINDS[kind]
    done: set[str] = set()
    with server.caller() as caller:
        for event in caller.watch(f"{root}/namespaces/{NAMESPACE}/{plural}?watch=1"):
            obj = event["object"]
            if IS_DONE[kind](obj.get("spec", {}), obj.get("status", {})):
                done.add(obj["metadata"]["name"])
            if len(done) == count:
                return


IS_DONE: dict[str, Callable[[dict[str, Any], dict[str, Any]], bool]] = {
    "Deployment": lambda spec, status: status.get("availableReplicas", 0) == spec["replicas"],
    "StatefulSet": lambda spec, status: status.get("availableReplicas", 0) == spec["replicas"],
    "DaemonSet": lambda _spec, status: status.get("numberAvailable", 0) == status.get("desiredNumberScheduled") != 0,
    "Job": lambda spec, status: status.get("succeeded", 0) == spec["completions"],
}
