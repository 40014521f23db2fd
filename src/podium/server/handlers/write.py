"""POST, PUT, PATCH and DELETE: the body is decoded, the registry does the rest."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from podium.machinery import field
from podium.machinery.errors import Invalid
from podium.models.authentication_v1 import TokenRequest
from podium.models.autoscaling_v1 import Scale
from podium.models.core_v1 import Binding
from podium.models.meta_v1 import DeleteOptions, Status, StatusDetails
from podium.models.policy_v1 import Eviction
from podium.registry.resources import Resource
from podium.registry.types import Entry, PatchType
from podium.server import bodies
from podium.server.authorization.rules import Attributes
from podium.server.exchange import Answer, Exchange
from podium.server.handlers.parameters import delete_options, list_options, write_request
from podium.server.negotiation import Shape, shape_of, unsupported
from podium.server.rendering import in_format, list_answer, object_answer, warning_headers
from podium.server.requests import truth
from podium.server.services import Services

_PATCH_TYPES: dict[str, PatchType] = {
    "application/json-patch+json": "json",
    "application/merge-patch+json": "merge",
    "application/strategic-merge-patch+json": "strategic",
    "application/apply-patch+yaml": "apply",
}
_PART_TYPES: dict[str, type[Any]] = {
    "Binding": Binding,
    "Eviction": Eviction,
    "Scale": Scale,
    "TokenRequest": TokenRequest,
}
_RETURNS_DELETED = frozenset(
    (
        *("pods", "persistentvolumeclaims", "persistentvolumes", "podtemplates", "resourcequotas", "serviceaccounts"),
        *(f"{plural}.storage.k8s.io" for plural in ("csidrivers", "csinodes", "storageclasses", "volumeattachments")),
    )
)
"""Kinds of which DELETE answers with the object that is gone rather than with a Status."""


def expected(res: Resource, subresource: str) -> type[Any]:
    """The type that a body has to be of."""
    part = res.subresources.get(subresource) if subresource else None
    if part is None or part.kind == res.kind:
        return res.model
    return _PART_TYPES[part.kind]


async def create(services: Services, exchange: Exchange, res: Resource) -> Answer:
    info = exchange.info
    shape = shape_of(exchange)
    request = write_request(exchange, "CreateOptions")
    obj = await bodies.read_object(exchange, expected(res, info.subresource), "CreateOptions")
    namespace = info.namespace if res.namespaced else ""
    entry = await services.registry.create(request, res, namespace, obj, info.name, info.subresource)
    return created(services, exchange, shape, res, entry)


async def bind(services: Services, exchange: Exchange, pods: Resource) -> Answer:
    """POST of a Binding to the namespace's `bindings`: the same as the Pod's subresource."""
    info = exchange.info
    shape = shape_of(exchange)
    request = write_request(exchange, "CreateOptions")
    obj: Binding = await bodies.read_object(exchange, Binding, "CreateOptions")
    entry = await services.registry.create(request, pods, info.namespace, obj, obj.metadata.name, "binding")
    return created(services, exchange, shape, pods, entry)


def created(services: Services, exchange: Exchange, shape: Shape, res: Resource, entry: Entry) -> Answer:
    if isinstance(entry.object, Status):  # binding, eviction: there is no object to show
        return in_format(shape, entry.object, 201, warning_headers(exchange))
    return object_answer(exchange, shape, res, entry, services.clock.now(), 201)


async def update(services: Services, exchange: Exchange, res: Resource) -> Answer:
    info = exchange.info
    shape = shape_of(exchange)
    request = write_request(exchange, "UpdateOptions")
    request.may_create = _may_create(services, exchange)
    obj = await bodies.read_object(exchange, expected(res, info.subresource), "UpdateOptions")
    status = _status(services, exchange, res)
    namespace = info.namespace if res.namespaced else ""
    entry = await services.registry.update(request, res, namespace, info.name, obj, info.subresource)
    return object_answer(exchange, shape, res, entry, services.clock.now(), status)


def _status(services: Services, exchange: Exchange, res: Resource) -> int:
    """201 if the write will make an object that isn't there."""
    if not res.strategy.create_on_update or exchange.info.subresource:
        return 200
    namespace = exchange.info.namespace if res.namespaced else ""
    return 200 if services.registry.live(res).get(namespace, exchange.info.name) else 201


