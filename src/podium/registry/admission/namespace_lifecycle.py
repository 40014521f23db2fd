"""NamespaceLifecycle: nothing is written into a namespace that doesn't exist, nothing created in one that ends."""

from __future__ import annotations

from podium.machinery import errors
from podium.models.meta_v1 import StatusCause
from podium.registry.admission.base import Base, forbidden
from podium.registry.admission.chain import Attributes, Operation
from podium.registry.resources import Resource

IMMORTAL = ("default", "kube-system", "kube-public")


class NamespaceLifecycle(Base):
    def handles(self, resource: Resource, operation: Operation, subresource: str) -> bool:
        if resource.group_resource == "namespaces":
            return operation == "DELETE"
        return resource.namespaced and operation in ("CREATE", "UPDATE") and not resource.virtual

    def admit(self, attributes: Attributes) -> None:
        if attributes.operation == "DELETE":
            if attributes.name in IMMORTAL:
                raise forbidden(attributes, "this namespace may not be deleted")
            return
        name = attributes.namespace
        namespaces = attributes.core.live("namespaces")
        if attributes.operation == "UPDATE" and namespaces.key("", name) in namespaces.unreadable:
            return  # what is in it goes on
        namespace = namespaces.get("", name)
        if namespace is None:
            raise errors.NotFound("namespaces", name)
        if attributes.operation == "CREATE" and namespace.object.metadata.deletionTimestamp is not None:
            raise _terminating(attributes, name)


def _terminating(attributes: Attributes, name: str) -> errors.Forbidden:
    why = f"unable to create new content in namespace {name} because it is being terminated"
    error = forbidden(attributes, why)
    assert error.details is not None
    error.details.causes = (
        StatusCause(
            reason="NamespaceTerminating",
            message=f"namespace {name} is being terminated",
            field="metadata.namespace",
        ),
    )
    return error
