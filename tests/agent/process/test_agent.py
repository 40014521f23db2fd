"""Pods of a whole cluster on the process runtime."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from podium.agent import choose
from podium.cluster import Cluster
from podium.machinery.errors import BadRequest
from podium.machinery.streams import LogOptions
from podium.models import codec, meta_v1
from podium.models.core_v1 import ConfigMap, ContainerStateWaiting, ContainerStatus, Pod
from podium.store.memory import MemoryStore

from .cluster import events, gone, log_says, when
from .cluster import process_cluster as cluster
from .conftest import DEADLINE, until


@pytest.fixture(autouse=True)
def _loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    """As anyone can run it; namespaces have their own tests."""
    monkeypatch.setattr(choose, "can_isolate", lambda: "not in this test")


async def create(at: Cluster, container: dict[str, Any] | None = None, **spec: Any) -> None:
    """A Pod "p" of one container "c", which sleeps unless told otherwise."""
    full = {"name": "c", "image": "busybox", "command": ["sleep", "1000"], **(container or {})}
    tree = {"metadata": {"name": "p", "namespace": "default"}, "spec": {"containers": [full], **spec}}
    await at.client.create(codec.from_tree(tree, Pod))


async def pod_when(at: Cluster, holds: Callable[[Pod], Any]) -> Pod:
    """The Pod as soon as something holds for it."""
    return await when(at, Pod, "p", holds)


def status(pod: Pod) -> ContainerStatus:
    """Of the container, once there is one."""
    return pod.status.containerStatuses[0] if pod.status.containerStatuses else ContainerStatus()


def reason_to_wait(pod: Pod) -> ContainerStateWaiting:
    """Why the container waits, once it does and somebody has said why."""
    return status(pod).state.waiting or ContainerStateWaiting()


def is_ready(pod: Pod) -> bool:
    return any(c.type == "Ready" and c.status == "True" for c in pod.status.conditions)


async def logs(at: Cluster, **options: Any) -> str:
    pieces = at.nodes.logs("node-1", "default", "p", LogOptions(container="c", **options))
    return b"".join([piece async for piece in pieces]).decode()


async def messages(at: Cluster, reason: str) -> list[str]:
    """Of all Events of that reason, as soon as there is one."""
    return [event.message for event in await events(at, reason)]


def test_a_pod_from_birth_to_death(tmp_path: Path) -> None:
    async def run() -> None:
        async with cluster(tmp_path) as at:
            await create(at, {"command": ["sh", "-c", "echo hello; exec sleep 1000"]})
            pod = await pod_when(at, is_ready)
            assert pod.status.phase == "Running"
            assert pod.status.podIP.startswith("127.")
            assert status(pod).containerID.startswith("podium://")
            assert await messages(at, "Started") == ["Container started"]
            async with asyncio.timeout(DEADLINE):
                pieces = at.nodes.logs("node-1", "default", "p", LogOptions(container="c", follow=True))
                assert await anext(aiter(pieces)) == b"hello\n"
                await pieces.aclose()  # type: ignore[attr-defined]
            directory = tmp_path / "nodes" / "node-1" / "pods" / pod.metadata.uid
            assert directory.is_dir()
            await at.client.delete(Pod, "default", "p")
            await gone(at, Pod, "p")
            assert await messages(at, "Killing") == ["Stopping container c"]
            await until(lambda: not directory.exists())

    asyncio.run(run())


def test_a_crashing_container(tmp_path: Path) -> None:
    async def run() -> None:
        async with cluster(tmp_path) as at:
            script = "echo boom; printf because > $PODIUM_TERMINATION_LOG; exit 3"
            await create(at, {"command": ["sh", "-c", script]})
            pod = await pod_when(at, lambda pod: status(pod).state.waiting and status(pod).restartCount == 1)
            waiting, last = status(pod).state.waiting, status(pod).lastState.terminated
            assert waiting is not None
            assert waiting.reason == "CrashLoopBackOff"
            assert last is not None
            assert (last.exitCode, last.reason, last.message) == (3, "Error", "because")
            assert pod.status.phase == "Running"
            assert await logs(at, previous=True) == "boom\n"

    asyncio.run(run())


def test_a_pod_that_completes(tmp_path: Path) -> None:
    async def run() -> None:
        async with cluster(tmp_path) as at:
            inits = [
                {"name": "i", "image": "busybox", "command": ["sh", "-c", "exit 0"]},
                {"name": "s", "image": "busybox", "command": ["sleep", "1000"], "restartPolicy": "Always"},
            ]
            await create(at, {"command": ["true"]}, restartPolicy="Never", initContainers=inits)
            pod = await pod_when(at, lambda pod: pod.status.phase in ("Succeeded", "Failed"))
            assert pod.status.phase == "Succeeded"
            assert pod.status.initContainerStatuses[1].state.terminated is not None
            ended = status(pod).state.terminated
            assert ended is not None
            assert ended.reason == "Completed"

    asyncio.run(run())


def test_the_api_is_where_the_server_listens(tmp_path: Path) -> None:
    """A Pod on the machine's network reaches no cluster IP."""

    async def run() -> None:
        async with cluster(tmp_path) as at:
            script = "echo $KUBERNETES_SERVICE_HOST:$KUBERNETES_SERVICE_PORT $KUBERNETES_PORT"
            await create(at, {"command": ["sh", "-c", script]}, restartPolicy="Never")
            await pod_when(at, lambda pod: pod.status.phase == "Succeeded")
            address = f"127.0.0.1:{at.port}"
            assert await logs(at) == f"{address} tcp://{address}\n"

    asyncio.run(run())


