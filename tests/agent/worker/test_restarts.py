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
