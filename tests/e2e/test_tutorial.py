"""Every step of the tutorial about Pods, ReplicaSets and Deployments, on real processes, with kubectl and with podium.

The tests of a class build on one another, in order, as the tutorial's pages do.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import psutil
import pytest

from tests.e2e.cluster import ROOT, Driver, Server, is_ready, ready, server

Tree = dict[str, Any]
PODS = "/api/v1/namespaces/default/pods"
DEPLOYMENTS = "/apis/apps/v1/namespaces/default/deployments"
REPLICA_SETS = "/apis/apps/v1/namespaces/default/replicasets"
MANIFESTS = ROOT / "src" / "podium" / "cli" / "demo"
POD = """
apiVersion: v1
kind: Pod
metadata:
  name: alone
  labels: {app: alone}
spec:
  containers:
  - name: flaskapp
    image: sakuragaara/flaskapp:v1
"""

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="class", params=["kubectl", "podium"])
def program(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="class")
def cluster(program: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with server(tmp_path_factory.mktemp(program)) as started:
        yield started


@pytest.fixture(scope="class")
def run(cluster: Server, program: str) -> Driver:
    return cluster.driver(program)


def pods_of(cluster: Server, app: str, count: int) -> list[Tree]:
    """Just that many Ready Pods with the label, and no others that are not ending."""

    def there(found: dict[str, Tree]) -> bool:
        alive = [pod for pod in found.values() if not pod["metadata"].get("deletionTimestamp")]
        return len(ready(found)) == count == len(alive)

    return ready(cluster.until(PODS, there, labelSelector=f"app={app}"))


def process_of(pod: Tree) -> psutil.Process:
    """The app's own process in a Pod, found by the host name that it was given."""
    for process in psutil.process_iter():
        try:
            environment = process.environ()
            if environment.get("HOSTNAME") == pod["metadata"]["name"] and not _children_in(process, pod):
                return process
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    raise AssertionError(f"no process for {pod['metadata']['name']}")


def _children_in(process: psutil.Process, pod: Tree) -> list[psutil.Process]:
    return [child for child in process.children() if child.environ().get("HOSTNAME") == pod["metadata"]["name"]]


class TestPods:
    def test_a_bare_pod_runs_and_stays_deleted(self, cluster: Server, run: Driver) -> None:
        assert run("create -f -", stdin=POD) == "pod/alone created\n"
        run("wait pod/alone --for=condition=Ready --timeout=120s")
        assert "alone" in run("get pods")
        assert re.match(r"pod \"alone\" deleted", run("delete pod alone"))
        assert 'pods "alone" not found' in run.fails("get pod alone")
        # Whatever the controllers had to do about it is done when a later object has been acted on.
        run("create -f -", stdin=POD.replace("alone", "later"))
        run("wait pod/later --for=condition=Ready --timeout=120s")
        assert [pod["metadata"]["name"] for pod in cluster.objects(PODS)] == ["later"]
        run("delete pod later")


