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
        "api-versions",
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
        "get deploy/web ds/logs svc/db",
        "-n=default get pods -o=wide -l=app=logs",
        "get all --no-headers",
        "get ds,sts logs --ignore-not-found",
        "get deploy/web --subresource=scale -o yaml",
        "get deploy/web -o yaml --show-managed-fields",
        "get pods -o custom-columns=NAME:.metadata.name,LABELS:.metadata.labels --no-headers",
        "get ds/logs -o jsonpath={.spec}",
        "explain quota.spec.hard",
        "explain svc.spec.ports.targetPort",
        "api-resources --verbs=list,watch --categories=all",
        "api-resources --namespaced --api-group=apps",
        "cordon node/node-1 --dry-run=client",
        "uncordon nodes/node-1 --dry-run=client",
        "wait job/once --for=condition=Complete -o name",
        "wait job/once --for=condition=Complete -o jsonpath={.apiVersion}/{.kind}",
        "logs svc/db",
        "logs rc/rc",
        "logs -l app=nosuch",
        "drain node-1 --ignore-daemonsets --force --delete-emptydir-data --dry-run=client",
    ],
)
def test_show(cluster: Server, line: str) -> None:
    assert_same(cluster, line)


EDITS = {
    "nobody changes anything": "true",
    "the editor fails": "false",
    "there is no such editor": "no-such-editor",
    "something changes": "sed -i s/one/two/",
}


@pytest.mark.parametrize("editor", EDITS.values(), ids=EDITS)
def test_edit(cluster: Server, editor: str, tmp_path: Path) -> None:
    said = []
    for program in ("podium", "kubectl"):
        run, name = cluster.driver(program), f"{program}-{tmp_path.name.replace('_', '-')}"
        run.env["KUBE_EDITOR"] = editor
        run(f"create cm {name} --from-literal=value=one")
        code, output, problems = run.ends(f"edit cm {name}")
        value = run(f"get cm {name} -o jsonpath={{.data.value}}")
        said.append((code, output.replace(name, "NAME"), problems, value))
    assert said[0] == said[1]


def test_an_edit_that_is_refused_is_kept(cluster: Server) -> None:
    """The editor shows why once more; who gives up then finds a copy of what he typed."""
    run = cluster.driver("podium")
    run("create cm refused --from-literal=value=one")
    run.env["KUBE_EDITOR"] = "sed -i s/value:/va%lue:/"
    said = run.fails("edit cm refused")
    assert 'The ConfigMap "refused" is invalid: data[va%lue]: Invalid value' in said
    copy = Path(said.split('A copy of your changes has been stored to "')[1].split('"')[0])
    assert "va%lue: one" in copy.read_text()
    copy.unlink()


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
        "get pod nosuch -A",
        "get ds,deploy nosuch",
        "get ds logs nosuch -o name",
        "get pods --field-selector=spec.nosuch=x",
        "get pods -l =",
        "get ds/logs -l a=b",
        "delete ds logs --all",
        "delete ds/logs -l a=b",
        "delete ds/logs --all",
        "delete ds --all -l a=b",
        "delete",
        "delete ds nosuch --dry-run=server",
        f"delete --dry-run=server -f {HERE / 'every_kind.yaml'} ds logs",
        "scale ds -l a=b --replicas=1",
        "scale rs/nosuch --replicas=1",
        "scale deploy/web --replicas=-1",
        "set image nosuch=x",
        "wait deploy/nosuch --for=condition=Available",
        "wait deploy/web --for=condition=Nosuch --timeout=0",
        "logs deploy/nosuch",
        "rollout undo ds/logs --to-revision=-1",
        "apply -f /nosuch",
        "apply",
        f"create -f {HERE / 'every_kind.yaml'}",
    ],
)
def test_failures_have_the_same_words(cluster: Server, line: str) -> None:
    ours, theirs = (shown(cluster.driver(program).fails(line)) for program in ("podium", "kubectl"))
    assert ours == theirs


