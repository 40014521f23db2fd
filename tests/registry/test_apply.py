"""Server-side apply as a verb, and managed fields as other writes leave them."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from podium.machinery import errors
from podium.models import apps_v1, autoscaling_v1, codec, core_v1, meta_v1
from podium.registry.types import Request
from tests.registry.test_update import deployment
from tests.registry.world import World, changed, config_map, meta, pod

CM = core_v1.ConfigMap
DEPLOYMENT = apps_v1.Deployment


def config(model: type[Any] = CM, name: str = "a", **more: Any) -> dict[str, Any]:
    empty = model()
    metadata = {"name": name, **more.pop("metadata", {})}
    return {"apiVersion": empty.apiVersion, "kind": empty.kind, "metadata": metadata, **more}


def apply(
    world: World, tree: Any, manager: str = "me", subresource: str = "", model: type[Any] = CM, **more: Any
) -> Any:
    request = Request(field_manager=manager, **more)
    name = tree["metadata"].get("name", "a") if isinstance(tree.get("metadata"), dict) else "a"
    return world.run(
        world.registry.patch(request, world.row(model), "default", name, tree, "apply", subresource)
    ).object


def patch(world: World, model: type[Any], name: str, tree: Any, manager: str, subresource: str = "") -> Any:
    request = Request(field_manager=manager)
    return world.run(
        world.registry.patch(request, world.row(model), "default", name, tree, "merge", subresource)
    ).object


def owned(obj: Any) -> dict[str, Any]:
    return {
        " ".join(filter(None, (entry.manager, entry.operation, entry.subresource))): entry.fieldsV1
        for entry in obj.metadata.managedFields
    }


def template(image: str = "i:1") -> dict[str, Any]:
    return {
        "selector": {"matchLabels": {"app": "d"}},
        "template": {
            "metadata": {"labels": {"app": "d"}},
            "spec": {"containers": [{"name": "c", "image": image, "ports": [{"containerPort": 80}]}]},
        },
    }


def test_creates_what_is_missing(world: World) -> None:
    request = Request(field_manager="me")
    row = world.row(CM)
    entry = world.run(world.registry.patch(request, row, "default", "a", config(data={"x": "1"}), "apply"))
    assert request.created
    assert entry.object.data == {"x": "1"}
    (managed,) = entry.object.metadata.managedFields
    assert managed == meta_v1.ManagedFieldsEntry(
        manager="me",
        operation="Apply",
        apiVersion="v1",
        time=world.core.now(),
        fieldsType="FieldsV1",
        fieldsV1={"f:data": {"f:x": {}}},
    )


def test_merges_into_what_is_there(world: World) -> None:
    apply(world, config(data={"x": "1"}))
    new = apply(world, config(data={"y": "2"}), "other")
    assert new.data == {"x": "1", "y": "2"}
    assert owned(new) == {"me Apply": {"f:data": {"f:x": {}}}, "other Apply": {"f:data": {"f:y": {}}}}
    assert apply(world, config(), "me").data == {"y": "2"}


def test_the_last_label_goes_and_the_rest_of_the_metadata_stays(world: World) -> None:
    made = apply(world, config(metadata={"labels": {"x": "1"}}))
    new = apply(world, config(data={"y": "2"}))
    assert not new.metadata.labels
    assert new.metadata.uid == made.metadata.uid
    assert owned(new) == {"me Apply": {"f:data": {"f:y": {}}}}


def test_defaults_are_nobodys(world: World) -> None:
    made = apply(world, config(DEPLOYMENT, spec=template()), model=DEPLOYMENT)
    assert made.spec.replicas == 1
    spec = owned(made)["me Apply"]["f:spec"]
    assert set(spec) == {"f:selector", "f:template"}
    port = 'k:{"containerPort":80,"protocol":"TCP"}'
    (container,) = spec["f:template"]["f:spec"]["f:containers"].values()
    assert container["f:ports"] == {port: {".": {}, "f:containerPort": {}}}


def test_an_apply_that_changes_nothing_writes_nothing(world: World) -> None:
    tree = config(DEPLOYMENT, spec=template())
    made = apply(world, tree, model=DEPLOYMENT)
    world.run(world.clock.sleep(60))
    again = apply(world, tree, model=DEPLOYMENT)
    assert again.metadata.resourceVersion == made.metadata.resourceVersion
    assert again.metadata.generation == 1


def test_another_way_to_write_the_same_writes_nothing(world: World) -> None:
    spec = template()
    spec["template"]["spec"]["containers"][0]["resources"] = {"limits": {"cpu": "1000m"}}
    made = apply(world, config(DEPLOYMENT, spec=spec), model=DEPLOYMENT)
    world.run(world.clock.sleep(60))
    again = apply(world, config(DEPLOYMENT, spec=spec), model=DEPLOYMENT)
    assert again.metadata.resourceVersion == made.metadata.resourceVersion


def test_two_may_say_what_generators_like_to_say(world: World) -> None:
    """`creationTimestamp: null` and `status: {}` are in many a manifest, and are nobody's concern."""
    spec = template()
    spec["template"]["metadata"]["creationTimestamp"] = None
    tree = config(DEPLOYMENT, metadata={"creationTimestamp": None}, spec=spec, status={})
    made = apply(world, tree, model=DEPLOYMENT)
    world.run(world.clock.sleep(60))
    new = apply(world, tree, "other", model=DEPLOYMENT)
    assert new.metadata.creationTimestamp == made.metadata.creationTimestamp is not None
    assert apply(world, tree, model=DEPLOYMENT).metadata.resourceVersion == new.metadata.resourceVersion


