"""The one way from a component to the API: a transport, in the same process or over HTTP.

Objects are the generated structs. What a transport returns is shared with others: copy before changing. What it is
given belongs to it from then on. Errors are those of podium.machinery.errors, whichever transport it is.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from podium.models import meta_v1
from podium.models.resources import ResourceType

PatchType = Literal["json", "merge", "strategic", "apply"]


@dataclass(frozen=True, slots=True)
class Selection:
    """Which objects of a resource: everywhere or in one namespace, narrowed by selectors as a query string has them."""

    namespace: str = ""
    label_selector: str = ""
    field_selector: str = ""


@dataclass(frozen=True, slots=True)
class ObjectList:
    items: Sequence[Any]
    revision: str


@dataclass(frozen=True, slots=True)
class ObjectEvent:
    """A change that a watch reports. A bookmark has no object, only a revision to resume from."""

    type: Literal["ADDED", "MODIFIED", "DELETED", "BOOKMARK"]
    object: Any
    revision: str
    initial_events_end: bool = False


class Transport(Protocol):
    def as_controller(self, name: str) -> Transport:
        """The same way to the API for the ServiceAccount of a controller, which may do no more than that has to. The
        transport itself, if it can act only as who it is."""

    async def get(self, resource: ResourceType, namespace: str, name: str, subresource: str = "") -> Any:
        """The object; NotFound."""

    async def list(self, resource: ResourceType, selection: Selection) -> ObjectList:
        """All that are selected, at one revision."""

    def watch(
        self, resource: ResourceType, selection: Selection, revision: str | None
    ) -> AsyncIterator[Sequence[ObjectEvent]]:
        """Changes after a revision, in batches; with None first everything there is as ADDED and a bookmark that says
        so. Expired when the revision is too old."""

    async def create(
        self, resource: ResourceType, namespace: str, obj: Any, name: str = "", subresource: str = ""
    ) -> Any:
        """What was created; AlreadyExists, Invalid, Forbidden. With a subresource: what it answers (binding,
        eviction, token)."""

    async def update(self, resource: ResourceType, obj: Any, subresource: str = "") -> Any:
        """The object as it is now; Conflict if its resourceVersion is not the newest."""

    async def patch(
        self,
        resource: ResourceType,
        namespace: str,
        name: str,
        patch: Any,
        patch_type: PatchType,
        subresource: str = "",
    ) -> Any:
        """The object as the patch (a tree) left it."""

    async def delete(
        self, resource: ResourceType, namespace: str, name: str, options: meta_v1.DeleteOptions | None = None
    ) -> None:
        """Begin the deletion; NotFound, Conflict when a precondition doesn't hold."""

    async def versions(self, group: str) -> Sequence[str]:
        """The versions of a group that the API serves, by itself or through others, the preferred one first."""

    async def ask(self, path: str, query: Mapping[str, str]) -> bytes:
        """GET something that is no resource of the API's own: what an API server that extends it answers."""
