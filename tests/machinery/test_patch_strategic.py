"""Strategic merge patches, as apimachinery carries them out and as kubectl makes them."""

from __future__ import annotations

from typing import Any

import pytest

from podium.machinery import patch_strategic, trees
from podium.machinery.errors import BadRequest, StatusError
from podium.models import apps_v1, core_v1

Tree = dict[str, Any]


def pod(**spec: Any) -> Tree:
    return {"spec": spec}


CASES: dict[str, tuple[type[Any], Tree, Tree, Tree]] = {
    "containers merge by name": (
        core_v1.Pod,
        pod(containers=[{"name": "web", "image": "nginx:1", "tty": True}, {"name": "log", "image": "fluentd"}]),
        pod(containers=[{"name": "web", "image": "nginx:2"}]),
        pod(containers=[{"name": "web", "image": "nginx:2", "tty": True}, {"name": "log", "image": "fluentd"}]),
    ),
    "an item with a new key comes before what only the server has": (
        core_v1.Pod,
        pod(containers=[{"name": "a"}, {"name": "b"}]),
        pod(containers=[{"name": "new"}]),
        pod(containers=[{"name": "new"}, {"name": "a"}, {"name": "b"}]),
    ),
    "known and new items keep the patch's order, the server's are woven in": (
        core_v1.Pod,
        pod(containers=[{"name": "a"}, {"name": "b"}, {"name": "c"}]),
        pod(containers=[{"name": "b", "image": "x"}, {"name": "n"}]),
        pod(containers=[{"name": "a"}, {"name": "b", "image": "x"}, {"name": "n"}, {"name": "c"}]),
    ),
    "ports merge by containerPort alone": (
        core_v1.Pod,
        pod(containers=[{"name": "a", "ports": [{"containerPort": 80, "protocol": "TCP"}]}]),
        pod(containers=[{"name": "a", "ports": [{"containerPort": 80, "name": "http"}, {"containerPort": 443}]}]),
        pod(
            containers=[
                {
                    "name": "a",
                    "ports": [{"containerPort": 80, "protocol": "TCP", "name": "http"}, {"containerPort": 443}],
                }
            ]
        ),
    ),
    "env by name, null deletes a field": (
        core_v1.Pod,
        pod(containers=[{"name": "a", "env": [{"name": "X", "value": "1"}, {"name": "Y", "value": "2"}]}]),
        pod(
            containers=[
                {"name": "a", "env": [{"name": "X", "value": None, "valueFrom": {"fieldRef": {"fieldPath": "p"}}}]}
            ]
        ),
        pod(
            containers=[
                {
                    "name": "a",
                    "env": [{"name": "X", "valueFrom": {"fieldRef": {"fieldPath": "p"}}}, {"name": "Y", "value": "2"}],
                }
            ]
        ),
    ),
    "delete an item": (
        core_v1.Pod,
        pod(containers=[{"name": "a"}, {"name": "b"}]),
        pod(containers=[{"name": "a", "$patch": "delete"}]),
        pod(containers=[{"name": "b"}]),
    ),
    "replace a list": (
        core_v1.Pod,
        pod(containers=[{"name": "a"}, {"name": "b"}]),
        pod(containers=[{"$patch": "replace"}, {"name": "c"}]),
        pod(containers=[{"name": "c"}]),
    ),
    "replace an object": (
        core_v1.Pod,
        pod(securityContext={"runAsUser": 1, "fsGroup": 2}),
        pod(securityContext={"$patch": "replace", "runAsGroup": 3}),
        pod(securityContext={"runAsGroup": 3}),
    ),
    "empty an object": (
        core_v1.Pod,
        pod(securityContext={"runAsUser": 1}),
        pod(securityContext={"$patch": "delete"}),
        pod(securityContext={}),
    ),
    "tolerations are replaced as a whole": (
        core_v1.Pod,
        pod(tolerations=[{"key": "a"}, {"key": "b"}]),
        pod(tolerations=[{"key": "c"}]),
        pod(tolerations=[{"key": "c"}]),
    ),
    "command is replaced as a whole": (
        core_v1.Pod,
        pod(containers=[{"name": "a", "command": ["x", "y"]}]),
        pod(containers=[{"name": "a", "command": ["z"]}]),
        pod(containers=[{"name": "a", "command": ["z"]}]),
    ),
    "finalizers merge, new first": (
        core_v1.Pod,
        {"metadata": {"finalizers": ["a", "b"]}},
        {"metadata": {"finalizers": ["c", "a"]}},
        {"metadata": {"finalizers": ["c", "a", "b"]}},
    ),
    "finalizers are deleted": (
        core_v1.Pod,
        {"metadata": {"finalizers": ["a", "b", "c"]}},
        {"metadata": {"$deleteFromPrimitiveList/finalizers": ["b", "zzz"]}},
        {"metadata": {"finalizers": ["a", "c"]}},
    ),
    "deleting from a list that isn't there adds nothing": (
        core_v1.Pod,
        {"metadata": {}},
        {"metadata": {"$deleteFromPrimitiveList/finalizers": ["b"]}},
        {"metadata": {}},
    ),
    "ownerReferences merge by uid": (
        core_v1.Pod,
        {"metadata": {"ownerReferences": [{"uid": "1", "name": "a"}]}},
        {"metadata": {"ownerReferences": [{"uid": "1", "$patch": "delete"}, {"uid": "2", "name": "b"}]}},
        {"metadata": {"ownerReferences": [{"uid": "2", "name": "b"}]}},
    ),
    "conditions merge by type": (
        core_v1.Pod,
        {"status": {"conditions": [{"type": "Ready", "status": "False"}, {"type": "Init", "status": "True"}]}},
        {"status": {"conditions": [{"type": "Ready", "status": "True"}]}},
        {"status": {"conditions": [{"type": "Ready", "status": "True"}, {"type": "Init", "status": "True"}]}},
    ),
    "labels merge, null deletes": (
        core_v1.Pod,
        {"metadata": {"labels": {"a": "1", "b": "2"}}},
        {"metadata": {"labels": {"a": None, "c": "3"}}},
        {"metadata": {"labels": {"b": "2", "c": "3"}}},
    ),
    "a null in something new leaves nothing": (
        core_v1.Pod,
        {"metadata": {}},
        {"metadata": {"labels": {"a": None, "c": "3"}, "annotations": None}},
        {"metadata": {"labels": {"c": "3"}}},
    ),
    "the strategy keeps what retainKeys names": (
        apps_v1.Deployment,
        {"spec": {"strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1}}}},
        {"spec": {"strategy": {"$retainKeys": ["type"], "type": "Recreate"}}},
        {"spec": {"strategy": {"type": "Recreate"}}},
    ),
    "a volume changes its source with retainKeys": (
        core_v1.Pod,
        pod(volumes=[{"name": "v", "emptyDir": {}}, {"name": "w", "emptyDir": {}}]),
        pod(volumes=[{"$retainKeys": ["name", "hostPath"], "name": "v", "hostPath": {"path": "/x"}}]),
        pod(volumes=[{"name": "v", "hostPath": {"path": "/x"}}, {"name": "w", "emptyDir": {}}]),
    ),
    "setElementOrder orders what the patch doesn't change": (
        core_v1.Pod,
        pod(containers=[{"name": "a"}, {"name": "b"}, {"name": "s"}]),
        pod(**{"$setElementOrder/containers": [{"name": "b"}, {"name": "a"}]}),
        pod(containers=[{"name": "b"}, {"name": "a"}, {"name": "s"}]),
    ),
    "setElementOrder with an addition and a deletion": (
        core_v1.Pod,
        pod(containers=[{"name": "a"}, {"name": "b"}, {"name": "s"}]),
        pod(
            **{
                "$setElementOrder/containers": [{"name": "n"}, {"name": "a"}],
                "containers": [{"name": "n"}, {"name": "b", "$patch": "delete"}],
            }
        ),
        pod(containers=[{"name": "n"}, {"name": "a"}, {"name": "s"}]),
    ),
    "setElementOrder of scalars": (
        core_v1.Pod,
        {"metadata": {"finalizers": ["a", "b"]}},
        {"metadata": {"$setElementOrder/finalizers": ["b", "c", "a"], "finalizers": ["c"]}},
        {"metadata": {"finalizers": ["b", "c", "a"]}},
    ),
    "directives in something new are not stored": (
        core_v1.Pod,
        {},
        pod(
            **{
                "$setElementOrder/containers": [{"name": "a"}],
                "containers": [{"name": "a", "$retainKeys": ["name"]}, {"name": "b", "$patch": "delete"}],
            }
        ),
        pod(containers=[{"name": "a"}]),
    ),
    "Services' ports merge by port": (
        core_v1.Service,
        {"spec": {"ports": [{"port": 80, "targetPort": 8080}]}},
        {"spec": {"ports": [{"port": 80, "targetPort": "http"}]}},
        {"spec": {"ports": [{"port": 80, "targetPort": "http"}]}},
    ),
    "a type may change": (
        apps_v1.Deployment,
        {"spec": {"strategy": {"rollingUpdate": {"maxSurge": 1}}}},
        {"spec": {"strategy": {"rollingUpdate": {"maxSurge": "25%"}}}},
        {"spec": {"strategy": {"rollingUpdate": {"maxSurge": "25%"}}}},
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_apply(name: str) -> None:
    kind, document, patch, expected = CASES[name]
    before, given = trees.copied(document), trees.copied(patch)
    assert patch_strategic.apply(document, patch, kind) == expected
    assert document == before
    assert patch == given


@pytest.mark.parametrize(
    ("document", "patch", "message"),
    [
        (
            pod(containers=[{"name": "a"}]),
            pod(containers=[{"image": "nginx"}]),
            "map: map[image:nginx] does not contain declared merge key: name",
        ),
        (pod(securityContext={}), pod(securityContext={"$patch": "x"}), "unknown patch type: x in map: map[$patch:x]"),
        (
            pod(containers=[{"name": "a"}]),
            pod(containers=[{"name": "b", "$patch": "merge"}]),
            "merging lists cannot yet be specified in the patch",
        ),
        (pod(volumes=[]), pod(**{"$retainKeys": "x"}), "invalid patch format of retainKeys"),
        (pod(), pod(**{"$retainKeys": ["volumes"], "containers": []}), "invalid patch format of retainKeys"),
        (pod(), pod(**{"$setElementOrder/containers": {}}), "invalid patch format of setElementOrder list"),
        (pod(), pod(**{"$setElementOrderX": []}), "invalid patch format of setElementOrder list"),
        (
            {"metadata": {"finalizers": ["a"]}},
            {"metadata": {"$deleteFromPrimitiveList/finalizers": "a"}},
            "invalid patch format of primitive list",
        ),
        (
            pod(containers=[{"name": "a"}]),
            pod(containers=["a"]),
            "list element types are not identical: [[map[name:a]] [a]]",
        ),
        (pod(containers=[{"name": "a"}]), pod(containers=[["a"]]), "lists of lists are not supported"),
        (
            pod(containers=[{"name": "a"}]),
            pod(**{"$setElementOrder/containers": [{"name": "a"}], "containers": [{"name": "b"}]}),
            "The order in patch list:\n[map[name:b]]\n doesn't match $setElementOrder list:\n[map[name:a]]\n",
        ),
    ],
)
def test_senseless_patches(document: Tree, patch: Tree, message: str) -> None:
    with pytest.raises(StatusError) as caught:
        patch_strategic.apply(document, patch, core_v1.Pod)
    assert caught.value.message.endswith(message)
    assert caught.value.code in (400, 422)


def test_a_patch_is_an_object() -> None:
    with pytest.raises(BadRequest, match="cannot unmarshal array into Go value of type map"):
        patch_strategic.apply({}, [], core_v1.Pod)


def deployment(containers: list[Tree], **spec: Any) -> Tree:
    return {"spec": {**spec, "template": {"spec": {"containers": containers}}}}


THREE_WAY: dict[str, tuple[Tree, Tree, Tree, Tree]] = {
    "nothing to do": (
        deployment([{"name": "a"}]),
        deployment([{"name": "a"}]),
        deployment([{"name": "a", "imagePullPolicy": "Always"}], replicas=3),
        {},
    ),
    "an image changes": (
        deployment([{"name": "a", "image": "1"}]),
        deployment([{"name": "a", "image": "2"}]),
        deployment([{"name": "a", "image": "1", "imagePullPolicy": "Always"}]),
        {
            "spec": {
                "template": {
                    "spec": {
                        "$setElementOrder/containers": [{"name": "a"}],
                        "containers": [{"name": "a", "image": "2"}],
                    }
                }
            }
        },
    ),
    "a container goes": (
        deployment([{"name": "a"}, {"name": "b"}]),
        deployment([{"name": "a"}]),
        deployment([{"name": "a"}, {"name": "b"}, {"name": "injected"}]),
        {
            "spec": {
                "template": {
                    "spec": {
                        "$setElementOrder/containers": [{"name": "a"}],
                        "containers": [{"$patch": "delete", "name": "b"}],
                    }
                }
            }
        },
    ),
    "a field goes, one that somebody else set stays": (
        {"spec": {"replicas": 2, "paused": True}},
        {"spec": {"replicas": 2}},
        {"spec": {"replicas": 2, "paused": True, "minReadySeconds": 4}},
        {"spec": {"paused": None}},
    ),
    "a drifted field is set back": (
        {"spec": {"replicas": 2}},
        {"spec": {"replicas": 2}},
        {"spec": {"replicas": 5}},
        {"spec": {"replicas": 2}},
    ),
    "the strategy says what it keeps": (
        {"spec": {"strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1}}}},
        {"spec": {"strategy": {"type": "Recreate"}}},
        {"spec": {"strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1}}}},
        {"spec": {"strategy": {"$retainKeys": ["type"], "type": "Recreate", "rollingUpdate": None}}},
    ),
    "finalizers": (
        {"metadata": {"finalizers": ["a", "b"]}},
        {"metadata": {"finalizers": ["b", "c"]}},
        {"metadata": {"finalizers": ["a", "b", "x"]}},
        {
            "metadata": {
                "$deleteFromPrimitiveList/finalizers": ["a"],
                "$setElementOrder/finalizers": ["b", "c"],
                "finalizers": ["c"],
            }
        },
    ),
}


@pytest.mark.parametrize("name", THREE_WAY)
def test_three_way(name: str) -> None:
    original, modified, current, expected = THREE_WAY[name]
    assert patch_strategic.three_way(original, modified, current, apps_v1.Deployment) == expected


@pytest.mark.parametrize("name", THREE_WAY)
def test_three_way_is_enough(name: str) -> None:
    """Applied to what there is, doing it again changes nothing."""
    original, modified, current, _ = THREE_WAY[name]
    patch = patch_strategic.three_way(original, modified, current, apps_v1.Deployment)
    result = patch_strategic.apply(current, patch, apps_v1.Deployment)
    again = patch_strategic.three_way(modified, modified, result, apps_v1.Deployment)
    assert patch_strategic.apply(result, again, apps_v1.Deployment) == result


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case[0] is core_v1.Pod])
def test_two_way_leads_there(name: str) -> None:
    kind, document, _, expected = CASES[name]
    patch = patch_strategic.two_way(document, expected, kind)
    assert patch_strategic.apply(document, patch, kind) == expected
    assert patch_strategic.two_way(expected, expected, kind) == {}
