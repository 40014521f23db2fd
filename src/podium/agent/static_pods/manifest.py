"""What a manifest says about a static Pod, and which Pods there are to be. Pure.

The Pod in the API is what Kubernetes calls the mirror Pod: named after the node, the node's own, and marked by the hash
of its manifest, so that another manifest of the same name is another Pod.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b
from typing import Any

from podium.machinery import documents, errors, strict
from podium.models import codec
from podium.models.core_v1 import Node, Pod, Toleration
from podium.models.meta_v1 import OwnerReference

SOURCE = "kubernetes.io/config.source"
HASH = "kubernetes.io/config.hash"
MIRROR = "kubernetes.io/config.mirror"
SEEN = "kubernetes.io/config.seen"
Key = tuple[str, str]
"""Namespace and name."""


class ManifestError(Exception):
    """It isn't one; the text says why."""


@dataclass(frozen=True, slots=True)
class Plan:
    create: tuple[Pod, ...] = ()
    delete: tuple[Pod, ...] = ()


def read(text: bytes, node_name: str) -> Pod:
    """The Pod that a file stands for; ManifestError."""
    try:
        found = documents.read_documents(text)
        if len(found) != 1:
            raise ManifestError(f"expected one Pod, found {len(found)} objects")
        (tree,) = found
        pod = _decoded(tree)
    except errors.StatusError as error:
        raise ManifestError(str(error)) from error
    metadata, spec = pod.metadata, pod.spec
    if not metadata.name:
        raise ManifestError("the Pod has no name")
    metadata.name = f"{metadata.name}-{node_name.lower()}"
    metadata.namespace = metadata.namespace or "default"
    digest = blake2b(codec.encode(pod), digest_size=16).hexdigest()
    metadata.annotations = {**metadata.annotations, SOURCE: "file", HASH: digest, MIRROR: digest}
    spec.nodeName = node_name
    spec.tolerations = (*spec.tolerations, Toleration(operator="Exists", effect="NoExecute"))
    return pod


def _decoded(tree: Any) -> Pod:
    if not isinstance(tree, dict):
        raise ManifestError("it is not an object")
    if (tree.get("apiVersion"), tree.get("kind")) != ("v1", "Pod"):
        raise ManifestError(f"expected a Pod of v1, found {tree.get('kind')} of {tree.get('apiVersion')}")
    return strict.from_patched(tree, Pod)


def is_static(pod: Pod) -> bool:
    return MIRROR in pod.metadata.annotations


def plan(wanted: Mapping[Key, Pod], there: Iterable[Pod], node: Node, now: datetime) -> Plan:
    """`there` are all Pods of the node. One that is on its way out has to be gone before its successor can come."""
    static = {(pod.metadata.namespace, pod.metadata.name): pod for pod in there if is_static(pod)}
    stale = [
        pod
        for key, pod in static.items()
        if pod.metadata.deletionTimestamp is None and (key not in wanted or _hash(wanted[key]) != _hash(pod))
    ]
    missing = [_owned(pod, node, now) for key, pod in wanted.items() if key not in static]
    return Plan(tuple(missing), tuple(stale))


def _hash(pod: Pod) -> str:
    return pod.metadata.annotations.get(MIRROR, "")


def _owned(pod: Pod, node: Node, now: datetime) -> Pod:
    owner = OwnerReference(
        apiVersion="v1", kind="Node", name=node.metadata.name, uid=node.metadata.uid, controller=True
    )
    owned = codec.copy(pod)
    owned.metadata.ownerReferences = (owner,)
    owned.metadata.annotations = {**pod.metadata.annotations, SEEN: now.isoformat()}
    return owned