def test_messages_fall_back_to_the_log(tmp_path: Path) -> None:
    async def run() -> None:
        async with cluster(tmp_path) as at:
            container = {
                "command": ["sh", "-c", "echo last words; exit 1"],
                "terminationMessagePolicy": "FallbackToLogsOnError",
            }
            await create(at, container, restartPolicy="Never")
            pod = await pod_when(at, lambda pod: pod.status.phase == "Failed")
            ended = status(pod).state.terminated
            assert ended is not None
            assert ended.message == "last words\n"

    asyncio.run(run())


def test_an_unknown_image_says_what_to_do(tmp_path: Path) -> None:
    async def run() -> None:
        async with cluster(tmp_path) as at:
            await create(at, {"image": "nginx:1.27", "command": []})
            waiting = reason_to_wait(await pod_when(at, lambda pod: reason_to_wait(pod).message))
            assert waiting.reason == "ErrImagePull"
            assert "images.yaml" in waiting.message
            with pytest.raises(BadRequest, match=r'container "c" in pod "p" is waiting to start: ErrImagePull'):
                await logs(at)

    asyncio.run(run())


def test_a_name_no_image_can_have(tmp_path: Path) -> None:
    async def run() -> None:
        async with cluster(tmp_path) as at:
            await create(at, {"image": "nginx:"})
            waiting = reason_to_wait(await pod_when(at, lambda pod: reason_to_wait(pod).message))
            assert waiting.reason == "InvalidImageName"
            assert waiting.message.endswith('couldn\'t parse image name "nginx:": invalid reference format')

    asyncio.run(run())


def test_images_can_be_changed(tmp_path: Path) -> None:
    """A better one ends the wait for a bad one; another one restarts the container."""
    (tmp_path / "images.yaml").write_text("images: {good: {command: [sleep, 1000]}, better: {command: [sleep, 1001]}}")

    async def change(at: Cluster, image: str) -> None:
        patch = {"spec": {"containers": [{"name": "c", "image": image}]}}
        await at.client.patch(Pod, "default", "p", patch, "strategic")

    async def run() -> None:
        async with cluster(tmp_path) as at:
            await create(at, {"image": "bad", "command": []})
            await pod_when(at, lambda pod: reason_to_wait(pod).message)
            await change(at, "good")
            pod = await pod_when(at, is_ready)
            assert status(pod).restartCount == 0
            await change(at, "better")
            await pod_when(at, lambda pod: status(pod).restartCount == 1 and is_ready(pod))
            assert await messages(at, "Killing") == ["Container c definition changed, will be restarted"]

    asyncio.run(run())


def test_what_a_container_refers_to_must_be_there(tmp_path: Path) -> None:
    async def run() -> None:
        async with cluster(tmp_path) as at:
            source = {"configMapKeyRef": {"name": "cfg", "key": "k"}}
            await create(at, {"env": [{"name": "A", "valueFrom": source}]})
            waiting = reason_to_wait(await pod_when(at, lambda pod: reason_to_wait(pod).message))
            assert (waiting.reason, waiting.message) == ("CreateContainerConfigError", 'configmap "cfg" not found')

    asyncio.run(run())


def test_volumes_and_hooks(tmp_path: Path) -> None:
    async def run() -> None:
        async with cluster(tmp_path) as at:
            metadata = meta_v1.ObjectMeta(name="cfg", namespace="default")
            await at.client.create(ConfigMap(metadata=metadata, data={"file": "content"}))
            out = tmp_path / "out"
            script = f'cat "$PODIUM_VOLUME_V/file" >> {out}; echo " $PODIUM_VOLUME_V" | grep -c {tmp_path} >> {out}'
            lifecycle = {
                "postStart": {"exec": {"command": ["sh", "-c", script]}},
                "preStop": {"exec": {"command": ["sh", "-c", f"echo stopping >> {out}"]}},
            }
            container = {"lifecycle": lifecycle, "volumeMounts": [{"name": "v", "mountPath": "/config"}]}
            await create(at, container, volumes=[{"name": "v", "configMap": {"name": "cfg"}}])
            await pod_when(at, is_ready)
            await at.client.delete(Pod, "default", "p")
            await gone(at, Pod, "p")
            assert out.read_text() == "content1\nstopping\n"

    asyncio.run(run())


