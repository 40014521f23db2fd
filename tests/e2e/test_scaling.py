"""top, autoscale and drain, as typed: with stock kubectl and with podium."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.cluster import PATIENCE, Server, Tree, as_soon_as, ready, server

pytestmark = pytest.mark.e2e
PODS = "/api/v1/namespaces/default/pods"
EVENTS = "/api/v1/namespaces/default/events"
DRIVERS = pytest.mark.parametrize("program", ["kubectl", "podium"])

WEB = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata:
      labels: {app: web}
      annotations: {podium.dev/simulate-cpu: 250m, podium.dev/simulate-memory: 64Mi}
    spec:
      containers:
      - {name: web, image: "web:1", resources: {requests: {cpu: 500m}}}
"""
BUDGET = """
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: web}
spec: {maxUnavailable: %s, selector: {matchLabels: {app: web}}}
"""
BURNER = """
apiVersion: v1
kind: Pod
metadata: {name: burner}
spec:
  terminationGracePeriodSeconds: 0
  containers:
  - {name: burn, image: python, command: [python3, -c, "x = bytearray(32 << 20)\\nwhile True: pass"]}
  - {name: idle, image: busybox, command: [sleep, "1000"]}
"""


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with server(tmp_path_factory.mktemp("scaling"), runtime="simulated", nodes=2) as started:
        run = started.driver("podium")
        run("apply -f -", stdin=WEB)
        run("rollout status deployment/web --timeout=120s")
        yield started


@DRIVERS
def test_top(cluster: Server, program: str) -> None:
    run = cluster.driver(program)
    header, *rows = run("top pods -l app=web").splitlines()
    assert header.split() == ["NAME", "CPU(cores)", "MEMORY(bytes)"]
    assert [row.split()[1:] for row in rows] == [["250m", "64Mi"]] * 2
    (row,) = run(f"top pod {rows[0].split()[0]} --containers --no-headers").splitlines()
    assert row.split()[1:] == ["web", "250m", "64Mi"]
    header, *rows = run("top nodes").splitlines()
    assert header.split() == ["NAME", "CPU(cores)", "CPU(%)", "MEMORY(bytes)", "MEMORY(%)"]
    assert [row.split()[0] for row in rows] == ["node-1", "node-2"]
    assert sum(int(row.split()[1].removesuffix("m")) for row in rows) == 500
    assert "NotFound" in run.fails("top pod nosuch")


def test_what_is_used_is_a_table_too(cluster: Server) -> None:
    run = cluster.driver("kubectl")
    header, *rows = run("get podmetrics").splitlines()
    assert header.split() == ["NAME", "CPU", "MEMORY", "WINDOW"]
    assert [row.split()[1:3] for row in rows] == [["250m", "64Mi"]] * 2
    assert run("get pods -o name").startswith("pod/web-"), "Pods come before what they use"


def told_of(event: Tree) -> tuple[str, str, str]:
    about = event["involvedObject"]
    return about["kind"], about["name"], event["reason"]


@DRIVERS
def test_autoscale(cluster: Server, program: str) -> None:
    run = cluster.driver(program)
    name = f"by-{program}"
    run(f"create deployment {name} --image=web:1 --replicas=1")
    assert run(f"autoscale deployment {name} --min=3 --max=5 --cpu=80%").endswith(f"{name} autoscaled\n")
    rescaled = ("HorizontalPodAutoscaler", name, "SuccessfulRescale")
    cluster.until(EVENTS, lambda found: rescaled in [told_of(event) for event in found.values()])
    run(f"wait deployment/{name} --for=jsonpath={{.spec.replicas}}=3 --timeout=120s")
    assert "Current number of replicas below Spec.MinReplicas" in run(f"describe hpa {name}")


@DRIVERS
def test_drain_keeps_the_budget(cluster: Server, program: str) -> None:
    run = cluster.driver(program)
    run("uncordon node-1 node-2")
    cluster.until(PODS, lambda found: len(found) == 2 == len(ready(found)), labelSelector="app=web")
    run("apply -f -", stdin=BUDGET % 0)
    run("wait pdb/web --for=jsonpath={.status.expectedPods}=2 --timeout=120s")
    flags = ("--ignore-daemonsets", "--timeout=120s", "--pod-selector", "app=web")
    drain = [*run.program, "drain", "node-1", "node-2", *flags]
    with subprocess.Popen(drain, env=run.env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as draining:
        assert draining.stdout is not None
        for line in draining.stdout:
            if "Cannot evict pod as it would violate the pod's disruption budget." in line:
                break
        assert len(cluster.objects(PODS, labelSelector="app=web")) == 2
        run("uncordon node-2")
        run("apply -f -", stdin=BUDGET % 1)
        assert "node/node-2 drained" in draining.stdout.read()
        assert draining.wait(PATIENCE) == 0
    assert cluster.objects(PODS, labelSelector="app=web", fieldSelector="spec.nodeName=node-1") == []
    run("delete pdb web")


def test_real_processes(tmp_path: Path) -> None:
    with server(tmp_path, runtime="process") as started:
        run = started.driver("kubectl")
        run("apply -f -", stdin=BURNER)
        run("wait pod/burner --for=condition=Ready --timeout=120s")

        def used() -> dict[str, tuple[int, int]]:
            """Thousandths of a CPU, and MiB."""
            rows = [row.split() for row in run("top pods --containers --no-headers").splitlines()]
            return {name: (int(cpu.removesuffix("m")), int(memory.removesuffix("Mi"))) for _, name, cpu, memory in rows}

        # It does nothing but use CPU, once it has come so far.
        found = as_soon_as(used, lambda found: found["burn"][0] > 50 and found["burn"][1] >= 32)
        assert found["burn"][1] < 100
        assert found["idle"][0] < 50
        as_soon_as(lambda: run("top nodes --no-headers").split()[1], lambda cpu: int(cpu.removesuffix("m")) > 50)
