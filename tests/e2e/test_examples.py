"""The examples do what they say, with real processes on two nodes."""

from __future__ import annotations

import json
import os
import shutil
import socket
import sqlite3
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest

from podium.agent.runtimes.process.network import can_isolate
from tests.e2e.cluster import PATIENCE, ROOT, Driver, Server, answer, ready, server

Tree = dict[str, Any]
EXAMPLES = ROOT / "examples"
PODS = "/api/v1/namespaces/default/pods"
DEPLOYMENTS = "/apis/apps/v1/namespaces/default/deployments"
JOBS = "/apis/batch/v1/namespaces/default/jobs"
API_SERVICES = "/apis/apiregistration.k8s.io/v1/apiservices"
CLAIMS = "/api/v1/namespaces/default/persistentvolumeclaims"

pytestmark = [pytest.mark.e2e, pytest.mark.root]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    if problem := can_isolate():
        pytest.skip(f"needs network namespaces: {problem}")
    environment = {"PODIUM_IMAGES": str(EXAMPLES / "images.yaml")}
    with server(tmp_path_factory.mktemp("examples"), nodes=2, environment=environment) as started:
        yield started


@pytest.fixture(scope="module")
def podium(cluster: Server) -> Driver:
    return cluster.driver("podium")


def conditions(job: Tree) -> set[str]:
    return {entry["type"] for entry in job["status"].get("conditions", ()) if entry["status"] == "True"}


def disk(cluster: Server, claim: str) -> Path:
    """The folder of the machine that a claim stands for."""
    found = cluster.objects(CLAIMS, fieldSelector=f"metadata.name={claim}")
    with cluster.api as api:
        volume = api.tree("GET", f"/api/v1/persistentvolumes/{found[0]['spec']['volumeName']}")
    source = volume["spec"].get("hostPath") or volume["spec"]["local"]
    return Path(source["path"])


def test_a_log_collector_on_every_node(cluster: Server, podium: Driver, tmp_path: Path) -> None:
    manifest = (EXAMPLES / "log-collector.yaml").read_text().replace("/tmp/podium-examples", str(tmp_path))
    for node in ("node-1", "node-2"):
        (tmp_path / "nodes" / node / "collected").mkdir(parents=True)
        os.mkfifo(tmp_path / "nodes" / node / "collected" / "shops.log")
    podium("apply -f -", stdin=manifest)
    for node in ("node-1", "node-2"):
        with (tmp_path / "nodes" / node / "collected" / "shops.log").open() as collected:
            where, pod, what = collected.readline().split(" ", 2)
        assert where == node
        assert what.startswith("order ")
        assert pod in {entry["metadata"]["name"] for entry in cluster.objects(PODS, labelSelector="app=shop")}
    podium("delete -f -", stdin=manifest)


def test_a_batch_in_parts(cluster: Server, podium: Driver) -> None:
    podium("apply -f", str(EXAMPLES / "batch.yaml"))
    jobs = cluster.until(JOBS, lambda found: "Complete" in conditions(found["primes"]))
    assert jobs["primes"]["status"]["completedIndexes"] == "0-3"
    parts = [int((disk(cluster, "primes") / f"part-{index}").read_text()) for index in range(4)]
    assert sum(parts) == 9592
    podium("delete -f", str(EXAMPLES / "batch.yaml"))


def test_members_find_each_other(cluster: Server, podium: Driver) -> None:
    podium("apply -f", str(EXAMPLES / "members.yaml"))
    pods = cluster.until(PODS, lambda found: len(ready(found)) == 3, labelSelector="app=member")
    everybody = ["member-0", "member-1", "member-2"]
    assert sorted(pods) == everybody
    for name, pod in pods.items():
        assert json.loads(answer(pod, "/met", 8080)) == everybody
        assert (disk(cluster, f"disk-{name}") / "met").read_text().split() == everybody
    podium("delete -f", str(EXAMPLES / "members.yaml"))


def test_a_database_is_backed_up(cluster: Server, podium: Driver) -> None:
    podium("apply -f", str(EXAMPLES / "database-backup.yaml"))
    cluster.until(PODS, lambda found: len(ready(found)) == 1, labelSelector="app=orders")
    for name in ("first", "second"):
        podium(f"create job {name} --from=cronjob/database-backup")
        cluster.until(JOBS, lambda found, job=name: "Complete" in conditions(found[job]))  # type: ignore[misc]
    backups = sorted(disk(cluster, "backups").iterdir())
    assert len(backups) == 2
    with sqlite3.connect(backups[-1]) as backup:
        (orders,) = backup.execute("SELECT count(*) FROM orders").fetchone()
    assert f"{backups[-1].name}: {orders} orders" in podium("logs job/second")
    backup.close()
    podium("delete -f", str(EXAMPLES / "database-backup.yaml"))


def page(address: str) -> str:
    """What is served there, as soon as the Service leads to it: its endpoints follow its Pods."""
    started = time.monotonic()
    while True:
        try:
            with urlopen(address, timeout=PATIENCE) as found:
                text: str = found.read().decode()
                return text
        except OSError:
            if time.monotonic() > started + PATIENCE:
                raise


