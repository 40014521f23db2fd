"""Replacing an object or its status: conflicts, what may not change, generation, and the end of a deletion.

`replace` is what all writes to an existing object go through: updates, patches and the subresources that change it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

from podium.machinery import errors, field
from podium.models import codec
from podium.registry import managed_fields, metadata
from podium.registry.admission.chain import Attributes
from podium.registry.core import Core
from podium.registry.create import create
from podium.registry.parts import Part
from podium.registry.resources import Resource
from podium.registry.storage import Collection
from podium.registry.types import Entry, Request
from podium.store.port import RevisionMismatch

ATTEMPTS = 1000
"""How often a write that doesn't insist on a revision is tried again when others are quicker: as often as there may be
others, since each time one of them has been successful."""

Build = Callable[[Entry], Any]
"""The object to be written, given the current one. Called again when the object has changed meanwhile."""


async def update(core: Core, request: Request, res: Resource, target: tuple[str, str], obj: Any, part: Part) -> Entry:
    """PUT: what the client sent takes the place of the current object or part. `target` is (namespace, name)."""
    namespace, name = target
    metadata.match_url(obj.metadata, namespace, name)
    metadata.match_namespace(obj.metadata, namespace)
    request.warnings.extend(metadata.name_owners_once(obj.metadata, metadata.OWNERS_TWICE))
    given, uid = metadata.insisted_on(obj.metadata), obj.metadata.uid
    insists = not given and not res.strategy.update_unconditional and not part.subresource

    if part.creates and core.live(res).get(namespace, name) is None:
        if request.may_create is not None:
            request.may_create()
        with contextlib.suppress(errors.AlreadyExists):  # someone was quicker: then it is an update
            return await create(core, request, res, namespace, obj)

    def build(old: Entry) -> Any:
        check_uid(res, old, uid)
        if insists:
            wrong = field.invalid("metadata.resourceVersion", 0, "must be specified for an update")
            raise errors.Invalid(res.group_resource, name, [wrong])  # the resource here, as Kubernetes has it
        obj.metadata.resourceVersion = given
        return obj

    return await replace(core, request, res, namespace, name, build, part)


def check_uid(res: Resource, old: Entry, uid: str) -> None:
    """A write that names a uid is for that object only, not for a later one of the same name."""
    found = old.object.metadata.uid
    if uid and uid != found:
        raise errors.Conflict(
            res.group_resource,
            old.object.metadata.name,
            f"StorageError: invalid object, Code: 4, Key: /registry{old.key}, ResourceVersion: 0, "
            f"AdditionalErrorMsg: Precondition failed: UID in precondition: {uid}, UID in object meta: {found}",
        )


async def replace(
    core: Core,
    request: Request,
    res: Resource,
    namespace: str,
    name: str,
    build: Build,
    part: Part,
) -> Entry:
    """Write what `build` makes of the current object, or of its part. A resourceVersion in it is insisted on."""
    core.check()
    collection = core.live(res)
    key = collection.key(namespace, name)
    for _attempt in range(ATTEMPTS):
        old = collection.find(key)
        if old is None:
            raise errors.NotFound(res.group_resource, name)
        new = _whole(build(old), old, part)
        given = metadata.insisted_on(new.metadata)
        if given and given != str(old.revision):
            _check_revision(res, name, given)
            raise errors.Conflict(res.group_resource, name)
        try:
            return await _write(core, request, collection, new, old, part)
        except RevisionMismatch as mismatch:
            if given:
                raise errors.Conflict(res.group_resource, name) from None
            await core.caught_up(collection, key, mismatch)
    raise errors.Conflict(res.group_resource, name)


def _whole(given: Any, old: Entry, part: Part) -> Any:
    """The stored object with what was given in it."""
    if part.check is not None:
        wrong = part.check(given)
        if wrong:
            raise errors.Invalid(part.kind, given.metadata.name, wrong)
    if part.put is not None:
        return part.put(given, old.object)
    return given


def _check_revision(res: Resource, name: str, given: str) -> None:
    if not given.isdecimal():
        wrong = field.invalid("metadata.resourceVersion", given, "must be an unsigned integer")
        raise errors.Invalid(res.group_kind, name, [wrong])


async def _write(core: Core, request: Request, collection: Collection, new: Any, old: Entry, part: Part) -> Entry:
    res, meta = collection.resource, new.metadata
    attributes = Attributes(core, request, "UPDATE", res, meta.namespace, meta.name, part.subresource, new, old.object)
    stored = False
    try:
        await _make_ready(attributes, part, old)
        allocator = None if part.subresource else core.allocators.get(res.group_resource)
        if allocator is not None:
            attributes.undo.append(allocator.allocate(new, old.object))
        entry = await _store(core, request, collection, new, old)
        stored = not request.dry_run
        return entry
    finally:
        if not stored:
            attributes.give_back()


async def _store(core: Core, request: Request, collection: Collection, new: Any, old: Entry) -> Entry:
    value = codec.encode(new)
    data = collection.wire.splice(value, old.revision)
    ending = ends(new, old.object)
    if ending and not request.dry_run:
        await core.deleted(old.key, old.revision)
    if ending or request.dry_run:
        new.metadata.resourceVersion = str(old.revision)
        return Entry(old.key, old.revision, data, collection.model, new)
    if data == old.data:  # nothing changed: no revision is spent
        return old
    return await core.updated(old.key, value, old.revision, new)


async def _make_ready(attributes: Attributes, part: Part, entry: Entry) -> None:
    """Defaults, admission and validation, in that order; afterwards the object is as it will be stored."""
    core, request, res = attributes.core, attributes.request, attributes.resource
    new, previous, strategy = attributes.obj, attributes.old, res.strategy
    managed, new.metadata.managedFields = new.metadata.managedFields, ()
    metadata.drop_what_clients_may_not_set(new.metadata)
    strategy.default(new)
    await core.admission.admit(attributes)
    request.warnings.extend(metadata.name_owners_once(new.metadata, metadata.OWNERS_TWICE_AFTER_ADMISSION))
    part.prepare(new, previous)
    meta = new.metadata  # a status write has been given the old one
    metadata.carry_over(meta, previous.metadata)
    metadata.drop_what_clients_may_not_set(meta)
    _follow(attributes, part, entry, managed)
    if part.counts and strategy.generation and metadata.desired_changed(new, previous):
        meta.generation = (previous.metadata.generation or 0) + 1
    wrong = metadata.validate_update(meta, previous.metadata) + part.validate(new, previous)
    if wrong:
        raise errors.Invalid(res.group_kind, meta.name, wrong)
    if not part.subresource:
        request.warnings.extend(strategy.warnings(new, previous))
    await core.admission.validate(attributes)


def _follow(attributes: Attributes, part: Part, old: Entry, given: managed_fields.Entries) -> None:
    """Say who owns what. A write that would change only the times of that changes nothing."""
    core, request, res, new = attributes.core, attributes.request, attributes.resource, attributes.obj
    current = old.object.metadata.managedFields
    new.metadata.managedFields = ()
    found = managed_fields.of_updated(request, res, part.subresource, new, old, given, core.now())
    if found and found is not current and managed_fields.same_but_for_times(found, current):
        new.metadata.managedFields = current
        if core.live(res).wire.splice(codec.encode(new), old.revision) == old.data:
            return
    new.metadata.managedFields = found


def ends(new: Any, old: Any) -> bool:
    """Whether the write takes away the last thing that held an object which is being deleted."""
    if new.metadata.finalizers or old.metadata.deletionTimestamp is None:
        return False
    if old.metadata.deletionGracePeriodSeconds:
        return False  # a graceful deletion is under way: who runs the object ends it
    spec_finalizers = getattr(getattr(new, "spec", None), "finalizers", ())
    return not spec_finalizers  # only Namespaces have these