class TestReplicaSets:
    def test_create_and_see(self, cluster: Server, run: Driver) -> None:
        assert "ReplicaSet ensures that a specified number" in run("explain ReplicaSet")
        assert "replicas" in run("explain rs.spec")
        run("create -f", str(MANIFESTS / "replicaset.yaml"))
        pods = pods_of(cluster, "myapp", 2)
        assert all(pod["metadata"]["labels"]["ifram"] == "flask" for pod in pods)
        assert len({pod["status"]["podIP"] for pod in pods}) == 2, "both listen on port 5000, each on its own address"
        run("wait rs/myapp --for=jsonpath={.status.readyReplicas}=2 --timeout=120s")
        assert re.search(r"NAME +DESIRED +CURRENT +READY +AGE\nmyapp +2 +2 +2 ", run("get rs"))
        assert "sakuragaara/flaskapp:v1" in run("get replicaset myapp -o wide")

    def test_the_app_answers_on_its_port(self, cluster: Server, run: Driver) -> None:
        for pod in pods_of(cluster, "myapp", 2):
            run(f"wait pod/{pod['metadata']['name']} --for=condition=Ready --timeout=120s")
            assert "v1" in cluster.fetch(pod)

    def test_a_deleted_replica_comes_back(self, cluster: Server, run: Driver) -> None:
        first, second = pods_of(cluster, "myapp", 2)
        run(f"delete pod {first['metadata']['name']}")
        names = {pod["metadata"]["name"] for pod in pods_of(cluster, "myapp", 2)}
        assert second["metadata"]["name"] in names
        assert first["metadata"]["name"] not in names

    def test_a_crashed_process_restarts(self, cluster: Server, run: Driver) -> None:
        name = pods_of(cluster, "myapp", 2)[0]["metadata"]["name"]
        process_of(cluster.objects(PODS, fieldSelector=f"metadata.name={name}")[0]).kill()
        after = cluster.until(
            PODS,
            lambda found: is_ready(found[name]) and found[name]["status"]["containerStatuses"][0]["restartCount"] == 1,
            fieldSelector=f"metadata.name={name}",
        )[name]
        ended = after["status"]["containerStatuses"][0]["lastState"]["terminated"]
        assert (ended["exitCode"], ended["reason"]) == (137, "Error")
        assert "1 (" in run(f"get pod {name}")

    def test_a_label_pulls_a_pod_out(self, cluster: Server, run: Driver) -> None:
        pulled = pods_of(cluster, "myapp", 2)[0]["metadata"]["name"]
        assert run(f"label pod {pulled} app=debug --overwrite") == f"pod/{pulled} labeled\n"
        names = {pod["metadata"]["name"] for pod in pods_of(cluster, "myapp", 2)}
        assert pulled not in names
        assert not pods_of(cluster, "debug", 1)[0]["metadata"].get("ownerReferences")
        # Taken back in, there is one too many: it is adopted, and one of the three goes.
        run(f"label pod {pulled} app=myapp --overwrite")
        assert len(pods_of(cluster, "myapp", 2)) == 2

    def test_editing_changes_the_number_but_not_the_pods(self, cluster: Server, run: Driver) -> None:
        before = {pod["metadata"]["name"] for pod in pods_of(cluster, "myapp", 2)}
        editor = {"KUBE_EDITOR": "sed -i -e s/replicas:.2$/replicas:\\ 3/ -e s/flaskapp:v1/flaskapp:v2/"}
        assert run("edit rs myapp", env=editor) == "replicaset.apps/myapp edited\n"
        pods = {pod["metadata"]["name"]: pod for pod in pods_of(cluster, "myapp", 3)}
        images = {name: pod["spec"]["containers"][0]["image"] for name, pod in pods.items()}
        assert {images[name] for name in before} == {"sakuragaara/flaskapp:v1"}
        assert [images[name] for name in images if name not in before] == ["sakuragaara/flaskapp:v2"]
        # By hand then: what is deleted comes back from the new template.
        run(f"delete pod {min(before)}")
        later = pods_of(cluster, "myapp", 3)
        assert sorted(pod["spec"]["containers"][0]["image"][-2:] for pod in later) == ["v1", "v2", "v2"]

    def test_scale_down_and_delete(self, cluster: Server, run: Driver) -> None:
        assert run("scale rs myapp --replicas=1") == "replicaset.apps/myapp scaled\n"
        pods_of(cluster, "myapp", 1)
        run("delete rs myapp")
        cluster.until(PODS, lambda found: not found, labelSelector="app=myapp")