@pytest.mark.parametrize(
    ("tree", "error", "message"),
    [
        (config(kind="Secret"), errors.BadRequest, "invalid object type: /v1, Kind=Secret"),
        (config(apiVersion="apps/v1"), errors.BadRequest, "invalid object type: apps/v1, Kind=ConfigMap"),
        (config(metadata={"managedFields": []}), errors.BadRequest, "metadata.managedFields must be nil"),
        (
            config(metadata={"namespace": "default"}, dada={}),
            errors.StatusError,
            "failed to create typed patch object (default/a; /v1, Kind=ConfigMap): .dada: field not declared in schema",
        ),
        (
            config(metadata={"uid": "u"}),
            errors.Conflict,
            'Operation cannot be fulfilled on configmaps "a": uid mismatch: the provided object specified uid u, and '
            "no existing object was found",
        ),
        (
            {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {}},
            errors.BadRequest,
            "the name of the object (a based on URL) was undeterminable: name must be provided",
        ),
    ],
)
def test_refused(world: World, tree: Any, error: type[errors.StatusError], message: str) -> None:
    with pytest.raises(error) as caught:
        apply(world, tree)
    assert caught.value.message == message


def test_a_manager_is_required(world: World) -> None:
    with pytest.raises(errors.Invalid) as caught:
        apply(world, config(), "")
    assert caught.value.message == (
        'PatchOptions.meta.k8s.io "" is invalid: fieldManager: Required value: is required for apply patch'
    )


def test_who_may_not_create_is_refused(world: World) -> None:
    def no() -> None:
        raise errors.Forbidden("configmaps", "a", "no")

    with pytest.raises(errors.Forbidden):
        apply(world, config(), may_create=no)
    world.create(config_map("a"))
    apply(world, config(data={"x": "1"}), may_create=no)


def test_a_dry_run_changes_nothing(world: World) -> None:
    assert apply(world, config(data={"x": "1"}), dry_run=True).data == {"x": "1"}
    with pytest.raises(errors.NotFound):
        world.get(CM, "a")


def test_conflicts_and_force(world: World) -> None:
    apply(world, config(data={"x": "1"}))
    patch(world, CM, "a", {"data": {"x": "2"}}, "kubectl-edit")
    with pytest.raises(errors.StatusError) as caught:
        apply(world, config(data={"x": "1"}))
    assert caught.value.code == 409
    assert caught.value.message == 'Apply failed with 1 conflict: conflict with "kubectl-edit" using v1: .data.x'
    new = apply(world, config(data={"x": "1"}), force=True)
    assert owned(new) == {"me Apply": {"f:data": {"f:x": {}}}}


def test_a_resource_version_is_insisted_on(world: World) -> None:
    made = apply(world, config(data={"x": "1"}))
    version = made.metadata.resourceVersion
    apply(world, config(data={"x": "2"}, metadata={"resourceVersion": version}))
    with pytest.raises(errors.Conflict):
        apply(world, config(data={"x": "3"}, metadata={"resourceVersion": version}))


def test_many_at_once(world: World) -> None:
    async def one(number: int) -> Any:
        request, tree = Request(field_manager=f"m{number}"), config(data={f"k{number}": "1"})
        return await world.registry.patch(request, world.row(CM), "default", "a", tree, "apply")

    async def all_of_them() -> None:
        await asyncio.gather(*(one(number) for number in range(5)))

    world.run(all_of_them())
    found = world.get(CM, "a")
    assert len(found.data) == len(found.metadata.managedFields) == 5


# --- what other writes leave ----------------------------------------------------------------------------------------


