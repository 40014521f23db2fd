"""A registry on the memory store and the virtual clock, with the namespaces and accounts that tests need."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.registry.world import World


@pytest.fixture
def world() -> Iterator[World]:
    world = World()
    yield world
    world.close()
