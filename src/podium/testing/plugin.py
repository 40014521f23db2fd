"""The pytest plugin: fixtures that give a test a cluster of its own. Nothing heavy is imported until one is used."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from podium.testing.virtual import VirtualCluster


@pytest.fixture
def podium_cluster(podium_clusters: Callable[..., VirtualCluster]) -> VirtualCluster:
    """A cluster of one simulated node on the virtual clock."""
    return podium_clusters()


@pytest.fixture
def podium_clusters() -> Iterator[Callable[..., VirtualCluster]]:
    """Makes clusters: `podium_clusters(nodes=3, seed=7)`. All are stopped when the test ends."""
    from podium.testing.virtual import virtual_cluster

    with ExitStack() as stack:
        yield lambda **options: stack.enter_context(virtual_cluster(**options))
