"""kill -9 of the server in the middle of a rolling update: it completes, nothing is lost, leaked or doubled."""

from __future__ import annotations

import json
import os
import signal
import socket
from pathlib import Path

import psutil
import pytest

from podium.cli import data_dir as directory
from tests.e2e.cluster import PATIENCE, Server, Tree, answer, ready, server
from tests.e2e.test_tutorial import MANIFESTS, PODS, pods_of

pytestmark = pytest.mark.e2e


def crash(cluster: Server) -> None:
    pid = cluster.running.pid
    handle = psutil.Process(pid)
    os.kill(pid, signal.SIGKILL)
    psutil.wait_procs([handle], timeout=PATIENCE)


def apps(cluster: Server) -> dict[str, list[psutil.Process]]:
    """The Flask apps that run for each Pod of the cluster, by the host name they were given."""
    found: dict[str, list[psutil.Process]] = {}
    for process in psutil.process_iter():
        try:
            name, line = process.environ().get("HOSTNAME", ""), process.cmdline()
            if not name.startswith("flask-deploy-") or not any("flaskapp" in word for word in line):
                continue
            above = [word for parent in process.parents() for word in parent.cmdline()]
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
        if any(str(cluster.data_dir) in word for word in above):
            found.setdefault(name, []).append(process)
    return found


def stands_in_the_middle(found: dict[str, Tree]) -> bool:
    """One Pod more and one available less than the four that are wanted: three old ones, two new ones."""
    ending = any(pod["metadata"].get("deletionTimestamp") for pod in found.values())
    versions = [pod["spec"]["containers"][0]["image"][-2:] for pod in found.values()]
    return not ending and sorted(versions) == ["v1", "v1", "v1", "v2", "v2"]


def test_kill_minus_nine_in_the_middle_of_a_rolling_update(tmp_path: Path) -> None:
    with server(tmp_path) as cluster:
        run = cluster.driver("podium")
        run(f"apply -f {MANIFESTS / 'flask-deploy.yaml'}")
        run("patch deploy flask-deploy -p", json.dumps({"spec": {"replicas": 4}}))
        run("rollout status deployment flask-deploy --timeout=120s")
        before = {pod["metadata"]["name"]: pod for pod in pods_of(cluster, "flask", 4)}
        assert all("v1" in cluster.fetch(pod) for pod in before.values())
        run("create configmap acknowledged --from-literal=key=value")
        # The update stands in its middle, however late the crash comes: what it makes isn't available for minutes.
        template = {"spec": {"containers": [{"name": "flask-container", "image": "sakuragaara/flaskapp:v2"}]}}
        run("patch deploy flask-deploy -p", json.dumps({"spec": {"minReadySeconds": 500, "template": template}}))
        middle = cluster.until(PODS, stands_in_the_middle, labelSelector="app=flask")
        crash(cluster)
        survivors = before.keys() & middle.keys()
        assert len(survivors) == 3
        assert all("v1" in answer(before[name]) for name in survivors), "Pods go on while the server is away"

        cluster.up()
        run("patch deploy flask-deploy -p", json.dumps({"spec": {"minReadySeconds": 0}}))
        assert run("get configmap acknowledged -o jsonpath={.data.key}") == "value"
        run("rollout status deployment flask-deploy --timeout=120s")
        after = pods_of(cluster, "flask", 4)
        assert all("v2" in cluster.fetch(pod) for pod in after)
        cluster.until(PODS, lambda found: len(found) == 4 == len(ready(found)), labelSelector="app=flask")
        running, names = apps(cluster), {pod["metadata"]["name"] for pod in after}
        assert set(running) >= names
        # A process that has been told to end may take a moment more than its Pod's record.
        ending = [process for name in set(running) - names for process in running[name]]
        _, leaked = psutil.wait_procs(ending, timeout=PATIENCE)
        assert not leaked
        assert len({len(running[name]) for name in names}) == 1, "no process doubled"


def test_down_after_a_crash_ends_what_the_pods_still_run(tmp_path: Path) -> None:
    with server(tmp_path) as cluster:
        run = cluster.driver("podium")
        run(f"apply -f {MANIFESTS / 'flask-deploy.yaml'}")
        run("rollout status deployment flask-deploy --timeout=120s")
        assert all("v1" in cluster.fetch(pod) for pod in pods_of(cluster, "flask", 2))
        crash(cluster)
        left = [process for found in apps(cluster).values() for process in found]
        assert left
        assert "ended 2 containers that a killed server had left" in run(f"down --data-dir {tmp_path}")
        _, alive = psutil.wait_procs(left, timeout=PATIENCE)
        assert not alive


def test_a_second_up_continues_and_says_when_it_is_in_use(tmp_path: Path) -> None:
    with server(tmp_path, runtime="simulated", nodes=2) as cluster:
        run = cluster.driver("podium")
        run("create deployment web --image=web:1 --replicas=3")
        run("rollout status deployment/web --timeout=120s")
        stderr = run.fails(f"up --detach --data-dir {tmp_path}")
        assert "is in use by a running cluster" in stderr
        cluster.down()
        run(f"up --detach --data-dir {tmp_path}")
        run("rollout status deployment/web --timeout=120s")
        status = run(f"status --data-dir {tmp_path}")
        assert "2 of 2 Ready" in status
        assert "simulated" in status


def test_a_port_that_is_taken_is_named(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        cluster = Server(tmp_path)
        stderr = cluster.driver("podium").fails(f"up --detach --runtime simulated --data-dir {tmp_path} --port {port}")
    assert f"port {port} is in use by another program" in stderr
    assert directory.running(tmp_path) is None
