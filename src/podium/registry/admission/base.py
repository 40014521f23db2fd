"""What plugins share: which writes they handle, and refusing one as Kubernetes words it."""

from __future__ import annotations

from collections.abc import Awaitable

from podium.machinery import errors
from podium.registry.admission.chain import Attributes, Operation
from podium.registry.resources import Resource


class Base:
    """A plugin on some resources and operations, not on their subresources, that does nothing yet."""

    resources: tuple[str, ...] = ()
    operations: tuple[Operation, ...] = ("CREATE",)

    def handles(self, resource: Resource, operation: Operation, subresource: str) -> bool:
        return resource.group_resource in self.resources and operation in self.operations and not subresource

    def admit(self, attributes: Attributes) -> Awaitable[None] | None:
        return None

    def validate(self, attributes: Attributes) -> Awaitable[None] | None:
        return None


def forbidden(attributes: Attributes, why: str) -> errors.Forbidden:
    """Refuse a write; a name that is yet to be generated is shown by what it begins with."""
    name = attributes.name
    if not name and attributes.obj is not None:
        name = attributes.obj.metadata.generateName
    return errors.Forbidden(attributes.resource.group_resource, name or "Unknown", why)