def test_a_missing_volume_holds_the_pod_back(tmp_path: Path) -> None:
    async def run() -> None:
        async with cluster(tmp_path) as at:
            mount = {"volumeMounts": [{"name": "v", "mountPath": "/v"}]}
            await create(at, mount, volumes=[{"name": "v", "secret": {"secretName": "sec"}}])
            assert await messages(at, "FailedMount") == [
                'MountVolume.SetUp failed for volume "v" : secret "sec" not found'
            ]
            await pod_when(at, lambda pod: status(pod).state.waiting)

    asyncio.run(run())


def test_probes(tmp_path: Path) -> None:
    """Not ready until the file is there; killed and started again when the other one is."""

    async def run() -> None:
        async with cluster(tmp_path) as at:
            ready, dead = tmp_path / "ready", tmp_path / "dead"
            probe = {"periodSeconds": 1, "timeoutSeconds": 600, "failureThreshold": 1}
            container = {
                "readinessProbe": {**probe, "exec": {"command": ["test", "-e", str(ready)]}},
                "livenessProbe": {**probe, "exec": {"command": ["sh", "-c", f"! rm {dead}"]}},
            }
            await create(at, container)
            pod = await pod_when(at, lambda pod: pod.status.phase == "Running")
            assert not is_ready(pod)
            ready.touch()
            await pod_when(at, is_ready)
            dead.touch()
            pod = await pod_when(at, lambda pod: status(pod).restartCount == 1)
            assert await messages(at, "Killing") == ["Container c failed liveness probe, will be restarted"]
            last = status(pod).lastState.terminated
            assert last is not None
            assert last.exitCode == 143

    asyncio.run(run())


def test_a_forced_deletion_does_not_wait_for_the_grace_period(tmp_path: Path) -> None:
    async def run() -> None:
        async with cluster(tmp_path) as at:
            script = "trap '' TERM; echo ready; while :; do sleep 0.01; done"
            await create(at, {"command": ["sh", "-c", script]}, terminationGracePeriodSeconds=3600)
            pod = await pod_when(at, is_ready)
            await log_says(at, "p", "ready")
            await at.client.delete(Pod, "default", "p")
            await messages(at, "Killing")
            await at.client.delete(Pod, "default", "p", meta_v1.DeleteOptions(gracePeriodSeconds=0))
            directory = tmp_path / "nodes" / "node-1" / "pods" / pod.metadata.uid
            await until(lambda: not directory.exists())

    asyncio.run(run())


def test_following_a_log_ends_with_the_container(tmp_path: Path) -> None:
    async def run() -> None:
        async with cluster(tmp_path) as at:
            go_on = tmp_path / "go-on"
            script = f"echo one; while ! [ -e {go_on} ]; do sleep 0.01; done; echo two"
            await create(at, {"command": ["sh", "-c", script]}, restartPolicy="Never")
            await pod_when(at, lambda pod: pod.status.phase == "Running")
            pieces = at.nodes.logs("node-1", "default", "p", LogOptions(container="c", follow=True))
            text = ""
            async with asyncio.timeout(DEADLINE):
                async for piece in pieces:
                    text += piece.decode()
                    if text == "one\n":
                        go_on.touch()
            assert text == "one\ntwo\n"

    asyncio.run(run())


def test_the_deadline_of_a_pod(tmp_path: Path) -> None:
    async def run() -> None:
        async with cluster(tmp_path) as at:
            await create(at)
            await pod_when(at, is_ready)
            await at.client.patch(Pod, "default", "p", {"spec": {"activeDeadlineSeconds": 1}})
            pod = await pod_when(at, lambda pod: pod.status.phase == "Failed")
            assert (pod.status.reason, pod.status.message) == (
                "DeadlineExceeded",
                "Pod was active on the node longer than the specified deadline",
            )
            ended = status(pod).state.terminated
            assert ended is not None
            assert ended.exitCode == 143

    asyncio.run(run())


def test_a_server_that_stops_ends_its_pods_and_the_next_one_starts_them_again(tmp_path: Path) -> None:
    store = MemoryStore()

    async def run(*, first: bool) -> None:
        async with cluster(tmp_path, store) as at:
            if first:
                await create(at)
            pod = await pod_when(at, lambda pod: is_ready(pod) and status(pod).restartCount == (0 if first else 1))
            assert (status(pod).lastState.terminated is None) is first

    asyncio.run(run(first=True))
    assert not [path for path in tmp_path.rglob("shim.json") if not path.with_name("exit.json").exists()]
    asyncio.run(run(first=False))
