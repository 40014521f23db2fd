"""pods/binding: the scheduler gives a Pod to a node. Happens once; afterwards the node's agent runs the Pod."""

from __future__ import annotations

import copy
from datetime import datetime

from podium.machinery import errors, field
from podium.models import codec, conditions
from podium.models.core_v1 import Binding, Pod, PodCondition
from podium.models.meta_v1 import Status
from podium.registry.core import Core
from podium.registry.resources import Resource
from podium.registry.types import Entry, Request
from podium.registry.update import ATTEMPTS, check_uid
from podium.store.port import RevisionMismatch

_TOPOLOGY = ("topology.kubernetes.io/zone", "topology.kubernetes.io/region")
SUCCESS = Status(status="Success", code=201)


def success() -> Entry:
    """The answer of an action that has no object of its own."""
    return Entry("", 0, codec.encode(SUCCESS), Status, SUCCESS)


async def bind(core: Core, request: Request, res: Resource, namespace: str, name: str, binding: Binding) -> Entry:
    core.check()
    wrong = binding_errors(binding)
    if wrong:
        raise errors.Invalid("Binding", binding.metadata.name, wrong)
    collection = core.live(res)
    key = collection.key(namespace, name)
    for _attempt in range(ATTEMPTS):
        old = collection.find(key)
        if old is None:
            raise errors.NotFound(res.group_resource, name)
        check_uid(res, old, binding.metadata.uid)
        given = binding.metadata.resourceVersion
        if given and given != str(old.revision):
            raise errors.Conflict(res.group_resource, name)
        refused = refusal(old.object)
        if refused:
            raise errors.Conflict("pods/binding", name, refused)
        node = core.live("nodes").get("", binding.target.name)
        pod = bound(old.object, binding, node.object.metadata.labels if node else {}, core.now())
        if request.dry_run:
            return success()
        try:
            await core.updated(key, codec.encode(pod), old.revision, pod)
            return success()
        except RevisionMismatch as mismatch:
            await core.caught_up(collection, key, mismatch)
    raise errors.Conflict(res.group_resource, name)


def binding_errors(binding: Binding) -> list[errors.FieldError]:
    found: list[errors.FieldError] = []
    if binding.target.kind not in ("", "Node"):
        found.append(field.not_supported("target.kind", binding.target.kind, ("Node", "<empty>")))
    if not binding.target.name:
        found.append(field.required("target.name"))
    return found


def refusal(pod: Pod) -> str:
    """Why the Pod cannot be bound; "" if it can."""
    name = pod.metadata.name
    if pod.metadata.deletionTimestamp is not None:
        return f"pod {name} is being deleted, cannot be assigned to a host"
    if pod.spec.nodeName:
        return f'pod {name} is already assigned to node "{pod.spec.nodeName}"'
    if pod.spec.schedulingGates:
        return f"pod {name} has non-empty .spec.schedulingGates"
    return ""


def bound(pod: Pod, binding: Binding, node_labels: dict[str, str], now: datetime) -> Pod:
    """The Pod on its node: scheduled, with the binding's annotations and the node's topology in its labels."""
    changed = copy.copy(pod)
    meta = changed.metadata = copy.copy(pod.metadata)
    meta.resourceVersion = ""
    if binding.metadata.annotations:
        meta.annotations = {**meta.annotations, **binding.metadata.annotations}
    topology = {label: node_labels[label] for label in _TOPOLOGY if label in node_labels}
    labels = {**topology, **binding.metadata.labels}
    if labels:
        meta.labels = {**labels, **meta.labels}
    changed.spec = copy.copy(pod.spec)
    changed.spec.nodeName = binding.target.name
    changed.status = copy.copy(pod.status)
    changed.status.nominatedNodeName = ""
    scheduled = PodCondition(type="PodScheduled", status="True", observedGeneration=meta.generation)
    changed.status.conditions = conditions.put(pod.status.conditions, scheduled, now)
    return changed
