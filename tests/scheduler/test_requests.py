from __future__ import annotations

from typing import Any

import pytest

from podium.models import codec, core_v1
from podium.scheduler.requests import DEFAULT_CPU, DEFAULT_MEMORY, Requests, pod_requests

MIB = 1024 * 1024


def container(cpu: str = "", *, always: bool = False, more: dict[str, str] | None = None) -> dict[str, Any]:
    requests = {**({"cpu": cpu} if cpu else {}), **(more or {})}
    restart = {"restartPolicy": "Always"} if always else {}
    return {"name": "c", "resources": {"requests": requests}, **restart}


def asked(containers: list[dict[str, Any]], init: list[dict[str, Any]] | None = None, **spec: Any) -> Requests:
    tree = {"containers": containers, "initContainers": init or [], **spec}
    return pod_requests(codec.from_tree(tree, core_v1.PodSpec))


@pytest.mark.parametrize(
    ("containers", "init", "cpu"),
    [
        ([], [], 0),
        (["1", "500m"], [], 1500),
        (["1"], ["2"], 2000),
        (["1", "1"], ["1500m"], 2000),
        (["1"], ["2", "3"], 3000),
        (["1", "1"], ["2", "+500m", "1"], 2500),
        (["1"], ["+500m", "2"], 2500),
        (["1"], ["2", "+500m"], 2000),
        (["1"], ["+1", "+1"], 3000),
    ],
)
def test_init_containers_run_one_after_another_beside_sidecars(
    containers: list[str], init: list[str], cpu: int
) -> None:
    before = [container(text.lstrip("+"), always=text.startswith("+")) for text in init]
    assert asked([container(text) for text in containers], before).cpu == cpu


def test_overhead_comes_on_top() -> None:
    found = asked([container("1")], overhead={"cpu": "250m", "memory": "1Mi"})
    assert (found.cpu, found.memory) == (1250, MIB)


def test_pod_level_resources_stand_for_the_sum() -> None:
    found = asked([container("1", more={"memory": "1Mi"})], resources={"requests": {"cpu": "3"}})
    assert (found.cpu, found.memory) == (3000, MIB)


def test_other_resources_are_kept_by_name() -> None:
    found = asked([container(more={"example.com/gpu": "2", "ephemeral-storage": "1Ki", "hugepages-2Mi": "0"})])
    assert found.scalars == (("example.com/gpu", 2),)
    assert found.ephemeral == 1024


def test_containers_that_ask_for_nothing_count_when_nodes_are_scored() -> None:
    found = asked([container(), container("50m")])
    assert (found.cpu, found.memory) == (50, 0)
    assert (found.scored_cpu, found.scored_memory) == (DEFAULT_CPU + 50, 2 * DEFAULT_MEMORY)
