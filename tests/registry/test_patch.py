"""Patches: the three kinds, conflicts and retries, what a patch may not do."""

from __future__ import annotations

from typing import Any

import pytest

from podium.machinery import errors
from podium.models import apps_v1, codec, core_v1, networking_v1
from podium.registry.types import Request
from tests.registry.test_update import deployment
from tests.registry.world import World, config_map, meta, pod

CM = core_v1.ConfigMap


def test_merge(world: World) -> None:
    world.create(config_map("a", x="1", y="2"))
    new = world.patch(CM, "a", {"data": {"x": None, "z": "3"}}, "merge")
    assert new.data == {"y": "2", "z": "3"}


def test_json(world: World) -> None:
    world.create(config_map("a", x="1"))
    new = world.patch(CM, "a", [{"op": "replace", "path": "/data/x", "value": "2"}], "json")
    assert new.data == {"x": "2"}


def test_strategic(world: World) -> None:
    world.create(deployment())
    patch = {"spec": {"template": {"spec": {"containers": [{"name": "side", "image": "i:2"}]}}}}
    new = world.patch(apps_v1.Deployment, "d", patch, "strategic")
    assert [one.name for one in new.spec.template.spec.containers] == ["side", "c"]
    assert new.metadata.generation == 2


def test_an_empty_patch_writes_nothing(world: World) -> None:
    made = world.create(config_map("a"))
    assert world.patch(CM, "a", {}).metadata.resourceVersion == made.metadata.resourceVersion


def test_a_resource_version_in_the_patch_is_insisted_on(world: World) -> None:
    made = world.create(config_map("a"))
    world.patch(CM, "a", {"data": {"x": "1"}, "metadata": {"resourceVersion": made.metadata.resourceVersion}})
    with pytest.raises(errors.Conflict):
        world.patch(CM, "a", {"data": {"x": "2"}, "metadata": {"resourceVersion": made.metadata.resourceVersion}})


def test_a_name_cannot_be_patched(world: World) -> None:
    world.create(config_map("a"))
    with pytest.raises(errors.BadRequest, match="does not match the name on the URL"):
        world.patch(CM, "a", {"metadata": {"name": "b"}})


def test_a_result_that_is_no_such_object_is_refused(world: World) -> None:
    world.create(config_map("a"))
    with pytest.raises(
        errors.Invalid, match=r"cannot unmarshal number into Go struct field ConfigMap\.data of type string"
    ):
        world.patch(CM, "a", {"data": {"x": 1}})


@pytest.mark.parametrize(("patch", "said"), [({"apiVersion": "v2"}, "v2"), ({"kind": "Secret"}, "Secret")])
def test_an_object_cannot_become_another_kind_or_version(world: World, patch: dict[str, Any], said: str) -> None:
    world.create(config_map("a"))
    with pytest.raises(errors.Invalid, match=f"no kind .*{said}"):
        world.patch(CM, "a", patch)
    assert b'"apiVersion":"v1"' in world.entry(CM, "a").data


@pytest.mark.parametrize("patch", [{"apiVersion": "", "kind": ""}, {"apiVersion": None, "kind": None}])
def test_kind_and_version_need_not_be_said(world: World, patch: dict[str, Any]) -> None:
    world.create(config_map("a"))
    new = world.patch(CM, "a", {**patch, "data": {"x": "1"}})
    assert (new.apiVersion, new.kind, new.data) == ("v1", "ConfigMap", {"x": "1"})


def test_what_a_strategic_patch_says_of_kind_and_version_means_nothing(world: World) -> None:
    world.create(config_map("a"))
    new = world.patch(CM, "a", {"apiVersion": "v2", "kind": "Secret", "data": {"x": "1"}}, "strategic")
    assert (new.apiVersion, new.kind, new.data) == ("v1", "ConfigMap", {"x": "1"})


def test_missing(world: World) -> None:
    with pytest.raises(errors.NotFound):
        world.patch(CM, "a", {})


def test_the_server_may_look_at_the_result(world: World) -> None:
    seen: list[Any] = []
    world.create(config_map("a"))
    request = Request(inspect=seen.append)
    world.run(world.registry.patch(request, world.row(CM), "default", "a", {"dada": {"x": "1"}}, "merge"))
    assert seen[0]["dada"] == {"x": "1"}


def test_of_the_status(world: World) -> None:
    world.create(pod())
    new = world.patch(
        core_v1.Pod, "web", {"status": {"phase": "Running"}, "spec": {"nodeName": "n"}}, "merge", "status"
    )
    assert (new.status.phase, new.spec.nodeName) == ("Running", "")


SERVICE = {"type": "LoadBalancer", "ports": [{"port": 80}]}
INGRESS = {"defaultBackend": {"service": {"name": "s", "port": {"number": 80}}}}
DEPLOYMENT = {
    "selector": {"matchLabels": {"a": "b"}},
    "template": {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "image": "i"}]}},
}


@pytest.mark.parametrize(
    ("model", "spec", "status", "kept"),
    [
        (core_v1.Service, SERVICE, {"loadBalancer": {"ingress": [{"ip": "169.1.1.1", "ipMode": "VIP"}]}}, True),
        (networking_v1.Ingress, INGRESS, {"loadBalancer": {"ingress": [{"ip": "169.1.1.1"}]}}, True),
        (apps_v1.ReplicaSet, DEPLOYMENT, {"replicas": 1}, True),
        (apps_v1.StatefulSet, {**DEPLOYMENT, "serviceName": "s"}, {"replicas": 1}, True),
        (apps_v1.Deployment, DEPLOYMENT, {"replicas": 1}, False),
    ],
)
def test_a_patch_of_the_status_may_annotate_where_kubernetes_lets_it(
    world: World, model: type[Any], spec: Any, status: Any, kept: bool
) -> None:
    world.create(codec.from_tree({"metadata": {"name": "a", "namespace": "default"}, "spec": spec}, model))
    tree = {"metadata": {"annotations": {"patchedstatus": "true"}}, "status": status, "spec": {"ignored": None}}
    new = world.patch(model, "a", tree, "merge", "status")
    assert (new.metadata.annotations == {"patchedstatus": "true"}) is kept
    assert codec.to_tree(new.status).items() >= status.items()


def test_patches_at_the_same_moment_all_come_true(world: World) -> None:
    """None insists on a revision, so none is told that others were quicker."""
    world.create(config_map("a"))
    outcomes = world.together(*(world.do_patch(CM, "a", {"data": {str(number): "x"}}) for number in range(99)))
    assert not [one for one in outcomes if isinstance(one, BaseException)]
    assert len(world.get(CM, "a").data) == 99


def test_a_patch_with_a_revision_is_not_tried_again(world: World) -> None:
    made = world.create(config_map("a"))
    version = made.metadata.resourceVersion
    patches = ({"data": {f"k{n}": "v"}, "metadata": {"resourceVersion": version}} for n in range(2))
    outcomes = world.together(*(world.do_patch(CM, "a", patch) for patch in patches))
    assert sum(isinstance(outcome, errors.Conflict) for outcome in outcomes) == 1


def test_scale(world: World) -> None:
    world.create(deployment())
    new = world.patch(apps_v1.Deployment, "d", {"spec": {"replicas": 5}}, "merge", "scale")
    assert new.kind == "Scale"
    assert new.spec.replicas == 5
    assert world.get(apps_v1.Deployment, "d").spec.replicas == 5


def test_cluster_wide(world: World) -> None:
    world.create(core_v1.Node(metadata=meta("n", "")))
    assert world.patch(core_v1.Node, "n", {"spec": {"unschedulable": True}}).spec.unschedulable is True
