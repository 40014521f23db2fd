"""Keeps the authorizer current with the registry's RBAC objects, and puts what asks it into admission."""

from __future__ import annotations

from collections.abc import Callable

from podium.registry.admission.chain import Attributes, Chain, Operation
from podium.registry.registry import Registry
from podium.registry.resources import Resource
from podium.registry.storage import Event
from podium.server.authorization.authorizer import RBAC_GROUP, Authorizer
from podium.server.authorization.escalation import check_escalation
from podium.server.authorization.signers import SignerCheck

_PLURALS = ("clusterroles", "roles", "clusterrolebindings", "rolebindings")


def follow_rbac(registry: Registry, authorizer: Authorizer) -> Callable[[], None]:
    """Learn all that there is and every change from now on, until what is returned is called."""

    def changed(event: Event) -> None:
        authorizer.observe(event.old.object if event.old else None, None if event.deleted else event.entry.object)

    collections = [registry.live(f"{plural}.{RBAC_GROUP}") for plural in _PLURALS]
    for collection in collections:
        for entry in collection:
            authorizer.observe(None, entry.object)
        collection.listeners.append(changed)
    core, checks = registry.core, (EscalationCheck(authorizer), SignerCheck(authorizer))
    core.admission = Chain((*core.admission.plugins, *checks))

    def end() -> None:
        for collection in collections:
            collection.listeners.remove(changed)
        core.admission = Chain(plugin for plugin in core.admission.plugins if plugin not in checks)

    return end


class EscalationCheck:
    """Admission of writes to roles and bindings: nobody grants more than they hold."""

    def __init__(self, authorizer: Authorizer) -> None:
        self._authorizer = authorizer

    def handles(self, resource: Resource, operation: Operation, subresource: str) -> bool:
        return resource.group == RBAC_GROUP and operation in ("CREATE", "UPDATE") and not subresource

    def admit(self, attributes: Attributes) -> None:
        """Nothing is changed."""

    def validate(self, attributes: Attributes) -> None:
        check_escalation(self._authorizer, attributes.request.user, attributes.obj, attributes.old)
