"""metrics.k8s.io/v1beta1: what nodes and Pods use. Not in Kubernetes' own schemas, so written by hand."""

from __future__ import annotations

from datetime import UTC, datetime

from msgspec import field

from podium.models import meta_v1
from podium.models.base import Struct
from podium.models.quantity import Quantity

_NEVER = datetime(1, 1, 1, tzinfo=UTC)


class ContainerMetrics(Struct):
    name: str = field(default_factory=str)
    usage: dict[str, Quantity] = field(default_factory=lambda: dict[str, Quantity]())


class NodeMetrics(Struct):
    kind: str = field(default_factory=lambda: "NodeMetrics")
    apiVersion: str = field(default_factory=lambda: "metrics.k8s.io/v1beta1")
    metadata: meta_v1.ObjectMeta = field(default_factory=lambda: meta_v1.ObjectMeta())
    timestamp: datetime = field(default_factory=lambda: _NEVER)
    """When it was measured ..."""
    window: str = field(default_factory=str)
    """... and over how long until then."""
    usage: dict[str, Quantity] = field(default_factory=lambda: dict[str, Quantity]())


class PodMetrics(Struct):
    kind: str = field(default_factory=lambda: "PodMetrics")
    apiVersion: str = field(default_factory=lambda: "metrics.k8s.io/v1beta1")
    metadata: meta_v1.ObjectMeta = field(default_factory=lambda: meta_v1.ObjectMeta())
    timestamp: datetime = field(default_factory=lambda: _NEVER)
    window: str = field(default_factory=str)
    containers: tuple[ContainerMetrics, ...] = field(default_factory=lambda: ())
