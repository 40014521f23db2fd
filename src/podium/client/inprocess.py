"""The transport of components that run in the API server's process: straight to the registry, nothing encoded twice."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import aclosing
from typing import Any

from msgspec import structs

from podium.client.transport import ObjectEvent, ObjectList, PatchType, Selection
from podium.machinery import errors
from podium.models import meta_v1
from podium.models.resources import ResourceType
from podium.registry import aggregation
from podium.registry.registry import Registry
from podium.registry.resources import Resource
from podium.registry.types import SYSTEM, ListOptions, Request, User, WatchEvent, WatchOptions, service_account


class InProcessTransport:
    """Acts as one user, with the same admission, validation and conflicts as over HTTP, without authorization."""

    def __init__(self, registry: Registry, user: User = SYSTEM) -> None:
        self.registry = registry
        self.user = user

    def as_controller(self, name: str) -> InProcessTransport:
        """For other API servers to tell; here, what a component may do isn't asked."""
        return InProcessTransport(self.registry, service_account("kube-system", name))

    def _row(self, resource: ResourceType) -> Resource:
        row = self.registry.resource(resource.group, resource.version, resource.plural)
        if row is None:
            raise errors.PathNotFound
        return row

    async def get(self, resource: ResourceType, namespace: str, name: str, subresource: str = "") -> Any:
        return (await self.registry.get(self._row(resource), namespace, name, subresource)).object

    async def list(self, resource: ResourceType, selection: Selection) -> ObjectList:
        options = ListOptions(label_selector=selection.label_selector, field_selector=selection.field_selector)
        listing = await self.registry.list(self._row(resource), selection.namespace, options)
        return ObjectList([entry.object for entry in listing.entries], str(listing.revision))

    async def watch(
        self, resource: ResourceType, selection: Selection, revision: str | None
    ) -> AsyncIterator[Sequence[ObjectEvent]]:
        everything = revision is None
        options = WatchOptions(
            label_selector=selection.label_selector,
            field_selector=selection.field_selector,
            resource_version=revision or "",
            resource_version_match="NotOlderThan" if everything else "",
            send_initial_events=True if everything else None,
            allow_bookmarks=True,
            periodic_bookmarks=False,
            in_part=True,
        )
        async with aclosing(self.registry.watch(self._row(resource), selection.namespace, options)) as batches:
            async for batch in batches:
                yield [_event(event) for event in batch]

    async def create(
        self, resource: ResourceType, namespace: str, obj: Any, name: str = "", subresource: str = ""
    ) -> Any:
        row, request = self._row(resource), Request(self.user)
        return (await self.registry.create(request, row, namespace, _own(obj), name, subresource)).object

    async def update(self, resource: ResourceType, obj: Any, subresource: str = "") -> Any:
        row, request, meta = self._row(resource), Request(self.user), obj.metadata
        return (await self.registry.update(request, row, meta.namespace, meta.name, _own(obj), subresource)).object

    async def patch(
        self,
        resource: ResourceType,
        namespace: str,
        name: str,
        patch: Any,
        patch_type: PatchType,
        subresource: str = "",
    ) -> Any:
        row, request = self._row(resource), Request(self.user)
        return (await self.registry.patch(request, row, namespace, name, patch, patch_type, subresource)).object

    async def delete(
        self, resource: ResourceType, namespace: str, name: str, options: meta_v1.DeleteOptions | None = None
    ) -> None:
        await self.registry.delete(Request(self.user), self._row(resource), namespace, name, options)

    async def versions(self, group: str) -> Sequence[str]:
        return aggregation.versions(self.registry.core, group)

    async def ask(self, path: str, query: Mapping[str, str]) -> bytes:
        return await self.registry.ask_extension(self.user, path, query)


def _own(obj: Any) -> Any:
    """The object with a top and metadata of its own: the registry writes to these, and the caller may well have built
    the object from parts of one that it shares with others."""
    return structs.replace(obj, metadata=structs.replace(obj.metadata))


def _event(event: WatchEvent) -> ObjectEvent:
    obj = None if event.entry is None else event.entry.object
    return ObjectEvent(event.type, obj, str(event.revision), event.initial_events_end)
