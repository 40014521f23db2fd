"""exec, cp, attach and port-forward with stock kubectl and with podium, on the process runtime."""

from __future__ import annotations

import os
import pty
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.request import urlopen

import pytest

from .cluster import PATIENCE, PODIUM, Driver, Server, server

pytestmark = pytest.mark.e2e

MANIFEST = """
apiVersion: v1
kind: Pod
metadata: {name: tool, labels: {app: tool}}
spec:
  terminationGracePeriodSeconds: 0
  containers:
  - name: c
    image: busybox
    env: [{name: GREETING, value: hello}]
    command: [sh, -c, "echo begun; while :; do echo tick; sleep 0.2; done"]
  - {name: flask, image: "sakuragaara/flaskapp:v1", ports: [{name: http, containerPort: 5000}]}
---
apiVersion: v1
kind: Service
metadata: {name: tool}
spec: {selector: {app: tool}, ports: [{name: web, port: 80, targetPort: http}]}
"""
SPDY = {"KUBECTL_REMOTE_COMMAND_WEBSOCKETS": "false", "KUBECTL_PORT_FORWARD_WEBSOCKETS": "false"}


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with server(tmp_path_factory.mktemp("exec")) as started:
        run = started.driver("podium")
        run("apply -f -", stdin=MANIFEST)
        run("wait pod/tool --for=condition=Ready --timeout=120s")
        (pod,) = started.objects("/api/v1/namespaces/default/pods")
        started.says(pod, b"Running on http", "flask")  # Ready comes before the app listens
        yield started


@pytest.fixture(scope="module", params=["kubectl", "kubectl over SPDY", "podium"])
def run(cluster: Server, request: pytest.FixtureRequest) -> Driver:
    driver = cluster.driver("podium" if request.param == "podium" else "kubectl")
    if "SPDY" in request.param:
        driver.env = {**driver.env, **SPDY}
    return driver


def execute(run: Driver, *arguments: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [*run.program, "exec", *arguments], env=run.env, input=stdin, capture_output=True, timeout=PATIENCE, check=False
    )


def test_output_and_exit_code(run: Driver) -> None:
    done = execute(run, "tool", "-c", "c", "--", "sh", "-c", "echo $GREETING; echo oops >&2; exit 3")
    assert (done.returncode, done.stdout) == (3, b"hello\n")
    assert done.stderr.splitlines() == [b"oops", b"command terminated with exit code 3"]
    assert execute(run, "pod/tool", "-c", "c", "--", "true").returncode == 0
    refused = execute(run, "tool", "-c", "none", "--", "true")
    assert (refused.returncode, b"container none is not valid for pod tool" in refused.stderr) == (1, True)


def test_megabytes_in_a_pipeline(run: Driver) -> None:
    data = os.urandom(5 * 1024 * 1024)
    done = execute(run, "-i", "tool", "-c", "c", "--", "cat", stdin=data)
    assert (done.returncode, done.stdout == data) == (0, True)


def test_on_a_terminal(run: Driver) -> None:
    script = 'test -t 0 && echo "type:" && read word && echo "got $word" && exit 4'
    ours, theirs = pty.openpty()
    command = [*run.program, "exec", "-it", "tool", "-c", "c", "--", "sh", "-c", script]
    with subprocess.Popen(command, env=run.env, stdin=theirs, stdout=theirs, stderr=theirs) as process:
        os.close(theirs)
        shown = b""
        while b"type:" not in shown:
            shown += os.read(ours, 1024)
        os.write(ours, b"this\n")
        while b"got this" not in shown:
            shown += os.read(ours, 1024)
        assert process.wait(PATIENCE) == 4
    os.close(ours)


def test_copying_files(run: Driver, tmp_path: Path) -> None:
    (tmp_path / "there" / "sub").mkdir(parents=True)
    (tmp_path / "there" / "data").write_bytes(os.urandom(300_000))
    (tmp_path / "there" / "sub" / "text").write_text("hello")
    inside = tmp_path / "inside"  # the container has the machine's files
    inside.mkdir()
    run(f"cp {tmp_path}/there tool:{inside}/new -c c")
    run(f"cp {tmp_path}/there/data tool:{inside} -c c")
    run(f"cp tool:{inside} {tmp_path}/back -c c")
    for copied in ("new/data", "data"):
        assert (tmp_path / "back" / copied).read_bytes() == (tmp_path / "there" / "data").read_bytes()
    assert (tmp_path / "back" / "new" / "sub" / "text").read_text() == "hello"
    assert "doesn't exist in local filesystem" in run.fails(f"cp {tmp_path}/nosuch tool:/x -c c")


def test_attaching(run: Driver) -> None:
    command = [*run.program, "attach", "tool", "-c", "c"]
    with subprocess.Popen(command, env=run.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        first = process.stdout.readline()
        process.kill()
        assert first == b"tick\n", f"what is written from now on, not what was: {process.communicate()}"


def test_running_attached(run: Driver) -> None:
    """What is typed reaches the new Pod, what it writes comes back, and it is gone in the end."""
    line = "run guest --image=busybox --restart=Never --rm -i -- sh -c 'read word; echo got $word; exit 4'"
    code, output, problems = run.ends(line, stdin="this\n")
    assert (code, output) == (4, 'got this\npod "guest" deleted from default namespace\n')
    assert problems.endswith("pod default/guest terminated (Error)\n")
    assert "not found" in run.fails("get pod guest")


def test_what_an_attached_pod_wrote_before_anybody_looked(cluster: Server) -> None:
    run = cluster.driver("podium")
    line = "run brief --image=busybox --restart=Never --rm --quiet --attach -- echo hello"
    assert run.ends(line) == (0, "hello\n", "")


@contextmanager
def forwarding(run: Driver, *arguments: str) -> Iterator[int]:
    """The local port that a port-forward has chosen."""
    command = [*run.program, "port-forward", *arguments]
    with subprocess.Popen(command, env=run.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        try:
            said = process.stdout.readline().decode()
            found = re.search(r"Forwarding from 127.0.0.1:(\d+) -> 5000", said)
            assert found, said
            yield int(found[1])
        finally:
            process.kill()


@pytest.mark.parametrize("target", [("pod/tool", ":5000"), ("svc/tool", ":80")], ids=["pod", "service"])
def test_a_port(run: Driver, target: tuple[str, str]) -> None:
    with forwarding(run, *target) as port:
        for _ in range(3):
            with urlopen(f"http://127.0.0.1:{port}/index", timeout=PATIENCE) as response:
                assert "v1" in response.read().decode()


def test_help_of_both_verbs() -> None:
    for verb in ("exec", "port-forward"):
        done = subprocess.run([*PODIUM, verb, "--help"], capture_output=True, text=True, timeout=PATIENCE, check=True)
        assert f"Usage: podium {verb}" in done.stdout