class TestDeployments:
    def test_apply_and_see(self, cluster: Server, run: Driver) -> None:
        manifest = MANIFESTS / "flask-deploy.yaml"
        assert run(f"apply -f {manifest} --record") == "deployment.apps/flask-deploy created\n"
        assert "successfully rolled out" in run("rollout status deployment flask-deploy --timeout=120s")
        assert re.search(r"flask-deploy +2/2 +2 +2 ", run("get deploy"))
        assert re.search(r"flask-deploy-\w+ +2 +2 +2 ", run("get rs"))
        assert run(f"apply -f {manifest} --record") in (
            "deployment.apps/flask-deploy unchanged\n",
            "deployment.apps/flask-deploy configured\n",
        )
        assert all("v1" in cluster.fetch(pod) for pod in pods_of(cluster, "flask", 2))

    def test_more_replicas(self, cluster: Server, run: Driver) -> None:
        assert run("scale deployment flask-deploy --replicas=3") == "deployment.apps/flask-deploy scaled\n"
        pods_of(cluster, "flask", 3)

    def test_another_image_keeps_the_old_replica_set(self, cluster: Server, run: Driver) -> None:
        line = "set image deployment/flask-deploy flask-container=sakuragaara/flaskapp:v2 --record"
        assert run(line) == "deployment.apps/flask-deploy image updated\n"
        run("rollout status deployment flask-deploy --timeout=120s")
        assert all("v2" in cluster.fetch(pod) for pod in pods_of(cluster, "flask", 3))
        rows = run("get rs -o wide").splitlines()[1:]
        assert sorted((row.split()[1], row.split()[6].rpartition(":")[2]) for row in rows) == [("0", "v1"), ("3", "v2")]

    def test_history_and_undo(self, cluster: Server, run: Driver, program: str) -> None:
        history = run("rollout history deployment flask-deploy")
        assert re.search(r"^1 .*apply", history, re.MULTILINE)
        assert re.search(r"^2 .*set image", history, re.MULTILINE)
        if program == "podium":
            assert re.search(r"^2 +20\d\d-.* +sakuragaara/flaskapp:v2 +podium set image", history, re.MULTILINE)
        assert "flaskapp:v1" in run("rollout history deployment flask-deploy --revision=1")
        undone = run("rollout undo deployment flask-deploy --to-revision=1")
        assert undone == "deployment.apps/flask-deploy rolled back\n"
        run("rollout status deployment flask-deploy --timeout=120s")
        assert all("v1" in cluster.fetch(pod) for pod in pods_of(cluster, "flask", 3))
        after = run("rollout history deployment flask-deploy")
        assert [line.split()[0] for line in after.splitlines() if line[:1].isdigit()] == ["2", "3"]

    def test_patching_replicas(self, cluster: Server, run: Driver) -> None:
        patch = json.dumps({"spec": {"replicas": 5}})
        assert run("patch deployment flask-deploy -p", patch) == "deployment.apps/flask-deploy patched\n"
        pods_of(cluster, "flask", 5)

    def test_canary_pause_in_the_middle_and_resume(self, cluster: Server, run: Driver) -> None:
        # However late the pause comes: until it, nobody counts as available, so that nothing but the canary is made.
        held = {"rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}
        run("patch deploy flask-deploy -p", json.dumps({"spec": {"strategy": held, "minReadySeconds": 500}}))
        described = run("describe deployment flask-deploy")
        assert "0 max unavailable, 1 max surge" in described
        assert "MinReadySeconds:        500" in described
        run("set image deployment/flask-deploy flask-container=sakuragaara/flaskapp:v2")
        assert run("rollout pause deployment flask-deploy") == "deployment.apps/flask-deploy paused\n"
        six = pods_of(cluster, "flask", 6)
        assert sorted(cluster.fetch(pod).count("v2") > 0 for pod in six) == [False] * 5 + [True], (
            "one canary beside five"
        )
        run("patch deploy flask-deploy -p", json.dumps({"spec": {"minReadySeconds": 0}}))
        state = cluster.until(
            DEPLOYMENTS,
            lambda found: (
                (found["flask-deploy"]["status"].get("availableReplicas") or 0) > 0
                and "DeploymentPaused" in json.dumps(found["flask-deploy"]["status"]["conditions"])
            ),
        )["flask-deploy"]["status"]
        assert (state["replicas"], state["updatedReplicas"]) == (6, 1), (
            "paused: nothing moves although the canary is available"
        )
        assert run("rollout resume deployment flask-deploy") == "deployment.apps/flask-deploy resumed\n"
        run("rollout status deployment flask-deploy --timeout=120s")
        assert all("v2" in cluster.fetch(pod) for pod in pods_of(cluster, "flask", 5))

    def test_a_bad_image_never_takes_availability_below_what_was_promised(self, cluster: Server, run: Driver) -> None:
        before = {pod["metadata"]["uid"] for pod in pods_of(cluster, "flask", 5)}
        run("set image deployment/flask-deploy flask-container=sakuragaara/flaskapp:does-not-exist")
        found = cluster.until(
            PODS,
            lambda found: any("ImagePull" in json.dumps(pod["status"]) for pod in found.values()),
            labelSelector="app=flask",
        )
        assert {pod["metadata"]["uid"] for pod in ready(found)} == before
        assert re.search(r"0/1 +(ErrImagePull|ImagePullBackOff)", run("get pods"))
        state = cluster.objects(DEPLOYMENTS)[0]["status"]
        assert state["availableReplicas"] == 5
        run("rollout undo deployment flask-deploy")
        run("rollout status deployment flask-deploy --timeout=120s")
        assert {pod["metadata"]["uid"] for pod in pods_of(cluster, "flask", 5)} == before

    def test_restart_replaces_every_pod(self, cluster: Server, run: Driver) -> None:
        before = {pod["metadata"]["uid"] for pod in pods_of(cluster, "flask", 5)}
        assert run("rollout restart deployment/flask-deploy") == "deployment.apps/flask-deploy restarted\n"
        run("rollout status deployment flask-deploy --timeout=120s")
        assert not before & {pod["metadata"]["uid"] for pod in pods_of(cluster, "flask", 5)}

    def test_what_describe_and_logs_show(self, cluster: Server, run: Driver) -> None:
        events = run("describe deployment flask-deploy")
        assert "ScalingReplicaSet" in events
        assert re.search(r"NewReplicaSet: +flask-deploy-\w+ \(5/5 replicas created\)", events)
        name = pods_of(cluster, "flask", 5)[0]["metadata"]["name"]
        described = run(f"describe pod {name}")
        for text in ("Liveness:", "http-get http://:5000/index delay=10s timeout=5s", "Controlled By:", "Scheduled"):
            assert text in described
        pod = cluster.objects(PODS, fieldSelector=f"metadata.name={name}")[0]
        cluster.fetch(pod)
        cluster.says(pod, b"GET /index")
        assert "GET /index" in run(f"logs {name}")

    def test_run_makes_a_deployment(self, cluster: Server, run: Driver, program: str) -> None:
        if program == "kubectl":
            run("create deployment web --image=sakuragaara/flaskapp:v1 --replicas=2 --port=5000")
            app = "app"
        else:
            line = "run web --image=sakuragaara/flaskapp:v1 --replicas=2 --port=5000"
            assert run(line) == "deployment.apps/web created\n"
            app = "run"
        run("rollout status deployment/web --timeout=120s")
        assert len(cluster.objects(PODS, labelSelector=f"{app}=web")) == 2
        run("delete deployment web")
        cluster.until(PODS, lambda found: not found, labelSelector=f"{app}=web")

    def test_deleting_it_deletes_all_that_is_its(self, cluster: Server, run: Driver) -> None:
        run("delete deployment flask-deploy")
        cluster.until(REPLICA_SETS, lambda found: not found)
        cluster.until(PODS, lambda found: not found)