DEPLOYMENT = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, labels: {app: web}}
spec:
  replicas: 1
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, image: "web:1"}, {name: side, image: "side:1"}]}
"""


@pytest.mark.parametrize(
    "story",
    [
        """
        apply -f deployment.yaml
        scale deploy/web --replicas=2 -o name
        scale deploy/web --replicas=3 -o jsonpath={.kind}
        set image deploy/web web=web:2 --dry-run=client -o jsonpath={.spec.template.spec.containers[0].image}
        patch deploy/web -p '{"spec":{"replicas":7}}' --dry-run=client -o jsonpath={.spec.replicas}
        label deploy/web a=b --dry-run=client -o jsonpath={.metadata.labels}
        apply -f deployment.yaml --dry-run=client -o name
        """,
        """
        create cm a
        create cm b
        label cm a b tier=front
        annotate cm a kubernetes.io/change-cause=first
        annotate cm a kubernetes.io/change-cause=second
        annotate cm a note=1
        annotate cm a note=2
        annotate cm a b -o yaml --dry-run=client x=y
        label cm --field-selector=metadata.name=a tier=back --overwrite
        label cm -l tier=nosuch x=y
        label cm a --all extra=1
        get cm -L tier
        get cm -l tier=nosuch
        get cm -l tier=nosuch --ignore-not-found
        delete cm -l tier=nosuch
        delete cm a --cascade=true
        delete cm b --cascade=false
        """,
        """
        create cm c --from-literal=a=b --from-file=deployment.yaml --from-file=key=deployment.yaml -o jsonpath={.data}
        create cm c --from-literal=a=b --from-literal=a=c
        create secret generic s --from-literal=a=b --dry-run=client -o yaml
        create deployment two --image=one:1 --image=two:2 --port=80
        get deploy two -o jsonpath={.spec.template.spec.containers[*].ports}
        create deployment echo --image=busybox -- echo hello
        get deploy echo -o jsonpath={.spec.template.spec.containers[0].command}
        """,
        """
        apply -f 'd*.yaml'
        apply -f lists.yaml
        apply -f lists.yaml -o name
        apply -f lists.yaml,deployment.yaml
        apply -f lists.yaml -o jsonpath={.kind}/{.items[*].metadata.name}
        create -f lists.yaml
        delete -f lists.yaml
        create -f lists.yaml -o yaml --dry-run=server
        delete -f lists.yaml
        create -f empty.yaml
        apply -f noversion.yaml
        """,
        """
        run one --image=web:1 --annotations=a=b --image-pull-policy=Never
        get pod one -o jsonpath={.metadata.annotations.a}{.spec.containers[0].imagePullPolicy}{.spec.containers[0].args}
        run two --image=web:1 --overrides='{"spec":{"nodeName":"node-2","hostname":"two"}}'
        get pod two -o jsonpath={.spec.nodeName}{.spec.hostname}{.spec.containers[0].args}
        expose pod one --port=80,443
        get svc one -o jsonpath={.spec.ports[*].port}
        create deployment a --image=a --replicas=0
        create deployment b --image=b --replicas=0
        expose deploy a --port=80
        expose deploy a b --port=80
        """,
    ],
)
def test_changes(cluster: Server, story: str, tmp_path: Path) -> None:
    """The same commands in two namespaces: the same output, errors and ends."""
    ends = []
    for program in ("podium", "kubectl"):
        place, run = f"{program}-{tmp_path.name.replace('_', '-')}", cluster.driver(program)
        run.folder = tmp_path
        run(f"create namespace {place}")
        for name, text in DOCUMENTS.items():
            (tmp_path / name).write_text(text)
        said = []
        for line in story.strip().splitlines():
            code, output, problems = run.ends(f"-n {place} {line.strip()}")
            texts = (VARYING.sub("", text) for text in (output, problems))
            said += [line.strip(), str(code), *(found for text in texts for found in shown(text))]
        text = "\n".join(said).replace(place, "NAMESPACE").replace(program, "PROGRAM")
        ends.append(text.splitlines())
    ours, theirs = ends
    assert ours == theirs, "\n".join(difflib.unified_diff(theirs, ours, "kubectl", "podium", lineterm="", n=99))


CONFIG_MAP = "{apiVersion: v1, kind: ConfigMap, metadata: {name: %s}}"
DOCUMENTS = {
    "deployment.yaml": DEPLOYMENT,
    "lists.yaml": f"""
{{apiVersion: v1, kind: List, items: [{CONFIG_MAP % "c1"}, {CONFIG_MAP % "c2"}]}}
---
{{apiVersion: v1, kind: ConfigMapList, items: [{CONFIG_MAP % "c3"}]}}
""",
    "empty.yaml": "",
    "noversion.yaml": "{kind: ConfigMap, metadata: {name: x}}",
}
VARYING = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f-]{22}|\d{4}-\d\d-\d\dT[\d:]+Z|(?<=resourceVersion: \")\d+")


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
