"""Simulated Pods in a cluster on the virtual clock."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from podium.agent.runtimes.simulated.behaviour import STOP_SECONDS
from podium.machinery.errors import NotFound
from podium.machinery.streams import LogOptions
from podium.models import codec, meta_v1
from podium.models.coordination_v1 import Lease
from podium.models.core_v1 import ContainerStatus, Event, Node, Pod
from podium.testing.virtual import VirtualCluster

INDEX = "batch.kubernetes.io/job-completion-index"


def create(cluster: VirtualCluster, name: str = "p", **more: Any) -> Pod:
    """A Pod of one container; `spec` and `annotations` as given, `command` for the container."""
    container = {"name": "c", "image": more.pop("image", "nginx"), "command": more.pop("command", [])}
    metadata = {"name": name, "namespace": "default", "annotations": more.pop("annotations", {})}
    tree = {"metadata": metadata, "spec": {"containers": [container], **more}}
    cluster.create(codec.from_tree(tree, Pod))
    cluster.settle()
    return cluster.get(Pod, name)


def container(pod: Pod) -> ContainerStatus:
    return pod.status.containerStatuses[0]


def waiting(pod: Pod) -> str:
    state = container(pod).state.waiting
    return state.reason if state is not None else ""


def condition(pod: Pod, kind: str) -> str:
    return next(c.status for c in pod.status.conditions if c.type == kind)


def events(cluster: VirtualCluster, name: str = "p") -> list[str]:
    cluster.settle()
    found = [event for event in cluster.list(Event) if event.involvedObject.name == name]
    return [f"{event.reason} {event.message}" for event in found if event.reason != "Scheduled"]


def simulate(**what: str) -> dict[str, str]:
    return {f"podium.dev/simulate-{key.replace('_', '-')}": value for key, value in what.items()}


def test_a_pod_is_ready_at_once_with_one_status_write(podium_cluster: VirtualCluster) -> None:
    began = podium_cluster.clock.elapsed
    pod = create(podium_cluster)
    assert podium_cluster.clock.elapsed == pytest.approx(began, abs=1e-3)
    assert (pod.status.phase, condition(pod, "Ready")) == ("Running", "True")
    assert pod.status.podIP.startswith("10.244.0.")
    assert container(pod).state.running is not None
    assert (container(pod).ready, container(pod).started, container(pod).restartCount) == (True, True, 0)


def test_every_pod_has_an_address_of_its_own(podium_cluster: VirtualCluster) -> None:
    addresses = {create(podium_cluster, f"p{number}").status.podIP for number in range(20)}
    assert len(addresses) == 20


def test_a_pod_that_runs_to_completion(podium_cluster: VirtualCluster) -> None:
    pod = create(podium_cluster, command=["sleep", "30"], restartPolicy="Never")
    assert pod.status.phase == "Running"
    podium_cluster.advance(30)
    pod = podium_cluster.get(Pod, "p")
    ended = container(pod).state.terminated
    assert pod.status.phase == "Succeeded"
    assert ended is not None
    assert (ended.exitCode, ended.reason) == (0, "Completed")
    assert ended.finishedAt is not None
    assert ended.startedAt is not None
    assert ended.finishedAt - ended.startedAt == timedelta(seconds=30)


def test_exit_codes(podium_cluster: VirtualCluster) -> None:
    pod = create(podium_cluster, command=["sh", "-c", "exit 3"], restartPolicy="Never")
    ended = container(pod).state.terminated
    assert pod.status.phase == "Failed"
    assert ended is not None
    assert (ended.exitCode, ended.reason) == (3, "Error")


def test_a_crashing_container_backs_off(podium_cluster: VirtualCluster) -> None:
    pod = create(podium_cluster, command=["false"])
    assert (waiting(pod), container(pod).restartCount) == ("CrashLoopBackOff", 1)
    state = container(pod).state.waiting
    assert state is not None
    uid = pod.metadata.uid
    assert state.message == f"back-off 10s restarting failed container=c pod=p_default({uid})"
    restarts = []
    for _ in range(60):
        podium_cluster.advance(10)
        restarts.append(container(podium_cluster.get(Pod, "p")).restartCount)
    # 10 s, 20 s, 40 s, 80 s, 160 s, 300 s: a restart each time one of them is over
    assert [restarts.index(count) + 1 for count in (2, 3, 4, 5, 6)] == [1, 3, 7, 15, 31]
    assert f"BackOff Back-off restarting failed container c in pod p_default({uid})" in events(podium_cluster)


def test_a_name_no_image_can_have(podium_cluster: VirtualCluster) -> None:
    pod = create(podium_cluster, image="MyApp:v1")
    assert (waiting(pod), pod.status.phase) == ("InvalidImageName", "Pending")
    podium_cluster.advance(60)
    assert waiting(podium_cluster.get(Pod, "p")) == "InvalidImageName"
    assert {event.split()[0] for event in events(podium_cluster)} == {"InspectFailed", "Failed"}


def test_a_missing_image(podium_cluster: VirtualCluster) -> None:
    pod = create(podium_cluster, image="nginx:missing")
    assert (waiting(pod), pod.status.phase) == ("ErrImagePull", "Pending")
    podium_cluster.advance(5)
    assert waiting(podium_cluster.get(Pod, "p")) == "ImagePullBackOff"
    assert {event.split()[0] for event in events(podium_cluster)} == {"Pulling", "Failed", "BackOff"}
    podium_cluster.advance(3600)
    assert podium_cluster.get(Pod, "p").status.phase == "Pending"


def test_scripted_delays(podium_cluster: VirtualCluster) -> None:
    create(podium_cluster, annotations=simulate(start_delay="5", ready_delay="7"))
    seen = []
    for _ in range(3):
        pod = podium_cluster.get(Pod, "p")
        seen.append((pod.status.phase, condition(pod, "Ready")))
        podium_cluster.advance(6)
    assert seen == [("Pending", "False"), ("Running", "False"), ("Running", "True")]


def test_readiness_follows_its_annotation(podium_cluster: VirtualCluster) -> None:
    create(podium_cluster, annotations=simulate(ready_delay="7"))
    seen = []
    for value in ("false", None, "false", "true"):
        patch = {"metadata": {"annotations": {"podium.dev/simulate-ready": value}}}
        podium_cluster.run(podium_cluster.client.patch(Pod, "default", "p", patch, "merge"))
        podium_cluster.settle()
        seen.append(condition(podium_cluster.get(Pod, "p"), "Ready"))
        podium_cluster.advance(8)
        seen.append(condition(podium_cluster.get(Pod, "p"), "Ready"))
    assert seen == ["False", "False", "False", "True", "False", "False", "False", "True"]
    assert container(podium_cluster.get(Pod, "p")).restartCount == 0


def test_a_run_that_ends_early_makes_the_next_one_ready_no_sooner(podium_cluster: VirtualCluster) -> None:
    create(podium_cluster, annotations=simulate(ready_delay="10", run_seconds="6"))
    podium_cluster.advance(11)
    found = container(podium_cluster.get(Pod, "p"))
    assert (found.restartCount, found.ready) == (1, False)


def test_scripted_failures(podium_cluster: VirtualCluster) -> None:
    create(podium_cluster, annotations=simulate(fail_starts="3"))
    podium_cluster.advance(31)
    pod = podium_cluster.get(Pod, "p")
    assert (container(pod).restartCount, container(pod).ready) == (3, True)
    assert container(pod).lastState.terminated is not None


def test_a_scripted_end(podium_cluster: VirtualCluster) -> None:
    notes = simulate(run_seconds="2", exit_code="137", exit_reason="OOMKilled")
    create(podium_cluster, annotations=notes, restartPolicy="Never")
    podium_cluster.advance(2)
    ended = container(podium_cluster.get(Pod, "p")).state.terminated
    assert ended is not None
    assert (ended.exitCode, ended.reason) == (137, "OOMKilled")


def test_init_containers_and_sidecars(podium_cluster: VirtualCluster) -> None:
    inits = [
        {"name": "slow", "image": "i", "command": ["sleep", "5"]},
        {"name": "side", "image": "i", "restartPolicy": "Always"},
    ]
    pod = create(podium_cluster, command=["sleep", "10"], initContainers=inits, restartPolicy="Never")
    assert (pod.status.phase, waiting(pod), condition(pod, "Initialized")) == ("Pending", "PodInitializing", "False")
    podium_cluster.advance(6)
    pod = podium_cluster.get(Pod, "p")
    assert (pod.status.phase, condition(pod, "Initialized")) == ("Running", "True")
    assert [status.ready for status in pod.status.initContainerStatuses] == [True, True]
    podium_cluster.advance(10)
    pod = podium_cluster.get(Pod, "p")
    assert pod.status.phase == "Succeeded"
    assert pod.status.initContainerStatuses[1].state.terminated is not None


def test_a_failed_init_container_fails_a_pod_that_never_restarts(podium_cluster: VirtualCluster) -> None:
    inits = [{"name": "i", "image": "i", "command": ["false"]}]
    assert create(podium_cluster, initContainers=inits, restartPolicy="Never").status.phase == "Failed"


def test_the_deadline_of_a_pod(podium_cluster: VirtualCluster) -> None:
    create(podium_cluster, activeDeadlineSeconds=30)
    podium_cluster.advance(31)
    pod = podium_cluster.get(Pod, "p")
    assert (pod.status.phase, pod.status.reason) == ("Failed", "DeadlineExceeded")


def test_a_new_image_restarts_its_container(podium_cluster: VirtualCluster) -> None:
    pod = codec.copy(create(podium_cluster))
    pod.spec.containers[0].image = "nginx:2"
    podium_cluster.run(podium_cluster.client.update(pod))
    podium_cluster.settle()
    found = container(podium_cluster.get(Pod, "p"))
    assert (found.image, found.restartCount, found.ready) == ("nginx:2", 1, True)
    assert "Killing Container c definition changed, will be restarted" in events(podium_cluster)


def test_a_better_image_ends_the_wait_for_a_missing_one(podium_cluster: VirtualCluster) -> None:
    pod = codec.copy(create(podium_cluster, image="nginx:missing"))
    pod.spec.containers[0].image = "nginx:1"
    podium_cluster.run(podium_cluster.client.update(pod))
    podium_cluster.settle()
    found = container(podium_cluster.get(Pod, "p"))
    assert (found.restartCount, found.ready) == (0, True)


def change(cluster: VirtualCluster, patch: dict[str, Any], subresource: str) -> Pod:
    pod = cluster.client.patch(Pod, "default", "p", {"spec": patch}, "strategic", subresource)
    cluster.run(pod)
    cluster.settle()
    return cluster.get(Pod, "p")


def test_an_ephemeral_container_runs_beside_the_others_and_once(podium_cluster: VirtualCluster) -> None:
    create(podium_cluster, command=["sleep", "60"], restartPolicy="Never")
    shells = [
        {"name": "look", "image": "busybox", "targetContainerName": "c"},
        {"name": "short", "image": "busybox", "command": ["sh", "-c", "sleep 5; exit 3"]},
    ]
    pod = change(podium_cluster, {"ephemeralContainers": shells}, "ephemeralcontainers")
    states = {status.name: status.state for status in pod.status.ephemeralContainerStatuses}
    assert [state.running is not None for state in states.values()] == [True, True]
    assert {(status.ready, status.started) for status in pod.status.ephemeralContainerStatuses} == {(False, None)}
    assert (pod.status.phase, condition(pod, "Ready")) == ("Running", "True")
    found = {event.involvedObject.fieldPath for event in podium_cluster.list(Event) if event.reason == "Started"}
    assert found == {"spec.containers{c}", "spec.ephemeralContainers{look}", "spec.ephemeralContainers{short}"}
    podium_cluster.advance(6)
    ended = podium_cluster.get(Pod, "p").status.ephemeralContainerStatuses[1]
    assert (ended.state.terminated is not None and ended.state.terminated.exitCode, ended.restartCount) == (3, 0)
    podium_cluster.advance(60)
    pod = podium_cluster.get(Pod, "p")
    assert pod.status.phase == "Succeeded"
    assert pod.status.ephemeralContainerStatuses[0].state.terminated is not None


def test_an_ephemeral_container_waits_for_no_init_container_and_never_restarts(podium_cluster: VirtualCluster) -> None:
    create(podium_cluster, initContainers=[{"name": "i", "image": "i", "command": ["sleep", "60"]}])
    shell = {"name": "short", "image": "busybox", "command": ["false"]}
    pod = change(podium_cluster, {"ephemeralContainers": [shell]}, "ephemeralcontainers")
    assert pod.status.phase == "Pending"
    podium_cluster.advance(90)
    pod = podium_cluster.get(Pod, "p")
    (ended,) = pod.status.ephemeralContainerStatuses
    assert (ended.state.terminated is not None, ended.restartCount) == (True, 0)
    assert (pod.status.phase, condition(pod, "Ready")) == ("Running", "True")
    assert ended.state.terminated is not None
    assert ended.state.terminated.finishedAt < container(pod).state.running.startedAt  # type: ignore[operator,union-attr]


def test_a_resize_is_carried_out_in_place_or_by_a_restart(podium_cluster: VirtualCluster) -> None:
    tree = {
        "metadata": {"name": "p", "namespace": "default"},
        "spec": {
            "containers": [
                {
                    "name": "c",
                    "image": "nginx",
                    "resources": {"requests": {"cpu": "100m", "memory": "64Mi"}},
                    "resizePolicy": [{"resourceName": "memory", "restartPolicy": "RestartContainer"}],
                }
            ]
        },
    }
    podium_cluster.create(codec.from_tree(tree, Pod))
    podium_cluster.settle()

    def resized(**requests: str) -> tuple[dict[str, str], int]:
        patch = {"containers": [{"name": "c", "resources": {"requests": requests}}]}
        status = container(change(podium_cluster, patch, "resize"))
        assert status.resources is not None
        assert status.resources.requests == status.allocatedResources
        return {name: str(amount) for name, amount in status.allocatedResources.items()}, status.restartCount

    assert resized(cpu="200m") == ({"cpu": "200m", "memory": "64Mi"}, 0)
    assert resized(memory="128Mi") == ({"cpu": "200m", "memory": "128Mi"}, 1)
    assert "Killing Container c resize requires restart" in events(podium_cluster)


def test_deletion_takes_a_moment(podium_cluster: VirtualCluster) -> None:
    create(podium_cluster)
    podium_cluster.delete(Pod, "p")
    podium_cluster.advance(STOP_SECONDS * 0.9)
    assert podium_cluster.get(Pod, "p").metadata.deletionTimestamp is not None
    podium_cluster.advance(STOP_SECONDS * 0.2)
    with pytest.raises(NotFound):
        podium_cluster.get(Pod, "p")


def test_a_slow_stop_takes_at_most_the_grace_period(podium_cluster: VirtualCluster) -> None:
    create(podium_cluster, annotations=simulate(stop_delay="3600"), terminationGracePeriodSeconds=20)
    podium_cluster.delete(Pod, "p")
    podium_cluster.advance(19)
    assert podium_cluster.get(Pod, "p").metadata.deletionTimestamp is not None
    podium_cluster.advance(2)
    with pytest.raises(NotFound):
        podium_cluster.get(Pod, "p")


def test_who_waits_for_a_pod_sees_how_it_ended(podium_cluster: VirtualCluster) -> None:
    pod = codec.copy(create(podium_cluster))
    pod.metadata.finalizers = ("example.com/watch",)
    podium_cluster.run(podium_cluster.client.update(pod))
    podium_cluster.delete(Pod, "p")
    podium_cluster.advance(1)
    pod = podium_cluster.get(Pod, "p")
    ended = container(pod).state.terminated
    assert pod.status.phase == "Failed"
    assert ended is not None
    assert ended.exitCode == 143


def test_another_pod_of_the_same_name(podium_cluster: VirtualCluster) -> None:
    first = create(podium_cluster)
    options = meta_v1.DeleteOptions(gracePeriodSeconds=0)
    podium_cluster.run(podium_cluster.client.delete(Pod, "default", "p", options))
    second = create(podium_cluster)
    assert second.metadata.uid != first.metadata.uid
    assert second.status.phase == "Running"


def test_the_conditions_of_others_are_kept(podium_cluster: VirtualCluster) -> None:
    create(podium_cluster, annotations=simulate(ready_delay="5"))
    patch = {"status": {"conditions": [{"type": "example.com/seen", "status": "True"}]}}
    podium_cluster.run(podium_cluster.client.patch(Pod, "default", "p", patch, "strategic", "status"))
    podium_cluster.advance(6)
    pod = podium_cluster.get(Pod, "p")
    assert (condition(pod, "example.com/seen"), condition(pod, "Ready")) == ("True", "True")


def test_readiness_follows_the_conditions_of_its_gates(podium_cluster: VirtualCluster) -> None:
    gates = [{"conditionType": "example.com/lb"}, {"conditionType": "example.com/warm"}]
    pod = create(podium_cluster, readinessGates=gates)
    assert (pod.status.phase, condition(pod, "Ready"), condition(pod, "ContainersReady")) == (
        "Running",
        "False",
        "True",
    )
    seen = []
    for kind, status in (("lb", "True"), ("warm", "True"), ("lb", "False"), ("lb", "Unknown"), ("lb", "True")):
        patch = {"status": {"conditions": [{"type": f"example.com/{kind}", "status": status}]}}
        podium_cluster.run(podium_cluster.client.patch(Pod, "default", "p", patch, "strategic", "status"))
        podium_cluster.settle()
        ready = next(c for c in podium_cluster.get(Pod, "p").status.conditions if c.type == "Ready")
        seen.append((ready.status, ready.message))
    closed = 'the status of pod readiness gate "example.com/lb" is not "True", but '
    assert seen == [
        ("False", 'corresponding condition of pod readiness gate "example.com/warm" does not exist.'),
        ("True", ""),
        ("False", closed + "False"),
        ("False", closed + "Unknown"),
        ("True", ""),
    ]


def test_what_a_command_prints_is_its_log(podium_cluster: VirtualCluster) -> None:
    create(podium_cluster, command=["echo", "hello"], restartPolicy="Never")
    assert logs(podium_cluster) == b"hello\n"


@pytest.mark.parametrize(
    ("options", "seen"),
    [
        ({"tail_lines": 1}, b"two\n"),
        ({"tail_lines": 0}, b""),
        ({"tail_lines": 5}, b"one\ntwo\n"),
        ({"limit_bytes": 5}, b"one\nt"),
        ({"timestamps": True, "tail_lines": 1}, b"2026-01-01T00:00:00.000000000Z two\n"),
        ({"since_seconds": 60}, b"one\ntwo\n"),
        ({"since_seconds": 5}, b""),
    ],
)
def test_logs_as_they_are_asked_for(podium_cluster: VirtualCluster, options: dict[str, Any], seen: bytes) -> None:
    create(podium_cluster, command=["sh", "-c", "echo one; echo two"], restartPolicy="Never")
    podium_cluster.advance(10)
    assert logs(podium_cluster, **options) == seen


def test_a_log_is_followed_to_the_end_of_the_container(podium_cluster: VirtualCluster) -> None:
    create(podium_cluster, command=["sh", "-c", "echo one; sleep 60"], restartPolicy="Never")
    began = podium_cluster.clock.elapsed
    assert logs(podium_cluster, follow=True) == b"one\n"
    assert podium_cluster.clock.elapsed >= began + 60


def logs(cluster: VirtualCluster, **options: Any) -> bytes:
    async def read() -> bytes:
        pieces = cluster.cluster.nodes.logs("node-1", "default", "p", LogOptions(container="c", **options))
        return b"".join([piece async for piece in pieces])

    return cluster.run(read())


def test_the_node_and_its_lease(podium_cluster: VirtualCluster) -> None:
    node = podium_cluster.get(Node, "node-1", "")
    assert node.metadata.labels["kubernetes.io/hostname"] == "node-1"
    assert {c.type: c.status for c in node.status.conditions}["Ready"] == "True"
    assert node.status.nodeInfo is not None
    assert node.status.nodeInfo.kubeletVersion == "v1.36.0"
    before = podium_cluster.get(Lease, "node-1", "kube-node-lease")
    podium_cluster.advance((before.spec.leaseDurationSeconds or 0) * 0.3)
    after = podium_cluster.get(Lease, "node-1", "kube-node-lease")
    assert after.spec.renewTime > before.spec.renewTime
    assert after.spec.holderIdentity == "node-1"


def test_a_deleted_node_registers_again(podium_cluster: VirtualCluster) -> None:
    lease = podium_cluster.get(Lease, "node-1", "kube-node-lease")
    podium_cluster.delete(Node, "node-1", "")
    podium_cluster.advance(lease.spec.leaseDurationSeconds or 0)
    assert podium_cluster.get(Node, "node-1", "").metadata.labels["kubernetes.io/hostname"] == "node-1"


def test_a_jobs_script_knows_index_and_first_run(podium_cluster: VirtualCluster) -> None:
    podium_cluster.apply("""
