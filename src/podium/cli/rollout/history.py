"""Which revisions a workload has: a Deployment keeps them as ReplicaSets, others as ControllerRevisions."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from podium.cli import objects
from podium.cli.failure import Failure
from podium.cli.session import Session
from podium.cli.writes import CHANGE_CAUSE

Tree = dict[str, Any]
REVISION = "deployment.kubernetes.io/revision"
_HASH = "pod-template-hash"


@dataclass(frozen=True, slots=True)
class Revision:
    number: int
    template: Tree
    """The Pod template, without what a controller added to it."""
    item: Tree
    """The ReplicaSet or ControllerRevision that keeps it."""

    def applied_to(self, workload: Tree) -> Tree:
        """The object that shows the revision: a Deployment's ReplicaSet, any other workload as it was then."""
        if workload["kind"] == "Deployment":
            return {"apiVersion": "apps/v1", "kind": "ReplicaSet", **self.item}
        return {**workload, "spec": {**workload["spec"], "template": self.template}}

    @property
    def when(self) -> str:
        return str(self.item["metadata"].get("creationTimestamp") or "")

    @property
    def images(self) -> str:
        containers = (self.template.get("spec") or {}).get("containers") or ()
        return ",".join(container.get("image", "") for container in containers)

    @property
    def cause(self) -> str:
        return str((self.item["metadata"].get("annotations") or {}).get(CHANGE_CAUSE) or "")


def revisions_of(session: Session, workload: Tree) -> list[Revision]:
    """The revisions of a workload, oldest first."""
    if workload["kind"] == "Deployment":
        found = [
            Revision(revision_of(item), template_of(item), item)
            for item in replica_sets(session, workload)
            if revision_of(item)
        ]
    else:
        found = [
            Revision(int(item.get("revision") or 0), _template_in(item), item)
            for item in _owned(session, workload, "controllerrevisions.apps")
        ]
    return sorted(found, key=lambda revision: revision.number)


def replica_sets(session: Session, deployment: Tree) -> list[Tree]:
    """The ReplicaSets that the Deployment controls, oldest revision first."""
    return sorted(_owned(session, deployment, "replicasets.apps"), key=revision_of)


def revision_of(item: Tree) -> int:
    text = (item["metadata"].get("annotations") or {}).get(REVISION, "0")
    return int(text) if text.isdigit() else 0


def template_of(item: Tree) -> Tree:
    """The Pod template of a Deployment or ReplicaSet, without the label that tells ReplicaSets apart."""
    template: Tree = json.loads(json.dumps(item["spec"]["template"]))
    labels = (template.get("metadata") or {}).get("labels") or {}
    labels.pop(_HASH, None)
    return template


def _template_in(revision: Tree) -> Tree:
    template: Tree = dict(((revision.get("data") or {}).get("spec") or {}).get("template") or {})
    template.pop("$patch", None)
    return template


def _owned(session: Session, owner: Tree, kind: str) -> list[Tree]:
    resource = session.catalog.find(kind)
    labels = (owner["spec"].get("selector") or {}).get("matchLabels") or {}
    query = objects.query_of(",".join(f"{key}={value}" for key, value in labels.items()))
    listing = session.api.tree("GET", resource.path(owner["metadata"]["namespace"]), query=query)
    return [
        item
        for item in listing.get("items") or ()
        if any(
            reference.get("controller") and reference["uid"] == owner["metadata"]["uid"]
            for reference in item["metadata"].get("ownerReferences") or ()
        )
    ]


def chosen(history: Sequence[Revision], number: int, title: str) -> Revision:
    """The revision of that number; 0: the one before the last."""
    if number:
        for revision in history:
            if revision.number == number:
                return revision
        raise Failure(f"error: unable to find specified revision {number} in history")
    if len(history) < 2:
        raise Failure(f"error: no rollout history found for {title}")
    return history[-2]
