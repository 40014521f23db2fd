"""Tells other API servers how to know this one: ConfigMap kube-system/extension-apiserver-authentication.

They read in it whose client certificates name users, whose certificate shows that a request comes from here, and which
headers then say who the user is. It is written at the start, and again when somebody changes or deletes it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping

import msgspec
from msgspec.structs import replace

from podium.machinery import errors
from podium.models.core_v1 import ConfigMap
from podium.models.meta_v1 import ObjectMeta
from podium.registry.registry import Registry
from podium.registry.storage import Event
from podium.registry.types import Request
from podium.server.pki import FRONT_PROXY, Pki

NAMESPACE = "kube-system"
NAME = "extension-apiserver-authentication"

_log = logging.getLogger(__name__)


def published(files: Pki) -> dict[str, str]:
    """What the ConfigMap says."""
    lists = {
        "requestheader-allowed-names": [FRONT_PROXY],
        "requestheader-extra-headers-prefix": ["X-Remote-Extra-"],
        "requestheader-group-headers": ["X-Remote-Group"],
        "requestheader-uid-headers": ["X-Remote-Uid"],
        "requestheader-username-headers": ["X-Remote-User"],
    }
    return {
        "client-ca-file": files.ca.certificate.read_text(),
        "requestheader-client-ca-file": files.front_proxy_ca.read_text(),
        **{name: msgspec.json.encode(values).decode() for name, values in lists.items()},
    }


class Trust:
    """Keeps the ConfigMap from `start` until `stop`."""

    def __init__(self, registry: Registry, files: Pki) -> None:
        self._registry = registry
        self._files = files
        self._wanted: Mapping[str, str] = {}
        self._wrong = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Returns when it is written."""
        self._wanted = published(self._files)
        await self._write()
        self._registry.live("configmaps").listeners.append(self._changed)
        self._task = asyncio.get_running_loop().create_task(self._keep(), name="extension-apiserver-authentication")

    async def stop(self) -> None:
        if self._task is not None:
            self._registry.live("configmaps").listeners.remove(self._changed)
            self._task.cancel()
            await asyncio.wait([self._task])
            self._task = None

    def _changed(self, event: Event) -> None:
        if event.entry.key == self._registry.live("configmaps").key(NAMESPACE, NAME):
            self._wrong.set()

    async def _keep(self) -> None:
        while True:
            await self._wrong.wait()
            self._wrong.clear()
            await self._write()

    async def _write(self) -> None:
        res = self._registry.resource("", "v1", "configmaps")
        assert res is not None, "every server has ConfigMaps"
        there = self._registry.live(res).get(NAMESPACE, NAME)
        try:
            if there is None:
                new = ConfigMap(metadata=ObjectMeta(name=NAME, namespace=NAMESPACE), data=dict(self._wanted))
                await self._registry.create(Request(), res, NAMESPACE, new)
            elif not self._wanted.items() <= there.object.data.items():
                old = there.object
                new = replace(old, metadata=replace(old.metadata), data={**old.data, **self._wanted})
                await self._registry.update(Request(), res, NAMESPACE, NAME, new)
        except (errors.Conflict, errors.AlreadyExists):
            self._wrong.set()  # somebody was quicker: look again at what they wrote
        except errors.StatusError as error:
            _log.warning("ConfigMap %s/%s can't be written: %s", NAMESPACE, NAME, error)
