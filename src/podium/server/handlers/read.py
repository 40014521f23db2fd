"""GET of an object or of a collection."""

from __future__ import annotations

from podium.registry.resources import Resource
from podium.server.exchange import COMPRESS_FROM, Answer, Exchange
from podium.server.handlers.parameters import list_options
from podium.server.negotiation import shape_of
from podium.server.rendering import list_answer, object_answer
from podium.server.services import Services


async def get(services: Services, exchange: Exchange, res: Resource) -> Answer:
    info = exchange.info
    shape = shape_of(exchange, protobuf=not res.provided)
    namespace = info.namespace if res.namespaced else ""
    if wanted := exchange.query.get("resourceVersion"):
        await services.registry.reach(wanted)
    entry = await services.registry.get(res, namespace, info.name, info.subresource)
    answer = object_answer(exchange, shape, res, entry, services.clock.now())
    if len(answer.data) > COMPRESS_FROM:
        await answer.compress(exchange.raw)
    return answer


async def list_(services: Services, exchange: Exchange, res: Resource) -> Answer:
    shape = shape_of(exchange, protobuf=not res.provided)
    namespace = exchange.info.namespace if res.namespaced else ""
    listing = await services.registry.list(res, namespace, list_options(exchange.query))
    answer = list_answer(exchange, shape, res, listing, services.clock.now())
    await answer.compress(exchange.raw)
    return answer