def test_a_new_object_is_its_creators(world: World) -> None:
    made = world.create(deployment(), Request(field_manager="kubectl-create"))
    fields = owned(made)["kubectl-create Update"]
    assert set(fields) == {"f:spec"}
    assert fields["f:spec"]["f:replicas"] == {}
    assert fields["f:spec"]["f:strategy"]["f:rollingUpdate"] == {".": {}, "f:maxSurge": {}, "f:maxUnavailable": {}}


def test_of_a_component_in_the_process_nothing_is_kept(world: World) -> None:
    made = world.create(config_map("a", x="1"))
    assert made.metadata.managedFields == ()
    new = patch(world, CM, "a", {"data": {"x": "2"}}, "kubectl-edit")
    assert new.metadata.managedFields == (), "as in Kubernetes, of an object that nobody followed so far"


def test_such_an_object_belongs_to_nobody_in_particular_until_it_is_applied(world: World) -> None:
    world.create(config_map("a", x="1", y="2"))
    with pytest.raises(errors.StatusError, match=r'conflict with "before-first-apply" using v1: \.data\.x'):
        apply(world, config(data={"x": "2"}))
    new = apply(world, config(data={"x": "1"}))
    assert owned(new) == {
        "me Apply": {"f:data": {"f:x": {}}},
        "before-first-apply Update": {"f:data": {".": {}, "f:x": {}, "f:y": {}}},
    }


def test_a_component_that_changes_what_was_applied_owns_it(world: World) -> None:
    apply(world, config(DEPLOYMENT, spec={"replicas": 2, **template()}), model=DEPLOYMENT)
    world.patch(DEPLOYMENT, "a", {"spec": {"replicas": 5}}, "merge", "scale")
    with pytest.raises(errors.StatusError) as caught:
        apply(world, config(DEPLOYMENT, spec={"replicas": 2, **template()}), model=DEPLOYMENT)
    assert caught.value.message == (
        'Apply failed with 1 conflict: conflict with "kube-controller-manager" with subresource "scale" using apps/v1: '
        ".spec.replicas"
    )


def test_a_component_owns_what_it_changes_in_an_object_that_is_followed(world: World) -> None:
    world.create(deployment(), Request(field_manager="kubectl-create"))
    world.patch(DEPLOYMENT, "d", {"spec": {"replicas": 5}}, "merge", "scale")
    fields = owned(world.get(DEPLOYMENT, "d"))
    assert fields["kube-controller-manager Update scale"] == {"f:spec": {"f:replicas": {}}}
    assert "f:replicas" not in fields["kubectl-create Update"]["f:spec"]


def test_statuses_are_followed_apart(world: World) -> None:
    world.create(pod(), Request(field_manager="me"))
    new = patch(world, core_v1.Pod, "web", {"status": {"phase": "Running"}}, "kubelet", "status")
    assert owned(new)["kubelet Update status"] == {"f:status": {"f:phase": {}}}
    assert "f:status" not in owned(new)["me Update"]


def test_statuses_by_components_are_followed_once_somebody_applied(world: World) -> None:
    world.create(pod(), Request(field_manager="me"))
    world.patch(core_v1.Pod, "web", {"status": {"phase": "Running"}}, "merge", "status")
    assert set(owned(world.get(core_v1.Pod, "web"))) == {"me Update"}
    tree = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web", "labels": {"x": "1"}}}
    apply(world, tree, model=core_v1.Pod)
    new = world.patch(core_v1.Pod, "web", {"status": {"phase": "Failed"}}, "merge", "status")
    assert owned(new)["kube-controller-manager Update status"] == {"f:status": {"f:phase": {}}}


def test_apply_to_the_status(world: World) -> None:
    world.create(pod(), Request(field_manager="me"))
    tree = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web"}, "status": {"message": "hi"}}
    new = apply(world, tree, "agent", "status", core_v1.Pod)
    assert new.status.message == "hi"
    assert owned(new)["agent Apply status"] == {"f:status": {"f:message": {}}}
    assert not apply(world, tree, "agent", "", core_v1.Pod).metadata.labels
    assert "agent Apply" not in owned(world.get(core_v1.Pod, "web")), "the object's own path has no say in its status"
    with pytest.raises(errors.NotFound):
        apply(world, {**tree, "metadata": {"name": "other"}}, "agent", "status", core_v1.Pod)


