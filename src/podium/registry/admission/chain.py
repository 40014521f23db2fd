"""Admission: what may change or refuse a write before it is validated. Plugins run in the order they are listed in."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol

from podium.registry.resources import Resource
from podium.registry.types import Request

if TYPE_CHECKING:
    from podium.registry.core import Core

Operation = Literal["CREATE", "UPDATE", "DELETE", "CONNECT"]


@dataclass(slots=True)
class Attributes:
    """One write, as a plugin sees it. `obj` may be changed by `admit`; it is None for a deletion."""

    core: Core
    request: Request
    operation: Operation
    resource: Resource
    namespace: str
    name: str
    subresource: str = ""
    obj: Any = None
    old: Any = None
    undo: list[Callable[[], None]] = field(default_factory=list)
    """What gives back what plugins reserved for the write; called if it comes to nothing."""

    def give_back(self) -> None:
        while self.undo:
            self.undo.pop()()


class Plugin(Protocol):
    """One rule. What it returns, if anything, is awaited (rules that ask others, such as webhooks)."""

    def handles(self, resource: Resource, operation: Operation, subresource: str) -> bool:
        """Whether such writes concern it at all; asked once and remembered."""

    def admit(self, attributes: Attributes) -> Awaitable[None] | None:
        """Change the object, or raise."""

    def validate(self, attributes: Attributes) -> Awaitable[None] | None:
        """Raise if the object, as it will be stored, is not allowed."""


class Chain:
    def __init__(self, plugins: Iterable[Plugin] = ()) -> None:
        self.plugins = tuple(plugins)
        self._handling: dict[tuple[str, Operation, str], tuple[Plugin, ...]] = {}

    def _for(self, attributes: Attributes) -> tuple[Plugin, ...]:
        res = attributes.resource
        key = (res.group_resource, attributes.operation, attributes.subresource)
        found = self._handling.get(key)
        if found is None:
            found = self._handling[key] = tuple(
                plugin for plugin in self.plugins if plugin.handles(res, attributes.operation, attributes.subresource)
            )
        return found

    async def admit(self, attributes: Attributes) -> None:
        for plugin in self._for(attributes):
            pending = plugin.admit(attributes)
            if pending is not None:
                await pending

    async def validate(self, attributes: Attributes) -> None:
        for plugin in self._for(attributes):
            pending = plugin.validate(attributes)
            if pending is not None:
                await pending
