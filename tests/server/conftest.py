from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from tests.server.harness import Check, Serve, serving


@pytest.fixture(scope="session")
def pki_directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Certificates are made once: every server of the session uses them again."""
    return tmp_path_factory.mktemp("pki")


@pytest.fixture
def serve(pki_directory: Path) -> Serve:
    """Run a check against a server that lives as long as the check."""

    def run(check: Check, **config: Any) -> None:
        async def whole() -> None:
            async with serving(pki_directory, **config) as harness:
                await check(harness)

        asyncio.run(whole())

    return run
