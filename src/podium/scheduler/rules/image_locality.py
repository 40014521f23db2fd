"""ImageLocality: nodes that have the Pod's images already score higher, the more of the cluster has them.

An image counts with its size times the share of nodes that have it, so that one node that happens to have it is not
flooded. Up to 23 MB counts for nothing, 1000 MB per container and more for everything.
"""

from __future__ import annotations

from collections.abc import Sequence

from podium.scheduler.cache import Cache
from podium.scheduler.nodes import NodeInfo
from podium.scheduler.pods import Template
from podium.scheduler.rules.base import MAX_SCORE

NAME = "ImageLocality"
WEIGHT = 1

_MB = 1024 * 1024
_LOWEST = 23 * _MB
_HIGHEST_PER_CONTAINER = 1000 * _MB


def scores(pod: Template, cache: Cache, nodes: Sequence[NodeInfo]) -> list[int] | None:
    """0 to 100; None if no node has any of the images."""
    holders = cache.image_holders
    images = [(name, holders[name]) for name in map(normalized, pod.images) if name in holders]
    if not images:
        return None
    total, highest = len(cache.nodes), _HIGHEST_PER_CONTAINER * len(pod.images)
    result = []
    for node in nodes:
        size = sum(node.facts.images.get(name, 0) * number // total for name, number in images)
        bounded = min(max(size, _LOWEST), highest)
        result.append(MAX_SCORE * (bounded - _LOWEST) // (highest - _LOWEST))
    return result


def normalized(image: str) -> str:
    """With ":latest" if it names neither tag nor digest, as nodes list images."""
    return image if ":" in image.rpartition("/")[2] else f"{image}:latest"
