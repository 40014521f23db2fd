from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from podium.clock import Clock
from tests.server.aggregation.extension import Extension, extending
from tests.server.harness import Harness, serving

Both = Callable[[Harness, Extension], Awaitable[None]]
ServeBoth = Callable[..., None]


@pytest.fixture(scope="session")
def other_pki(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("other-pki")


@pytest.fixture
def serve_both(pki_directory: Path, other_pki: Path) -> ServeBoth:
    """Run a check against a server and one that can extend it."""

    def run(check: Both, clock: Clock | None = None) -> None:
        async def whole() -> None:
            async with (
                serving(pki_directory, clock=clock) as server,
                extending(other_pki, server.files.front_proxy_ca) as extension,
            ):
                await check(server, extension)

        asyncio.run(whole())

    return run
