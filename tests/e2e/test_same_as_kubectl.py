"""podium's output is kubectl's, to the letter, wherever the two show the same thing."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.cluster import Server, server

pytestmark = pytest.mark.e2e
HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Simulated nodes with an object of every kind that has a description of its own, all at rest."""
    with server(tmp_path_factory.mktemp("same"), runtime="simulated", nodes=2) as started:
        run = started.driver("podium")
        run(f"apply -f {HERE / 'every_kind.yaml'}")
        run("create deployment web --image=web:1 --replicas=2 --port=80")
        run("rollout status deployment/web --timeout=120s")
        run("rollout status daemonset/logs --timeout=120s")
        run("rollout status statefulset/db --timeout=120s")
        run("wait job/once --for=condition=Complete --timeout=120s")
        run("wait rc/rc --for=jsonpath={.status.readyReplicas}=1 --timeout=120s")
        run("wait pdb/db --for=jsonpath={.status.currentHealthy}=2 --timeout=120s")
        run("wait ep/db --for=jsonpath={.subsets[0].addresses[1].ip} --timeout=120s")
        run("wait quota/q --for=jsonpath={.status.used.pods}=7 --timeout=120s")
        yield started


AGE = re.compile(r"\b\d+[smhd](\d+[smh])?\b *")
HEARTBEAT = re.compile(r"((?:RenewTime:|True|False) +)\w{3}, .*? \+0000")


def shown(text: str) -> list[str]:
    """Lines without what depends on the moment: ages, how wide they make their column, and a node's last heartbeats."""
    return [HEARTBEAT.sub(r"\1NOW", AGE.sub("AGE ", line)).rstrip() for line in text.rstrip().splitlines()]


def assert_same(cluster: Server, line: str) -> None:
    ours, theirs = (shown(cluster.driver(program)(line)) for program in ("podium", "kubectl"))
    assert ours == theirs, "\n".join(difflib.unified_diff(theirs, ours, "kubectl", "podium", lineterm=""))


@pytest.mark.parametrize(
    "what",
    [
        "deploy/web",
        "rs",
        "ds/logs",
        "sts/db",
        "rc/rc",
        "job/once",
        "cronjob/nightly",
        "pdb/db",
        "quota/q",
        "limits/lr",
        "cm/cm",
        "secret/sec",
        "svc/kubernetes",
        "pvc/data-db-0",
        "pv",
        "sc/standard",
        "pc/high",
        "ep/db",
        "ep/kubernetes",
        "endpointslices -l kubernetes.io/service-name=db",
        "cm/kube-root-ca.crt",
        "pods -l app=logs",
        "node/node-1",
        "ns/default",
        "sa/default",
    ],
)
def test_describe(cluster: Server, what: str) -> None:
    assert_same(cluster, f"describe {what}")


@pytest.mark.parametrize(
    "line",
    [
        "get pods",
        "get pods -o wide",
        "get pods --show-labels",
        "get pods -L app",
        "get pods -A --no-headers",
        "get pods --sort-by=.metadata.name",
        "get pods --field-selector status.phase=Running",
        "get pods -l app=logs -o name",
        "get pods -o jsonpath={.items[*].metadata.name}",
        "get pods -o custom-columns=A:.metadata.name,B:.status.phase,C:.spec.nothing",
        "get all",
        "get nodes -o wide",
        "get ds,sts,job,cj,rc,pdb,quota,limits",
        "get deploy/web -o yaml",
        "get deploy/web -o json",
        "get svc db -o yaml",
        "get deploy,rs -o yaml",
        "get sa,secrets,cm -A",
        "get endpointslices,ep",
        "get priorityclasses",
        "get ing",
        "api-resources",
        "api-resources -o name",
        "api-resources --namespaced=false --no-headers",
        "explain deployment",
        "explain deploy.spec.replicas",
        "explain ds.spec.updateStrategy",
        "explain pods.spec.containers",
        "explain pods.spec.containers --recursive",
        "rollout status deployment/web",
        "rollout status daemonset/logs",
        "rollout status statefulset/db",
        "rollout status ds",
        "rollout history sts/db -o name",
        "rollout history sts/db --revision=1 -o jsonpath={.kind}/{.metadata.name}",
        "get pods --request-timeout=30s --no-headers",
        "top pods --sum -l app=logs",
        "drain node-1 --ignore-daemonsets --force --delete-emptydir-data --dry-run=client",
    ],
)
def test_show(cluster: Server, line: str) -> None:
    assert_same(cluster, line)


@pytest.mark.parametrize(
    "line",
    [
        "rollout status rc/rc",
        "rollout history rc/rc",
        "rollout undo rc/rc",
        "rollout restart rc/rc",
        "rollout pause ds/logs",
        "rollout resume sts/db",
        "rollout history ds/logs --revision=77",
        "rollout history",
        "autoscale deploy nosuch --max=3",
        "autoscale ds/logs --max=3",
        "autoscale svc/db --max=3",
        "expose ds/logs --port=80",
        "expose cm/cm --port=80",
        "scale deploy/web",
        "top pods nosuch",
        "get pods --request-timeout=soon",
        f"create -f {HERE / 'every_kind.yaml'}",
    ],
)
def test_failures_have_the_same_words(cluster: Server, line: str) -> None:
    ours, theirs = (shown(cluster.driver(program).fails(line)) for program in ("podium", "kubectl"))
    assert ours == theirs


@pytest.mark.parametrize(
    "line",
    [
        "get pods nosuch",
        "get nosuch",
        "get",
        "describe pod nosuch",
        "delete pod nosuch",
        "scale deploy/nosuch --replicas=2",
        "rollout undo deployment/web --to-revision=7",
        "rollout status deployment/nosuch",
        "apply -f nosuch.yaml",
        "label pod nosuch a=b",
        "patch deploy/web -p {{",
        "set image deploy/web nosuch=x",
        "get pods -o nosuch",
        "explain nosuch",
        "explain deploy.spec.nosuch",
    ],
)
def test_failures_fail_with_both(cluster: Server, line: str) -> None:
    """The words may differ where kubectl speaks of itself; that it is an error may not."""
    ours, theirs = (cluster.driver(program).fails(line) for program in ("podium", "kubectl"))
    assert ours.startswith(("error:", "Error from server", "You must specify")), ours
    assert theirs
