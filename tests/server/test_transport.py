"""The project's own client over HTTP: the same components run in a process of their own."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from podium.client import kubeconfig
from podium.client.client import Client
from podium.client.http import HttpTransport
from podium.client.informers import Informers
from podium.clock import RealClock
from podium.machinery import errors
from podium.models.core_v1 import ConfigMap, Namespace
from podium.models.meta_v1 import ObjectMeta
from podium.server import pki
from tests.server.harness import Harness, Serve


def test_verbs_and_informers(serve: Serve, tmp_path: Path) -> None:
    async def check(server: Harness) -> None:
        config = tmp_path / "kubeconfig"
        pki.write_kubeconfig(config, server.url, server.files)
        async with HttpTransport(kubeconfig.load([config])) as transport:
            client = Client(transport)
            informers = Informers(client, RealClock())
            maps = informers.of(ConfigMap, namespace="default")
            seen: list[tuple[str, str]] = []
            changed = asyncio.Event()

            def note(old: ConfigMap | None, new: ConfigMap | None) -> None:
                seen.append((old.data.get("key", "") if old else "-", new.data.get("key", "") if new else "-"))
                changed.set()

            maps.on_change(note)
            running = asyncio.create_task(informers.run())
            await informers.synced()
            assert len(await client.list(Namespace)) == 4
            made = await client.create(ConfigMap(metadata=ObjectMeta(name="a", namespace="default"), data={"key": "1"}))
            await client.patch(ConfigMap, "default", "a", {"data": {"key": "2"}}, "merge")
            with pytest.raises(errors.Conflict):
                await client.update(made)
            with pytest.raises(errors.AlreadyExists):
                await client.create(ConfigMap(metadata=ObjectMeta(name="a", namespace="default")))
            await client.delete(ConfigMap, "default", "a")
            with pytest.raises(errors.NotFound) as missing:
                await client.get(ConfigMap, "default", "a")
            assert missing.value.message == 'configmaps "a" not found'
            while len(seen) < 3:
                changed.clear()
                await changed.wait()
            assert seen == [("-", "1"), ("1", "2"), ("2", "-")]
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)

    serve(check)
