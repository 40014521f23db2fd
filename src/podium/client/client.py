"""What components use to read and write the API: a typed facade over a transport.

The resource is found from the struct's type, the namespace from its metadata. What comes back is shared: copy before
changing (`podium.models.codec.copy`). What is given to a write belongs to the transport from then on.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

from podium.client.transport import PatchType, Selection, Transport
from podium.models import meta_v1, resources

T = TypeVar("T")


class Client:
    def __init__(self, transport: Transport) -> None:
        self.transport = transport

    async def get(self, model: type[T], namespace: str, name: str, subresource: str = "") -> T:
        """The object as the API has it now; NotFound."""
        found: T = await self.transport.get(resources.of(model), namespace, name, subresource)
        return found

    async def list(
        self, model: type[T], namespace: str = "", label_selector: str = "", field_selector: str = ""
    ) -> Sequence[T]:
        """All objects of the kind, in one namespace or everywhere, read from the API and not from a cache."""
        selection = Selection(namespace, label_selector, field_selector)
        return (await self.transport.list(resources.of(model), selection)).items

    async def create(self, obj: T) -> T:
        """What was created, with its name, uid and defaults; AlreadyExists, Invalid, Forbidden."""
        created: T = await self.transport.create(resources.of(type(obj)), _namespace(obj), obj)
        return created

    async def create_subresource(self, model: type[Any], namespace: str, name: str, subresource: str, body: Any) -> Any:
        """POST to a subresource of an object: a Pod's "binding" or "eviction", a ServiceAccount's "token"."""
        return await self.transport.create(resources.of(model), namespace, body, name, subresource)

    async def update(self, obj: T, subresource: str = "") -> T:
        """Replace the object; Conflict if it changed since the resourceVersion that `obj` carries."""
        updated: T = await self.transport.update(resources.of(type(obj)), obj, subresource)
        return updated

    async def update_status(self, obj: T) -> T:
        return await self.update(obj, "status")

    async def patch(
        self,
        model: type[T],
        namespace: str,
        name: str,
        patch: Any,
        patch_type: PatchType = "strategic",
        subresource: str = "",
    ) -> T:
        """The object as the patch, a tree of dicts and lists, left it."""
        resource = resources.of(model)
        patched: T = await self.transport.patch(resource, namespace, name, patch, patch_type, subresource)
        return patched

    async def delete(
        self, model: type[Any], namespace: str, name: str, options: meta_v1.DeleteOptions | None = None
    ) -> None:
        """Begin the deletion; NotFound, Conflict when a precondition doesn't hold."""
        await self.transport.delete(resources.of(model), namespace, name, options)


def _namespace(obj: Any) -> str:
    namespace: str = obj.metadata.namespace
    return namespace
