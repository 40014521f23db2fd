"""What manifests say, and which Pods follow."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from podium.agent.static_pods import manifest
from podium.models import codec
from podium.models.core_v1 import Node, Pod
from podium.models.meta_v1 import ObjectMeta

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
NODE = Node(metadata=ObjectMeta(name="Node-1", uid="n1"))
WEB = """
apiVersion: v1
kind: Pod
metadata: {name: web}
spec:
  containers: [{name: c, image: "app:v1"}]
"""


def read(text: str = WEB) -> Pod:
    return manifest.read(text.encode(), "Node-1")


def test_a_pod_is_named_after_its_node() -> None:
    pod = read()
    assert (pod.metadata.name, pod.metadata.namespace, pod.spec.nodeName) == ("web-node-1", "default", "Node-1")
    assert [(one.operator, one.effect) for one in pod.spec.tolerations] == [("Exists", "NoExecute")]
    digest = pod.metadata.annotations["kubernetes.io/config.hash"]
    assert pod.metadata.annotations == {
        "kubernetes.io/config.source": "file",
        "kubernetes.io/config.hash": digest,
        "kubernetes.io/config.mirror": digest,
    }
    assert digest == read(WEB + "# says nothing else").metadata.annotations[manifest.HASH]
    assert digest != read(WEB.replace("v1}", "v2}").replace(":v1", ":v2")).metadata.annotations[manifest.HASH]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "expected one Pod, found 0 objects"),
        (WEB + "---" + WEB, "expected one Pod, found 2 objects"),
        ("[]", "it is not an object"),
        ("{", "error converting YAML to JSON"),
        (WEB.replace("kind: Pod", "kind: Job"), "expected a Pod of v1, found Job of v1"),
        (WEB.replace("{name: web}", "{}"), "the Pod has no name"),
        (WEB.replace("containers: [", "containers: 5 #"), "cannot"),
    ],
)
def test_what_is_no_manifest(text: str, problem: str) -> None:
    with pytest.raises(manifest.ManifestError, match=problem):
        read(text)


def there(pod: Pod, **metadata: Any) -> Pod:
    found = codec.copy(pod)
    for name, value in metadata.items():
        setattr(found.metadata, name, value)
    return found


def planned(wanted: list[Pod], *found: Pod) -> manifest.Plan:
    keys = {(pod.metadata.namespace, pod.metadata.name): pod for pod in wanted}
    return manifest.plan(keys, found, NODE, NOW)


def test_a_missing_one_is_made_for_the_node() -> None:
    (made,) = planned([read()]).create
    (owner,) = made.metadata.ownerReferences
    assert (owner.kind, owner.name, owner.uid, owner.controller) == ("Node", "Node-1", "n1", True)
    assert made.metadata.annotations["kubernetes.io/config.seen"] == "2026-01-02T03:04:05+00:00"


def test_what_there_is_to_do() -> None:
    pod, other = read(), read(WEB.replace(":v1", ":v2"))
    assert planned([pod], there(pod)) == manifest.Plan()
    assert planned([other], there(pod)).delete == (pod,)
    assert planned([], there(pod)).delete == (pod,)
    assert planned([other], there(pod, deletionTimestamp=NOW)) == manifest.Plan()  # first it has to be gone
    assert planned([], there(pod, annotations={})) == manifest.Plan()  # somebody else's