apiVersion: batch/v1
kind: Job
metadata: {name: j}
spec:
  completions: 3
  parallelism: 3
  completionMode: Indexed
  backoffLimitPerIndex: 1
  template:
    metadata:
      annotations:
        podium.dev/simulate-exit-code: "0; 2: 42; first 0: 1"
        podium.dev/simulate-run-seconds: "1; first 1: forever"
    spec:
      restartPolicy: Never
      containers: [{name: c, image: app}]
""")

    def ends() -> list[tuple[str, str]]:
        found = [(pod.metadata.labels[INDEX], pod.status.phase) for pod in podium_cluster.list(Pod)]
        return sorted(found)

    podium_cluster.advance(60)
    failed_twice = [("2", "Failed"), ("2", "Failed")]
    assert ends() == [("0", "Failed"), ("0", "Succeeded"), ("1", "Running"), *failed_twice]
    hanging = next(pod for pod in podium_cluster.list(Pod) if pod.status.phase == "Running")
    podium_cluster.delete(Pod, hanging.metadata.name)
    podium_cluster.advance(60)
    assert ("1", "Succeeded") in ends()


def test_a_pod_whose_init_container_has_failed_is_over(podium_cluster: VirtualCluster) -> None:
    """Its sidecars end, and no deadline is left that it could exceed."""
    inits = [
        {"name": "s", "image": "app", "restartPolicy": "Always"},
        {"name": "i", "image": "app", "command": ["false"]},
    ]
    create(podium_cluster, initContainers=inits, restartPolicy="Never", activeDeadlineSeconds=60)
    podium_cluster.advance(100)
    status = podium_cluster.get(Pod, "p").status
    assert (status.phase, status.reason) == ("Failed", "")
    assert [one.state.terminated is not None for one in status.initContainerStatuses] == [True, True]


def test_who_says_that_a_pod_has_failed_ends_it(podium_cluster: VirtualCluster) -> None:
    pod = codec.copy(create(podium_cluster, command=["sleep", "60"]))
    pod.status.phase, pod.status.reason, pod.status.message = "Failed", "Evicted", "too much"
    podium_cluster.run(podium_cluster.client.update_status(pod))
    podium_cluster.advance(100)
    status = podium_cluster.get(Pod, "p").status
    assert (status.phase, status.reason, status.message) == ("Failed", "Evicted", "too much")
    assert status.containerStatuses[0].state.terminated is not None


def test_another_image_ends_the_wait_for_a_restart(podium_cluster: VirtualCluster) -> None:
    create(podium_cluster, command=["false"])
    podium_cluster.advance(100)
    before = container(podium_cluster.get(Pod, "p"))
    assert before.state.waiting is not None
    patch = {"spec": {"containers": [{"name": "c", "image": "better"}]}}
    podium_cluster.run(podium_cluster.client.patch(Pod, "default", "p", patch, "strategic"))
    podium_cluster.settle()
    after = container(podium_cluster.get(Pod, "p"))
    assert after.image == "better"
    assert after.restartCount > before.restartCount
    assert not [event for event in events(podium_cluster) if event.startswith("Killing")]
    podium_cluster.advance(11)
    assert container(podium_cluster.get(Pod, "p")).restartCount == after.restartCount + 1  # its own back-off: 10 s


def test_another_image_of_an_init_container_that_runs_is_for_its_next_run(podium_cluster: VirtualCluster) -> None:
    inits = [
        {"name": "s", "image": "app", "restartPolicy": "Always"},
        {"name": "i", "image": "app", "command": ["sleep", "60"]},
    ]
    create(podium_cluster, initContainers=inits)
    patch = {"spec": {"initContainers": [{"name": "s", "image": "better"}, {"name": "i", "image": "better"}]}}
    podium_cluster.run(podium_cluster.client.patch(Pod, "default", "p", patch, "strategic"))
    podium_cluster.settle()
    status = podium_cluster.get(Pod, "p").status
    assert [one.restartCount for one in status.initContainerStatuses] == [1, 0]
    assert [event for event in events(podium_cluster) if event.startswith("Killing")] == [
        "Killing Init container s definition changed"
    ]