def test_apply_to_the_scale(world: World) -> None:
    apply(world, config(DEPLOYMENT, spec={"replicas": 2, **template()}), model=DEPLOYMENT)
    tree = config(autoscaling_v1.Scale, spec={"replicas": 4})
    with pytest.raises(errors.StatusError, match=r'conflict with "me": .spec.replicas'):
        apply(world, tree, "scaler", "scale", DEPLOYMENT)
    scale = apply(world, tree, "scaler", "scale", DEPLOYMENT, force=True)
    assert (scale.kind, scale.spec.replicas) == ("Scale", 4)
    fields = owned(world.get(DEPLOYMENT, "a"))
    assert fields["scaler Apply scale"] == {"f:spec": {"f:replicas": {}}}
    assert "f:replicas" not in fields["me Apply"]["f:spec"]


def test_apply_to_a_second_version(world: World) -> None:
    v1 = autoscaling_v1.HorizontalPodAutoscaler
    spec = {"maxReplicas": 3, "scaleTargetRef": {"kind": "Deployment", "name": "d", "apiVersion": "apps/v1"}}
    made = apply(world, config(v1, spec=spec), model=v1)
    assert (made.apiVersion, made.spec.maxReplicas) == ("autoscaling/v1", 3)
    again = apply(world, config(v1, spec={**spec, "maxReplicas": 4}), model=v1)
    assert again.spec.maxReplicas == 4
    assert [entry.apiVersion for entry in again.metadata.managedFields] == ["autoscaling/v1"]


def test_managed_fields_that_are_sent_are_taken(world: World) -> None:
    made = apply(world, config(data={"x": "1"}), "kubectl-client")
    (entry,) = made.metadata.managedFields
    entry = codec.copy(entry)
    entry.manager = "kubectl"
    new = world.update(changed(made, metadata__managedFields=(entry,)), request=Request(field_manager="migrate"))
    assert owned(new) == {"kubectl Apply": {"f:data": {"f:x": {}}}}


@pytest.mark.parametrize(
    "entry",
    [
        meta_v1.ManagedFieldsEntry(manager="x", operation="Steal", fieldsType="FieldsV1", fieldsV1={"f:a": {}}),
        meta_v1.ManagedFieldsEntry(manager="x", operation="Apply", fieldsType="FieldsV2"),
        meta_v1.ManagedFieldsEntry(manager="x", operation="Apply", fieldsType="FieldsV1", fieldsV1={"a": {}}),
    ],
)
def test_those_that_make_no_sense_are_not(world: World, entry: meta_v1.ManagedFieldsEntry) -> None:
    made = apply(world, config(data={"x": "1"}))
    new = world.update(changed(made, metadata__managedFields=(entry,)), request=Request(field_manager="u"))
    assert owned(new) == owned(made)


def test_none_are_no_reason_to_forget_but_an_empty_one_is(world: World) -> None:
    made = apply(world, config(data={"x": "1"}))
    kept = world.update(changed(made, metadata__managedFields=()), request=Request(field_manager="u"))
    assert owned(kept) == owned(made)
    empty = meta_v1.ManagedFieldsEntry()
    new = world.update(changed(kept, metadata__managedFields=(empty,)), request=Request(field_manager="u"))
    assert new.metadata.managedFields == ()


def test_the_oldest_of_many_updaters_become_one(world: World) -> None:
    apply(world, config(data={"x": "1"}))
    for number in range(13):
        world.run(world.clock.sleep(timedelta(seconds=1).total_seconds()))
        patch(world, CM, "a", {"data": {f"k{number}": "1"}}, f"m{number:02}")
    fields = owned(world.get(CM, "a"))
    assert len(fields) == 11
    assert set(fields["ancient-changes Update"]["f:data"]) == {"f:k0", "f:k1", "f:k2", "f:k3"}


def test_from_client_side_to_server_side_apply(world: World) -> None:
    """kubectl may change what its annotation shows that it applied, and keeps the annotation."""
    annotation = "kubectl.kubernetes.io/last-applied-configuration"
    last = codec.canonical(config(data={"x": "1"})).decode()
    old = CM(metadata=meta("a", annotations={annotation: last}), data={"x": "1"})
    world.create(old, Request(field_manager="kubectl-client-side-apply"))
    with pytest.raises(errors.StatusError, match="conflict with"):
        apply(world, config(data={"x": "2"}), "other")
    new = apply(world, config(data={"x": "2"}), "kubectl")
    assert new.data == {"x": "2"}
    assert '"x":"2"' in new.metadata.annotations[annotation]
    patch(world, CM, "a", {"data": {"x": "3"}}, "kubectl-edit")
    with pytest.raises(errors.StatusError, match='conflict with "kubectl-edit" using v1'):
        apply(world, config(data={"x": "4"}), "kubectl")
