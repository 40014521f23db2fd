"""Replacing an object or its status: conflicts, what may not change, generation, and the end of a deletion.

`replace` is what all writes to an existing object go through: updates, patches and the subresources that change it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from podium.machinery import errors, field
from podium.machinery.errors import FieldError
from podium.models import codec
from podium.registry import metadata
from podium.registry.admission.chain import Attributes
from podium.registry.core import Core
from podium.registry.resources import Resource
from podium.registry.storage import Collection
from podium.registry.types import Entry, Request
from podium.store.port import RevisionMismatch

ATTEMPTS = 64
"""How often a write that doesn't insist on a revision is tried again when others are quicker."""

Build = Callable[[Entry], Any]
"""The object to be written, given the current one. Called again when the object has changed meanwhile."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What a part of an object that can be written (all of it, status, binding ...) allows."""

    subresource: str = ""
    prepare: Callable[[Any, Any], None] | None = None
    """(new, old)"""
    validate: Callable[[Any, Any], list[FieldError]] | None = None
    attempts: int = ATTEMPTS


def main_rules(res: Resource) -> Rules:
    return Rules("", res.strategy.prepare_update, res.strategy.validate_update)


def status_rules(res: Resource) -> Rules:
    strategy = res.strategy
    if strategy.prepare_status_update is None:
        raise errors.PathNotFound
    return Rules("status", strategy.prepare_status_update, strategy.validate_status_update)


async def update(
    core: Core, request: Request, res: Resource, namespace: str, name: str, obj: Any, rules: Rules
) -> Entry:
    """PUT: the object as the client sent it takes the place of the current one."""
    metadata.match_url(obj.metadata, namespace, name)
    metadata.match_namespace(obj.metadata, namespace)
    given = obj.metadata.resourceVersion
    uid = obj.metadata.uid

    def build(old: Entry) -> Any:
        check_uid(res, old, uid)
        if not given and not res.strategy.update_unconditional and not rules.subresource:
            wrong = field.invalid("metadata.resourceVersion", 0, "must be specified for an update")
            raise errors.Invalid(res.group_resource, name, [wrong])
        obj.metadata.resourceVersion = given
        return obj

    return await replace(core, request, res, namespace, name, build, rules)


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
    core: Core, request: Request, res: Resource, namespace: str, name: str, build: Build, rules: Rules
) -> Entry:
    """Write what `build` makes of the current object. A resourceVersion in it is insisted on."""
    core.check()
    collection = core.live(res)
    key = collection.key(namespace, name)
    for _attempt in range(rules.attempts):
        old = collection.entries.get(key)
        if old is None:
            raise errors.NotFound(res.group_resource, name)
        new = build(old)
        given = new.metadata.resourceVersion
        if given and given != str(old.revision):
            if not given.isdecimal():
                wrong = field.invalid("metadata.resourceVersion", given, "must be an unsigned integer")
                raise errors.Invalid(res.group_kind, name, [wrong])
            raise errors.Conflict(res.group_resource, name)
        await _make_ready(core, request, res, new, old, rules)
        if ends(new, old.object):
            if request.dry_run:
                return old
            try:
                return await core.deleted(key, old.revision)
            except RevisionMismatch as mismatch:
                await _catch_up(core, collection, key, mismatch)
                continue
        value = codec.encode(new)
        data = collection.wire.splice(value, old.revision)
        if data == old.data:  # nothing changed: no revision is spent
            return old
        if request.dry_run:
            return _at(collection, old, data, new)
        try:
            return await core.updated(key, value, old.revision, new)
        except RevisionMismatch as mismatch:
            if given:
                raise errors.Conflict(res.group_resource, name) from None
            await _catch_up(core, collection, key, mismatch)
    raise errors.Conflict(res.group_resource, name)


async def _make_ready(core: Core, request: Request, res: Resource, new: Any, old: Entry, rules: Rules) -> None:
    """Admission, defaults and validation, in that order; afterwards the object is as it will be stored."""
    strategy, previous = res.strategy, old.object
    meta = new.metadata
    metadata.drop_what_clients_may_not_set(meta)
    strategy.default(new)
    attributes = Attributes(core, request, "UPDATE", res, meta.namespace, meta.name, rules.subresource, new, previous)
    await core.admission.admit(attributes)
    metadata.carry_over(new.metadata, previous.metadata)
    if rules.prepare is not None:
        rules.prepare(new, previous)
    meta = new.metadata  # a status write has been given the old one
    metadata.carry_over(meta, previous.metadata)
    metadata.drop_what_clients_may_not_set(meta)
    if not rules.subresource and strategy.generation and metadata.desired_changed(new, previous):
        meta.generation = (previous.metadata.generation or 0) + 1
    wrong = metadata.validate_update(meta, previous.metadata)
    if rules.validate is not None:
        wrong += rules.validate(new, previous)
    if wrong:
        raise errors.Invalid(res.group_kind, meta.name, wrong)
    if not rules.subresource:
        request.warnings.extend(strategy.warnings(new, previous))
    await core.admission.validate(attributes)


def ends(new: Any, old: Any) -> bool:
    """Whether the write takes away the last thing that held an object which is being deleted."""
    if new.metadata.finalizers or old.metadata.deletionTimestamp is None:
        return False
    if old.metadata.deletionGracePeriodSeconds:
        return False  # a graceful deletion is under way: who runs the object ends it
    spec_finalizers = getattr(getattr(new, "spec", None), "finalizers", ())
    return not spec_finalizers  # only Namespaces have these


async def _catch_up(core: Core, collection: Collection, key: str, mismatch: RevisionMismatch) -> None:
    """Wait until the write that was quicker is known here."""
    if mismatch.current:
        await core.reached(mismatch.current)
    elif key in collection.entries:
        await core.clock.sleep(0)


def _at(collection: Collection, old: Entry, data: bytes, new: Any) -> Entry:
    new.metadata.resourceVersion = str(old.revision)
    return Entry(old.key, old.revision, data, collection.model, new)