@contextmanager
def visitors(address: str, count: int) -> Iterator[None]:
    """Ask for one page after the other, that many at a time."""
    enough = threading.Event()

    def visit() -> None:
        while not enough.is_set():
            page(address)

    with ThreadPoolExecutor(count) as pool:
        going = [pool.submit(visit) for _ in range(count)]
        try:
            yield
        finally:
            enough.set()
        for one in going:
            one.result()


def test_a_web_server_grows_with_its_work(cluster: Server, podium: Driver) -> None:
    podium("apply -f", str(EXAMPLES / "autoscaled-web.yaml"))
    cluster.until(PODS, lambda found: len(ready(found)) == 1, labelSelector="app=web")
    with cluster.api as api:
        port = api.tree("GET", "/api/v1/namespaces/default/services/web")["spec"]["ports"][0]["nodePort"]
    address = f"http://127.0.0.1:{port}/"
    assert page(address).startswith("web-")
    with visitors(address, 2):
        cluster.until(DEPLOYMENTS, lambda found: found["web"]["spec"]["replicas"] > 1)
        cluster.until(PODS, lambda found: len(ready(found)) > 1, labelSelector="app=web")
    podium("delete -f", str(EXAMPLES / "autoscaled-web.yaml"))


@contextmanager
def people(address: tuple[str, int], count: int) -> Iterator[None]:
    """So many of them come to the chat and stay."""
    with ExitStack() as stack:
        for _ in range(count):
            one = stack.enter_context(socket.create_connection(address, timeout=PATIENCE))
            one.sendall(b"GET / HTTP/1.1\r\nHost: chat\r\n\r\n")
            said = stack.enter_context(one.makefile("rb"))
            assert b"200" in said.readline()
            while not said.readline().startswith(b"chat-"):  # who is told who is there has been counted
                continue
        yield


def is_available(service: Tree) -> bool:
    found = (service.get("status") or {}).get("conditions") or ()
    return any((each["type"], each["status"], each["reason"]) == ("Available", "True", "Passed") for each in found)


@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl")
def test_a_chat_grows_by_figures_of_its_own(cluster: Server, podium: Driver, tmp_path: Path) -> None:
    """An API server behind the cluster's own, seen by stock kubectl and by the autoscaler."""
    kubectl = cluster.driver("kubectl")
    office = tmp_path / "ticket-office"
    office.mkdir()
    (office / "guests").write_text("0")
    manifest = (EXAMPLES / "chat-with-metrics.yaml").read_text().replace("/tmp/podium-examples", str(tmp_path))
    podium("apply -f -", stdin=manifest)
    names = ("v1beta1.external.metrics.k8s.io", "v1beta2.custom.metrics.k8s.io")
    cluster.until(API_SERVICES, lambda found: all(is_available(found[name]) for name in names))
    listed = {line.split()[0]: line.split()[1:3] for line in kubectl("get apiservices").splitlines()}
    assert [listed[name] for name in names] == [["kube-system/metrics-adapter", "True"]] * 2
    assert listed["v1.apps"] == ["Local", "True"]
    assert "pods/people" in kubectl("get --raw /apis/custom.metrics.k8s.io/v1beta2")

    (chat,) = ready(cluster.until(PODS, lambda found: len(ready(found)) == 1, labelSelector="app=chat"))
    with cluster.api as api:
        port = api.tree("GET", "/api/v1/namespaces/default/services/chat")["spec"]["ports"][0]["nodePort"]
    with people(("127.0.0.1", port), 4):
        metric = "/apis/custom.metrics.k8s.io/v1beta2/namespaces/default/pods/*/people?labelSelector=app%3Dchat"
        counted = {
            item["describedObject"]["name"]: int(item["value"])
            for item in json.loads(kubectl("get --raw", metric))["items"]
        }
        assert chat["metadata"]["name"] in counted
        assert sum(counted.values()) == 4, "there may already be a second one that some of them have come to"
        cluster.until(DEPLOYMENTS, lambda found: found["chat"]["spec"]["replicas"] == 2)
        (office / "guests").write_text("6")
        (item,) = json.loads(kubectl("get --raw /apis/external.metrics.k8s.io/v1beta1/namespaces/default/guests"))[
            "items"
        ]
        assert (item["metricName"], item["value"]) == ("guests", "6")
        cluster.until(DEPLOYMENTS, lambda found: found["chat"]["spec"]["replicas"] == 3)
        cluster.until(PODS, lambda found: len(ready(found)) == 3, labelSelector="app=chat")
    missing = kubectl.fails("get --raw /apis/external.metrics.k8s.io/v1beta1/namespaces/default/nothing")
    assert "NotFound" in missing
    podium("delete -f -", stdin=manifest)
    assert "NotFound" in kubectl.fails("get --raw /apis/custom.metrics.k8s.io/v1beta2")
