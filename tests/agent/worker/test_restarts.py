"""How containers of a Pod are started again."""

from __future__ import annotations

from podium.models.core_v1 import Pod

from .conftest import ScriptedNode
from .scripted import Program


def waiting(pod: Pod) -> str:
    state = pod.status.containerStatuses[0].state.waiting
    return state.reason if state is not None else ""


def test_a_container_that_ran_well_for_long_is_restarted_at_once(node: ScriptedNode) -> None:
    program = Program(seconds=1, exit_code=1)
    node.create({"name": "c"}, programs={"c": program})
    node.after(100)
    program.seconds = 3600
    node.cluster.wait(Pod, "p", lambda pod: pod.status.containerStatuses[0].state.running)
    node.runtime.since()
    assert node.after(3610) == [(3600, "end c"), (3600, "start c")]


def test_another_image_does_not_wait_for_what_happened_to_the_one_before(node: ScriptedNode) -> None:
    node.create({"name": "c"}, programs={"c": Program(seconds=0, exit_code=1)})
    node.after(200)
    assert waiting(node.pod()) == "CrashLoopBackOff"
    restarts = node.pod().status.containerStatuses[0].restartCount
    node.runtime.programs["c"].seconds = None
    patch = {"spec": {"containers": [{"name": "c", "image": "better"}]}}
    node.cluster.run(node.cluster.client.patch(Pod, "default", "p", patch, "strategic"))
    assert node.after(0) == [(0, "start c")]
    assert node.pod().status.containerStatuses[0].restartCount == restarts + 1


def test_a_resize_is_carried_out_in_place_or_by_a_restart(node: ScriptedNode) -> None:
    policy = [{"resourceName": "memory", "restartPolicy": "RestartContainer"}]
    requests = {"cpu": "100m", "memory": "64Mi"}
    node.create({"name": "c", "resources": {"requests": requests}, "resizePolicy": policy})

    def resize(**amounts: str) -> list[tuple[float, str]]:
        patch = {"spec": {"containers": [{"name": "c", "resources": {"requests": amounts}}]}}
        node.cluster.run(node.cluster.client.patch(Pod, "default", "p", patch, "strategic", "resize"))
        happened = node.after(1)
        status = node.pod().status.containerStatuses[0]
        assert status.resources is not None
        assert status.resources.requests == status.allocatedResources
        assert amounts.items() <= status.allocatedResources.items()
        return happened

    assert resize(cpu="200m") == []
    assert resize(memory="128Mi") == [(0, "stop c"), (0, "end c"), (0, "start c")]
    assert resize(cpu="300m") == []


def test_a_worker_that_failed_goes_on_with_the_pod_as_it_is(node: ScriptedNode) -> None:
    """What happened to the Pod meanwhile is not missed, even if that was its end."""
    node.runtime.failures += [OSError("no space left")] * 2  # the second worker comes with the status of the first
    node.create({"name": "c"})
    node.delete(0)
    assert node.after(10) == [(2, "sandbox removed")]
    node.create({"name": "c"})
    assert node.pod().status.phase == "Running"


def test_a_container_that_fails_its_probe_and_ends_well_is_restarted(node: ScriptedNode) -> None:
    """However it takes the signal, as long as its restart policy restarts what has failed."""
    probe = {"periodSeconds": 1, "failureThreshold": 1, "exec": {"command": ["alive"]}}
    program = Program(stop_exit_code=0, commands={"alive": (0, 1)})
    node.create({"name": "c", "livenessProbe": probe}, programs={"c": program}, restartPolicy="OnFailure")
    program.commands["alive"] = (0, 0)
    node.after(5)
    status = node.pod().status
    assert (status.phase, status.containerStatuses[0].restartCount) == ("Running", 1)
