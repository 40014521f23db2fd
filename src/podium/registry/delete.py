"""Delete: preconditions, grace, finalizers and what becomes of dependents (API concepts: garbage collection).

An object goes at once unless something holds it: a grace period that its node's agent waits for, or finalizers.
Then it gets a deletionTimestamp and lives on until the last of them is done.
"""

from __future__ import annotations

import asyncio
import contextlib
import copy
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Literal

from podium.machinery import errors, field
from podium.machinery.errors import FieldError
from podium.models import codec
from podium.models.meta_v1 import DeleteOptions, ObjectMeta
from podium.models.numbers import LONGEST
from podium.registry import metadata
from podium.registry.admission.chain import Attributes
from podium.registry.core import Core
from podium.registry.resources import Resource
from podium.registry.types import Entry, Request
from podium.registry.unreadable import CorruptObject, Unreadable
from podium.store.port import RevisionMismatch

ATTEMPTS = 1000
ORPHANING = frozenset({"replicationcontrollers", "jobs.batch"})
"""Kinds that leave their dependents behind unless told otherwise, for backward compatibility."""
LEFT_BEHIND = {
    "jobs.batch": "child pods are preserved by default when jobs are deleted; set propagationPolicy=Background to "
    "remove them or set propagationPolicy=Orphan to suppress this warning"
}
"""Of those, whose authors are told."""
NEVER_OWNERS = frozenset({"events"})
_POLICIES = ("Background", "Foreground", "Orphan")


@dataclass(frozen=True, slots=True)
class Plan:
    """What a deletion does to an object: nothing (it is under way), an update that marks it, or its end."""

    action: Literal["none", "mark", "remove"]
    marked: Any = None


async def delete(
    core: Core, request: Request, res: Resource, namespace: str, name: str, options: DeleteOptions | None
) -> Entry | None:
    """The object if it lives on, None if it is gone (it is then in `request.removed`)."""
    core.check()
    options = options or DeleteOptions()
    wrong = option_errors(options)
    if wrong:
        raise errors.Invalid("DeleteOptions.meta.k8s.io", "", wrong)
    _warn(request, res, options)
    collection = core.live(res)
    key = collection.key(namespace, name)
    for _attempt in range(ATTEMPTS):
        old = collection.entries.get(key)
        if old is None:
            if key not in collection.unreadable:
                raise errors.NotFound(res.group_resource, name)
            await _delete_unreadable(core, request, res, collection.unreadable[key], options)
            return None
        attributes = Attributes(core, request, "DELETE", res, namespace, name, "", None, old.object)
        await core.admission.admit(attributes)
        await core.admission.validate(attributes)
        check_preconditions(res, old, options)
        plan = decide(res, old.object, options, core.now())
        if plan.action == "none":
            return old
        if request.dry_run:
            return _dry(request, old, plan)
        try:
            if plan.action == "remove":
                request.removed = await core.deleted(key, old.revision)
                return None
            return await core.updated(key, codec.encode(plan.marked), old.revision, plan.marked)
        except RevisionMismatch as mismatch:
            await core.caught_up(collection, key, mismatch)
    raise errors.Conflict(res.group_resource, name)


def _warn(request: Request, res: Resource, options: DeleteOptions) -> None:
    if options.propagationPolicy or options.orphanDependents is not None:
        return
    if res.group_resource in LEFT_BEHIND:
        request.warnings.append(LEFT_BEHIND[res.group_resource])


async def delete_all(
    core: Core, request: Request, res: Resource, entries: Iterable[Entry], options: DeleteOptions | None
) -> None:
    """Delete each; what is gone already is as it should be."""
    options = options or DeleteOptions()
    _warn(request, res, options)
    asked = codec.encode(options)
    waiting = [_delete_one(core, request, res, entry, codec.decode(asked, DeleteOptions)) for entry in entries]
    for outcome in await asyncio.gather(*waiting, return_exceptions=True):
        if isinstance(outcome, BaseException):
            raise outcome


async def _delete_one(core: Core, request: Request, res: Resource, entry: Entry, options: DeleteOptions) -> None:
    meta = entry.object.metadata
    own = replace(request, warnings=[])
    with contextlib.suppress(errors.NotFound):
        await delete(core, own, res, meta.namespace, meta.name, options)


async def _delete_unreadable(
    core: Core, request: Request, res: Resource, bad: Unreadable, options: DeleteOptions
) -> None:
    required = options.preconditions
    if required is not None and required.uid:
        raise CorruptObject(bad.key, bad.why)
    name = bad.key.rpartition("/")[2]
    if required is not None:
        _check_revision(res, name, bad.revision, required.resourceVersion)
    if not request.dry_run:
        try:
            await core.forgotten(bad.key, bad.revision)
        except RevisionMismatch:  # somebody was quicker
            raise errors.NotFound(res.group_resource, name) from None


def _dry(request: Request, old: Entry, plan: Plan) -> Entry | None:
    if plan.action == "remove":
        request.removed = old
        return None
    plan.marked.metadata.resourceVersion = str(old.revision)
    return Entry(old.key, old.revision, codec.encode(plan.marked), type(plan.marked), plan.marked)


def option_errors(options: DeleteOptions) -> list[FieldError]:
    found: list[FieldError] = []
    if options.orphanDependents is not None and options.propagationPolicy:
        why = "orphanDependents and deletionPropagation cannot be both set"
        found.append(field.invalid("propagationPolicy", options.propagationPolicy, why))
    if options.propagationPolicy and options.propagationPolicy not in _POLICIES:
        supported = ("Foreground", "Background", "Orphan", "nil")
        found.append(field.not_supported("propagationPolicy", options.propagationPolicy, supported))
    if options.dryRun not in ((), ("All",)):
        found.append(field.not_supported("dryRun", tuple(options.dryRun), ("All",)))
    return found


