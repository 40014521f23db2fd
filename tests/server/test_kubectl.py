"""Stock kubectl against a server process of its own: what it sends is the contract."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.server.harness import DEPLOYMENT, KUBECTL, Kubectl

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(not KUBECTL.exists(), reason="scripts/install_test_tools has not been run"),
    pytest.mark.xdist_group("kubectl"),
]


def read(kubectl: Kubectl, *args: str) -> Any:
    return json.loads(kubectl("get", *args, "-o", "json"))


def test_apply_get_patch_delete(kubectl: Kubectl, namespace: str) -> None:
    assert kubectl("apply", "-n", namespace, "-f", "-", stdin=DEPLOYMENT) == "deployment.apps/web created\n"
    assert kubectl("apply", "-n", namespace, "-f", "-", stdin=DEPLOYMENT) == "deployment.apps/web unchanged\n"
    changed = DEPLOYMENT.replace("replicas: 2", "replicas: 3")
    assert kubectl("apply", "-n", namespace, "-f", "-", stdin=changed) == "deployment.apps/web configured\n"
    assert read(kubectl, "deploy", "web", "-n", namespace)["spec"]["replicas"] == 3
    kubectl("patch", "deploy", "web", "-n", namespace, "-p", '{"spec":{"replicas":4}}')
    kubectl("scale", "deploy", "web", "-n", namespace, "--replicas=5", "--current-replicas=4")
    kubectl("set", "image", "deploy/web", "-n", namespace, "app=example/app:v2")
    kubectl("label", "deploy", "web", "-n", namespace, "tier=front")
    kubectl("annotate", "deploy", "web", "-n", namespace, "note=yes")
    found = read(kubectl, "deploy", "web", "-n", namespace)
    assert found["spec"]["replicas"] == 5
    assert found["spec"]["template"]["spec"]["containers"][0]["image"] == "example/app:v2"
    assert found["metadata"]["labels"]["tier"] == "front"
    assert "web" in kubectl("get", "deploy", "-n", namespace, "-l", "tier=front")
    assert "No resources" not in kubectl("describe", "deploy", "web", "-n", namespace)
    assert "deleted" in kubectl("delete", "deploy", "web", "-n", namespace)
    assert "NotFound" in kubectl("get", "deploy", "web", "-n", namespace, fails=True)


def test_a_kind_that_is_not_served(kubectl: Kubectl) -> None:
    """kubectl looks for it in OpenAPI v3 and then, as protobuf, in v2, before it says so."""
    old = DEPLOYMENT.replace("apps/v1", "extensions/v1beta1")
    said = kubectl("apply", "-f", "-", stdin=old, fails=True)
    assert 'no matches for kind "Deployment" in version "extensions/v1beta1"' in said


def test_what_is_sent_as_protobuf(kubectl: Kubectl, namespace: str) -> None:
    for args in (
        ("deployment", "web", "--image=nginx", "--replicas=2"),
        ("configmap", "settings", "--from-literal=a=b"),
        ("secret", "generic", "key", "--from-literal=a=b"),
        ("serviceaccount", "builder"),
        ("quota", "limits", "--hard=pods=3"),
        ("job", "once", "--image=busybox", "--", "true"),
        ("cronjob", "nightly", "--image=busybox", "--schedule=0 0 * * *", "--", "true"),
        ("role", "reader", "--verb=get,list", "--resource=pods"),
        ("rolebinding", "readers", "--role=reader", f"--serviceaccount={namespace}:builder"),
    ):
        assert "created" in kubectl("create", *args, "-n", namespace)
    assert "autoscaled" in kubectl("autoscale", "deployment", "web", "--min=1", "--max=3", "-n", namespace)
    assert read(kubectl, "configmap", "settings", "-n", namespace)["data"] == {"a": "b"}
    assert read(kubectl, "deploy", "web", "-n", namespace)["spec"]["replicas"] == 2
    hpa = read(kubectl, "hpa", "web", "-n", namespace)
    assert (hpa["apiVersion"], hpa["spec"]["maxReplicas"]) == ("autoscaling/v2", 3)
    assert kubectl("create", "token", "builder", "-n", namespace).count(".") == 2


def test_strict_validation(kubectl: Kubectl, namespace: str) -> None:
    wrong = DEPLOYMENT.replace("replicas: 2", "replicas: 2\n  replcias: 3")
    refused = kubectl("create", "-n", namespace, "-f", "-", stdin=wrong, fails=True)
    assert 'strict decoding error: unknown field "spec.replcias"' in refused
    kubectl("apply", "-n", namespace, "-f", "-", stdin=DEPLOYMENT)
    refused = kubectl("apply", "-n", namespace, "-f", "-", stdin=wrong, fails=True)
    assert 'unknown field "spec.replcias"' in refused


def test_explain(kubectl: Kubectl) -> None:
    text = kubectl("explain", "deployment.spec.strategy.rollingUpdate.maxSurge")
    assert "KIND:       Deployment" in text
    assert "FIELD: maxSurge <IntOrString>" in text
    assert "containers" in kubectl("explain", "pods.spec", "--recursive")
    assert "does not exist" in kubectl("explain", "pods.none", fails=True)


def test_can_i(kubectl: Kubectl, namespace: str) -> None:
    assert kubectl("auth", "can-i", "create", "pods") == "yes\n"
    assert kubectl("auth", "can-i", "create", "pods", "--as=alice", "-n", namespace, fails=True) == ""
    kubectl("create", "rolebinding", "alice", "--clusterrole=view", "--user=alice", "-n", namespace)
    assert kubectl("auth", "can-i", "list", "pods", "--as=alice", "-n", namespace) == "yes\n"
    assert "deployments.apps" in kubectl("auth", "can-i", "--list", "--as=alice", "-n", namespace)
    assert "system:masters" in kubectl("auth", "whoami")
    refused = kubectl("get", "secrets", "--as=alice", "-n", namespace, fails=True)
    assert f'cannot list resource "secrets" in API group "" in the namespace "{namespace}"' in refused


def test_resources_and_versions(kubectl: Kubectl) -> None:
    rows = {line.split()[0]: line for line in kubectl("api-resources", "--no-headers").splitlines()}
    assert "deploy" in rows["deployments"]
    assert "bindings" in rows
    assert {"apps/v1", "v1", "autoscaling/v1", "autoscaling/v2"} <= set(kubectl("api-versions").split())
    assert "Server Version: v1.36.0+podium" in kubectl("version")


def test_wait_and_watch(kubectl: Kubectl, namespace: str) -> None:
    kubectl("create", "configmap", "settings", "--from-literal=a=b", "-n", namespace)
    waited = kubectl("wait", "--for=jsonpath={.data.a}=b", "configmap/settings", "-n", namespace, "--timeout=120s")
    assert "condition met" in waited
    kubectl("delete", "configmap", "settings", "-n", namespace, "--wait=true")
    assert kubectl("wait", "--for=delete", "configmap/settings", "-n", namespace, "--timeout=120s") == ""


def test_edit_like_replace_and_diff(kubectl: Kubectl, namespace: str) -> None:
    kubectl("apply", "-n", namespace, "-f", "-", stdin=DEPLOYMENT)
    exported = kubectl("get", "deploy", "web", "-n", namespace, "-o", "yaml")
    replaced = exported.replace("replicas: 2", "replicas: 7")
    assert "replaced" in kubectl("replace", "-n", namespace, "-f", "-", stdin=replaced)
    refused = kubectl("replace", "-n", namespace, "-f", "-", stdin=exported, fails=True)
    assert "the object has been modified" in refused
    assert "configured (server dry run)" in kubectl(
        "apply", "-n", namespace, "-f", "-", "--dry-run=server", stdin=DEPLOYMENT
    )
    assert read(kubectl, "deploy", "web", "-n", namespace)["spec"]["replicas"] == 7
