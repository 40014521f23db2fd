"""Create: defaults, admission, system metadata, validation, commit.

Admission sees the object with its defaults, as it does in Kubernetes, where they are filled in on decoding: a plugin
that adds something writes it in full.
"""

from __future__ import annotations

from typing import Any

from podium.machinery import errors
from podium.models import codec, identifiers
from podium.models.meta_v1 import ObjectMeta
from podium.registry import managed_fields, metadata
from podium.registry.admission.chain import Attributes
from podium.registry.core import Core
from podium.registry.resources import Resource
from podium.registry.types import Entry, Request
from podium.store.port import KeyExists

NAME_ATTEMPTS = 8
"""How often a generated name is drawn before giving up."""


class GenerateNameConflict(errors.AlreadyExists):
    """No free name was found for a generateName: the client may try again."""

    def __init__(self, resource: str, name: str) -> None:
        super().__init__(resource, name)
        self.message += ", the server was not able to generate a unique name for the object"
        self.args = (self.message,)
        self.retry_after = 1


async def create(core: Core, request: Request, res: Resource, namespace: str, obj: Any) -> Entry:
    core.check()
    meta = obj.metadata
    metadata.match_namespace(meta, namespace if res.namespaced else "")
    if metadata.insisted_on(meta):
        raise errors.BadRequest("resourceVersion should not be set on objects to be created")
    metadata.drop_what_clients_may_not_set(meta)
    request.warnings.extend(metadata.name_owners_once(meta, metadata.OWNERS_TWICE))
    strategy = res.strategy
    strategy.default(obj)
    managed = managed_fields.of_created(request, res, obj, core.now())
    attributes = Attributes(core, request, "CREATE", res, meta.namespace, meta.name, "", obj)
    await core.admission.admit(attributes)
    generate = not meta.name and bool(meta.generateName)
    if generate:
        attributes.name = meta.name = identifiers.generated_name(meta.generateName, core.rng)
    _fill_system_fields(core, res, obj)
    obj.metadata.managedFields = managed
    strategy.prepare_create(obj)
    wrong = metadata.validate(meta, res) + strategy.validate(obj)
    if wrong:
        raise errors.Invalid(res.group_kind, meta.name, wrong)
    request.warnings.extend(strategy.warnings(obj, None))
    stored = False
    try:
        await core.admission.validate(attributes)
        allocator = core.allocators.get(res.group_resource)
        if allocator is not None:
            attributes.undo.append(allocator.allocate(obj, None))
        entry = await _commit(core, request, res, obj, generate)
        stored = not request.dry_run
        return entry
    finally:
        if not stored:
            attributes.give_back()


def _fill_system_fields(core: Core, res: Resource, obj: Any) -> None:
    meta = obj.metadata
    meta.uid = identifiers.uid(core.rng)
    meta.creationTimestamp = core.now()
    meta.deletionTimestamp = None
    meta.deletionGracePeriodSeconds = None
    meta.generation = 1 if res.strategy.generation else None


async def _commit(core: Core, request: Request, res: Resource, obj: Any, generate: bool) -> Entry:
    collection = core.live(res)
    meta = obj.metadata
    for _attempt in range(NAME_ATTEMPTS if generate else 1):
        key = collection.key(meta.namespace, meta.name)
        if key not in collection.entries and key not in collection.unreadable:
            value = codec.encode(obj)
            if request.dry_run:
                return Entry(key, 0, value, collection.model, obj)
            try:
                return await core.created(key, value, obj)
            except KeyExists:
                pass  # someone was quicker: answered below, as if it had been there before
        taken = meta.name
        if generate:
            meta.name = identifiers.generated_name(meta.generateName, core.rng)
    raise _taken(core, res, meta, taken)


def _taken(core: Core, res: Resource, meta: ObjectMeta, name: str) -> errors.AlreadyExists:
    if meta.generateName:
        return GenerateNameConflict(res.group_resource, name)
    error = errors.AlreadyExists(res.group_resource, name)
    collection = core.live(res)
    there = collection.entries.get(collection.key(meta.namespace, name))
    if there is not None and there.object.metadata.deletionTimestamp is not None:
        error.message = f"object is being deleted: {error.message}"
        error.args = (error.message,)
    return error