async def patch(services: Services, exchange: Exchange, res: Resource) -> Answer:
    info = exchange.info
    content_type = (exchange.headers.get("Content-Type") or "").partition(";")[0].strip().lower()
    patch_type = _PATCH_TYPES.get(content_type)
    if patch_type is None:
        raise unsupported(tuple(_PATCH_TYPES))
    shape = shape_of(exchange)
    request = write_request(exchange, "PatchOptions")
    force = exchange.query.get("force")
    if patch_type == "apply":
        request.field_manager = exchange.query.get("fieldManager", "")
        request.force = truth(force)
        request.may_create = _may_create(services, exchange)
    elif force:
        wrong = field.forbidden("force", "may not be specified for non-apply patch")
        raise Invalid("PatchOptions.meta.k8s.io", "", [wrong])
    tree = await bodies.read_patch(exchange, patch_type, expected(res, info.subresource))
    namespace = info.namespace if res.namespaced else ""
    entry = await services.registry.patch(request, res, namespace, info.name, tree, patch_type, info.subresource)
    return object_answer(exchange, shape, res, entry, services.clock.now(), 201 if request.created else 200)


def _may_create(services: Services, exchange: Exchange) -> Callable[[], None]:
    """An apply or update that creates needs the right to create, too."""
    info = exchange.info
    attributes = Attributes("create", info.group, info.resource, "", info.namespace, info.name, version=info.version)
    return lambda: services.authorizer.require(exchange.user, attributes)


async def _options(exchange: Exchange) -> DeleteOptions | None:
    body = await exchange.body()
    if body:
        return bodies.delete_options(exchange, body)
    return delete_options(exchange.query)


async def delete(services: Services, exchange: Exchange, res: Resource) -> Answer:
    info = exchange.info
    shape = shape_of(exchange)
    options = await _options(exchange)
    request = write_request(exchange, "DeleteOptions")
    request.dry_run = request.dry_run or bool(options and options.dryRun)
    namespace = info.namespace if res.namespaced else ""
    entry = await services.registry.delete(request, res, namespace, info.name, options)
    if entry is not None:
        accepted = options is not None and options.orphanDependents is False
        return object_answer(exchange, shape, res, entry, services.clock.now(), 202 if accepted else 200)
    removed = request.removed
    if removed is not None and res.group_resource in _RETURNS_DELETED:
        return object_answer(exchange, shape, res, removed, services.clock.now())
    details = StatusDetails(name=info.name, group=res.group, kind=res.plural)
    if removed is not None:
        details.uid = removed.object.metadata.uid
    return in_format(shape, Status(status="Success", details=details), 200, warning_headers(exchange))


async def delete_collection(services: Services, exchange: Exchange, res: Resource) -> Answer:
    shape = shape_of(exchange)
    options = await _options(exchange)
    request = write_request(exchange, "DeleteOptions")
    request.dry_run = request.dry_run or bool(options and options.dryRun)
    namespace = exchange.info.namespace if res.namespaced else ""
    listing = await services.registry.delete_collection(request, res, namespace, list_options(exchange.query), options)
    return list_answer(exchange, shape, res, listing, services.clock.now())


async def review(services: Services, exchange: Exchange, res: Resource) -> Answer:
    """A question asked as an object: it is answered, not stored."""
    shape = shape_of(exchange)
    obj = await bodies.read_object(exchange, res.model, "CreateOptions")
    answered = await services.reviews.answer(exchange.user, exchange.info.namespace, obj)
    return in_format(shape, answered, 201, warning_headers(exchange))
