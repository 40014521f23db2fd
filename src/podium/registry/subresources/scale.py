"""The scale subresource: how many replicas a workload should have (autoscaling/v1 Scale)."""

from __future__ import annotations

from typing import Any

from podium.machinery import field
from podium.machinery.errors import FieldError
from podium.models import codec, selectors
from podium.models.autoscaling_v1 import Scale, ScaleSpec, ScaleStatus
from podium.models.meta_v1 import ObjectMeta


def of(obj: Any) -> Scale:
    """The scale of a Deployment, ReplicaSet, StatefulSet or ReplicationController."""
    meta = obj.metadata
    return Scale(
        metadata=ObjectMeta(
            name=meta.name,
            namespace=meta.namespace,
            uid=meta.uid,
            resourceVersion=meta.resourceVersion,
            creationTimestamp=meta.creationTimestamp,
        ),
        spec=ScaleSpec(replicas=obj.spec.replicas or None),
        status=ScaleStatus(replicas=obj.status.replicas or 0, selector=_selector(obj.spec.selector)),
    )


def _selector(selector: Any) -> str:
    compiled = selectors.of_labels(selector) if isinstance(selector, dict) else selectors.compile(selector)
    return str(compiled)


def put(scale: Scale, obj: Any) -> Any:
    changed = codec.copy(obj)
    changed.metadata.resourceVersion = scale.metadata.resourceVersion
    changed.spec.replicas = scale.spec.replicas or 0
    return changed


def errors_in(scale: Scale) -> list[FieldError]:
    return field.not_negative("spec.replicas", scale.spec.replicas)
