"""The API as Python functions: every verb on every resource, with admission, validation and conflicts.

The server puts it on the wire; components in the same process reach it through client.inprocess. Verbs are modules of
their own: create, update, patch, delete, lists, watching, and subresources/.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from random import Random
from typing import Any, Literal

from podium.clock import Clock
from podium.machinery import errors
from podium.models.meta_v1 import DeleteOptions
from podium.registry import create, delete, lists, update, watching
from podium.registry.core import Core
from podium.registry.resources import Resource
from podium.registry.storage import Collection
from podium.registry.types import Entry, Listing, ListOptions, Request, WatchEvent, WatchOptions
from podium.registry.views import viewed
from podium.store.port import Store

PatchType = Literal["json", "merge", "strategic", "apply"]


class Registry:
    """Give it a store, a clock and a source of chance; start it; then everything else is its verbs."""

    def __init__(self, store: Store, clock: Clock, rng: Random) -> None:
        self.core = Core(store, clock, rng)

    async def start(self) -> None:
        await self.core.load()

    async def stop(self) -> None:
        """End all watches."""
        for watch in list(self.core.watches):
            watch.close()

    # The table and what is in memory

    def resource(self, group: str, version: str, plural: str) -> Resource | None:
        return self.core.resource(group, version, plural)

    def resources(self) -> Sequence[Resource]:
        return self.core.resources()

    def live(self, resource: Resource | str) -> Collection:
        """The current objects of a resource (its row, or a group resource such as "replicasets.apps")."""
        return self.core.live(resource)

    @property
    def revision(self) -> int:
        return self.core.revision

    # Reading

    async def get(self, res: Resource, namespace: str, name: str, subresource: str = "") -> Entry:
        _supports(res, "get", subresource)
        self.core.check()
        entry = self.core.live(res).get(namespace, name)
        if entry is None:
            raise errors.NotFound(res.group_resource, name)
        return viewed(res.view, entry)

    async def list(self, res: Resource, namespace: str, options: ListOptions) -> Listing:
        _supports(res, "list")
        return await lists.list_(self.core, res, namespace, options)

    def watch(self, res: Resource, namespace: str, options: WatchOptions) -> AsyncIterator[Sequence[WatchEvent]]:
        _supports(res, "watch")
        return watching.watch(self.core, res, namespace, options)

    # Writing

    async def create(
        self, request: Request, res: Resource, namespace: str, obj: Any, name: str = "", subresource: str = ""
    ) -> Entry:
        _supports(res, "create", subresource)
        return await create.create(self.core, request, res, namespace, obj)

    async def update(
        self, request: Request, res: Resource, namespace: str, name: str, obj: Any, subresource: str = ""
    ) -> Entry:
        _supports(res, "update", subresource)
        rules = update.status_rules(res) if subresource == "status" else update.main_rules(res)
        return await update.update(self.core, request, res, namespace, name, obj, rules)

    async def delete(
        self, request: Request, res: Resource, namespace: str, name: str, options: DeleteOptions | None
    ) -> Entry | None:
        _supports(res, "delete")
        return await delete.delete(self.core, request, res, namespace, name, options)


def _supports(res: Resource, verb: str, subresource: str = "") -> None:
    if not subresource:
        if verb not in res.verbs:
            raise errors.MethodNotAllowed(res.group_resource, verb)
        return
    sub = res.subresources.get(subresource)
    if sub is None:
        raise errors.PathNotFound
    if verb not in sub.verbs:
        raise errors.MethodNotAllowed(f"{res.group_resource}/{subresource}", verb)
