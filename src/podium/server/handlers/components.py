"""ComponentStatuses: asked, not stored. The only component whose health this server knows is its own store."""

from __future__ import annotations

from podium.machinery.errors import NotFound
from podium.models import codec
from podium.models.core_v1 import ComponentCondition, ComponentStatus
from podium.models.meta_v1 import ObjectMeta
from podium.registry.resources import Resource
from podium.registry.types import Entry, Listing
from podium.server.exchange import Answer, Exchange
from podium.server.negotiation import shape_of
from podium.server.rendering import list_answer, object_answer
from podium.server.services import Services

_STORE = "etcd-0"
"""The name under which clients know the store."""


async def components(services: Services, exchange: Exchange, res: Resource) -> Answer:
    shape, now = shape_of(exchange), services.clock.now()
    entry = _store(services)
    if exchange.info.verb == "list":
        listing = Listing([entry], services.registry.revision)
        return list_answer(exchange, shape, res, listing, now)
    if exchange.info.name != _STORE:
        raise NotFound(res.group_resource, exchange.info.name)
    return object_answer(exchange, shape, res, entry, now)


def _store(services: Services) -> Entry:
    failure = services.registry.core.store.failure
    condition = ComponentCondition(
        type="Healthy", status="False" if failure else "True", message="" if failure else "ok", error=str(failure or "")
    )
    status = ComponentStatus(metadata=ObjectMeta(name=_STORE), conditions=(condition,))
    return Entry("", 0, codec.encode(status), ComponentStatus, status)