def check_preconditions(res: Resource, old: Entry, options: DeleteOptions) -> None:
    """Conflict, which speaks of the kind here, as Kubernetes does."""
    required = options.preconditions
    if required is None:
        return
    meta = old.object.metadata
    if required.uid and required.uid != meta.uid:
        raise errors.Conflict(
            res.group_kind,
            meta.name,
            f"the UID in the precondition ({required.uid}) does not match the UID in record ({meta.uid}). "
            "The object might have been deleted and then recreated",
        )
    _check_revision(res, meta.name, old.revision, required.resourceVersion)


def _check_revision(res: Resource, name: str, revision: int, required: str) -> None:
    if required and required != str(revision):
        raise errors.Conflict(
            res.group_kind,
            name,
            f"the ResourceVersion in the precondition ({required}) does not match the "
            f"ResourceVersion in record ({revision}). The object might have been modified",
        )


def decide(res: Resource, obj: Any, options: DeleteOptions, now: datetime) -> Plan:
    """What the deletion does. `obj` is shared and not changed."""
    meta: ObjectMeta = obj.metadata
    if res.group_resource == "namespaces":
        return _decide_namespace(res, obj, options, now)
    grace = _grace(res, obj, options)
    deleting = meta.deletionTimestamp is not None
    if deleting and meta.deletionGracePeriodSeconds and grace is not None:
        current = meta.deletionGracePeriodSeconds
        if options.gracePeriodSeconds is None or grace >= current:
            return Plan("none")  # only a shorter grace period counts
        started = meta.deletionTimestamp - timedelta(seconds=current) if meta.deletionTimestamp else now
        return _held(res, obj, options, started, grace)
    if deleting:
        grace = 0
    return _held(res, obj, options, now, grace or 0)


def _held(res: Resource, obj: Any, options: DeleteOptions, since: datetime, grace: int) -> Plan:
    """The plan for an object whose grace period counts from `since`."""
    meta: ObjectMeta = obj.metadata
    finalizers = garbage_collection_finalizers(res, meta.finalizers, options)
    if not finalizers and not grace:
        return Plan("remove")
    marked = copy.copy(obj)
    marked.metadata = copy.copy(meta)
    marked.metadata.resourceVersion = ""
    marked.metadata.finalizers = finalizers
    _mark(marked.metadata, since, grace)
    if marked.metadata == _without_revision(meta):
        return Plan("none")
    return Plan("mark", marked)


def _mark(meta: ObjectMeta, since: datetime, grace: int) -> None:
    if meta.deletionTimestamp is None and meta.generation:
        meta.generation += 1  # whoever owns its spec has to act
    ends = since + timedelta(seconds=grace)
    if meta.deletionTimestamp is None or ends < meta.deletionTimestamp:
        meta.deletionTimestamp = ends
    meta.deletionGracePeriodSeconds = grace


def _without_revision(meta: ObjectMeta) -> ObjectMeta:
    same = copy.copy(meta)
    same.resourceVersion = ""
    return same


def _grace(res: Resource, obj: Any, options: DeleteOptions) -> int | None:
    """The grace period in seconds; None for kinds that have none."""
    default = res.strategy.grace_seconds
    if default is None:
        return None
    if res.group_resource == "pods" and nobody_runs(obj):
        return 0
    seconds = default(obj) if options.gracePeriodSeconds is None else options.gracePeriodSeconds
    return 1 if seconds < 0 else min(seconds, LONGEST)


def nobody_runs(pod: Any) -> bool:
    """A Pod that no agent has to end first: not bound to a node yet, or finished."""
    return not pod.spec.nodeName or pod.status.phase in ("Succeeded", "Failed")


def garbage_collection_finalizers(res: Resource, finalizers: Sequence[str], options: DeleteOptions) -> tuple[str, ...]:
    """The object's finalizers with the one that makes the garbage collector treat its dependents as asked for.

    What the options say comes first; then a finalizer that the object has; then what the kind does by default.
    """
    if res.group_resource in NEVER_OWNERS:
        return tuple(finalizers)
    others = tuple(one for one in finalizers if one not in (metadata.ORPHAN, metadata.FOREGROUND))
    orphan = foreground = False
    if options.orphanDependents is not None:
        orphan = options.orphanDependents
    elif options.propagationPolicy:
        orphan = options.propagationPolicy == "Orphan"
        foreground = options.propagationPolicy == "Foreground"
    elif len(others) < len(finalizers):
        return tuple(finalizers)
    else:
        orphan = res.group_resource in ORPHANING
    return others + (metadata.ORPHAN,) * orphan + (metadata.FOREGROUND,) * foreground


def _decide_namespace(res: Resource, namespace: Any, options: DeleteOptions, now: datetime) -> Plan:
    """A Namespace becomes Terminating and is held by spec.finalizers until the controller has emptied it."""
    meta: ObjectMeta = namespace.metadata
    if meta.deletionTimestamp is not None:
        if namespace.spec.finalizers:
            return Plan("none")
        return _held(res, namespace, options, now, 0)
    marked = codec.copy(namespace)
    marked.metadata.resourceVersion = ""
    marked.metadata.deletionTimestamp = now
    marked.metadata.finalizers = garbage_collection_finalizers(res, meta.finalizers, options)
    marked.status.phase = "Terminating"
    if not marked.spec.finalizers and not marked.metadata.finalizers:
        return Plan("remove")
    return Plan("mark", marked)
