"""metadata.managedFields: who owns which fields of an object, kept up to date by every write (KEP-555).

A write over the wire is followed in full, as in Kubernetes: what it changes is its manager's from then on. Components
in this process write thousands of Pods a second, and an applier almost never meets these, so what they write costs
nothing unless somebody may ask: their new objects have no managed fields (a first apply then finds all of it owned by
"before-first-apply", Kubernetes' own rule for objects that nobody followed), and their changes are followed only in
objects that have managed fields, statuses only in objects that somebody has applied. So an applier always meets a
conflict where another changed what it wants: `kubectl scale`, an autoscaler and a controller alike.

How the rules themselves work is in machinery/apply.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import msgspec

from podium.machinery import apply, field, field_schema, field_set
from podium.machinery.apply import Managed, Manager, Owned, Scope
from podium.machinery.errors import FieldError
from podium.machinery.field_set import MEMBER, SELF, FieldSet
from podium.models import codec
from podium.models.meta_v1 import ManagedFieldsEntry
from podium.registry.resources import Resource
from podium.registry.types import Entry, Request

Entries = tuple[ManagedFieldsEntry, ...]

IN_PROCESS = "kube-controller-manager"
"""Whose name the changes of components in this process carry."""
BEFORE_FIRST_APPLY = "before-first-apply"
ANCIENT = "ancient-changes"
MAX_UPDATERS = 10
"""More than that, and the oldest become one."""
MAX_NAME = 128

_SYSTEM: FieldSet = {
    "f:apiVersion": MEMBER,
    "f:kind": MEMBER,
    "f:metadata": {
        SELF: MEMBER,
        **{
            f"f:{name}": MEMBER
            for name in (
                "clusterName",
                "creationTimestamp",
                "generation",
                "managedFields",
                "name",
                "namespace",
                "resourceVersion",
                "selfLink",
                "uid",
            )
        },
    },
}
"""Fields that nobody owns."""

_EMPTY: dict[type[Any], Any] = {}
_SETS: dict[bytes, FieldSet] = {}
_SETS_KEPT = 4096
_sorting = msgspec.json.Encoder(order="sorted")


def name_errors(name: str) -> list[FieldError]:
    """What is wrong with the name of a manager that a client gave itself."""
    wrong = []
    if len(name) > MAX_NAME:
        wrong.append(field.too_long(field.Path("fieldManager"), MAX_NAME))
    if not name.isprintable():
        wrong.append(field.invalid("fieldManager", name, "should only contain printable characters"))
    return wrong


# --- on the wire ----------------------------------------------------------------------------------------------------


def read(entries: Iterable[ManagedFieldsEntry]) -> Managed:
    """What the entries say. They are this module's own, or went through `parsed`."""
    found = {}
    for entry in entries:
        version = "" if entry.operation == "Apply" else entry.apiVersion
        manager = Manager(entry.manager, entry.operation, entry.subresource, version)
        found[manager] = Owned(entry.fieldsV1, entry.apiVersion, entry.time)
    return found


def parsed(entries: Sequence[ManagedFieldsEntry]) -> Managed | None:
    """What entries say that a client sent; None if they make no sense, which is no reason to refuse its write."""
    found = []
    for entry in entries:
        if entry.operation not in ("Apply", "Update") or entry.fieldsType != "FieldsV1":
            return None
        try:
            fields = field_set.parse(entry.fieldsV1)
        except field_set.Malformed:
            return None
        if fields:
            found.append(msgspec.structs.replace(entry, fieldsV1=fields))
    return read(found)


def written(managed: Managed) -> Entries:
    """As metadata has it: appliers first, then by time."""
    entries = [
        ManagedFieldsEntry(
            manager=manager.name,
            operation=manager.operation,
            subresource=manager.subresource,
            apiVersion=owned.version,
            time=owned.time,
            fieldsType="FieldsV1",
            fieldsV1=_shared(owned.fields),
        )
        for manager, owned in managed.items()
    ]
    return tuple(sorted(entries, key=_order))


def _shared(fields: FieldSet) -> FieldSet:
    """The set with its steps in order. Ten thousand Pods of one client have the same few sets: each is kept once."""
    key = _sorting.encode(fields)
    known = _SETS.get(key)
    if known is None:
        if len(_SETS) >= _SETS_KEPT:
            _SETS.clear()
        known = _SETS[key] = field_set.canonical(fields)
    return known


def _order(entry: ManagedFieldsEntry) -> tuple[str, float, str, str, str]:
    time = entry.time.timestamp() if entry.time else 0
    return entry.operation, time, entry.manager, entry.apiVersion, entry.subresource


# --- following writes -----------------------------------------------------------------------------------------------


def scope(res: Resource, manager: Manager, now: datetime, model: type[Any] | None = None) -> Scope:
    """The write of a manager, whose subresource says what of the object it may be about."""
    version = res.api_version if model is None else str(model().apiVersion)

    def visible(fields: FieldSet) -> FieldSet:
        if manager.subresource == "status":
            return {"f:status": fields["f:status"]} if "f:status" in fields else {}
        rest = field_set.difference(fields, _SYSTEM)
        if manager.subresource == "" and res.strategy.prepare_status_update is not None:
            rest.pop("f:status", None)
        return rest

    return Scope(field_schema.of(model or res.model), version, manager, now, visible)


def tree_of(data: bytes) -> Any:
    """An object's JSON as a tree without its managed fields."""
    tree = msgspec.json.decode(data)
    tree["metadata"].pop("managedFields", None)
    return tree


def empty(model: type[Any]) -> Any:
    """What an object is compared with that wasn't there before."""
    tree = _EMPTY.get(model)
    if tree is None:
        tree = _EMPTY[model] = codec.to_tree(model())
    return tree


def of_created(request: Request, res: Resource, obj: Any, now: datetime) -> Entries:
    """Of a new object as its client sent it, with defaults."""
    given: Entries = obj.metadata.managedFields
    obj.metadata.managedFields = ()
    if request.applies:
        return given  # made by the apply
    if not request.field_manager:
        return ()
    managed: Managed = (given and parsed(given)) or {}
    what = scope(res, Manager(request.field_manager, "Update", "", res.api_version), now)
    return written(apply.updated(what, empty(res.model), tree_of(codec.encode(obj)), managed))


def of_updated(
    request: Request, res: Resource, subresource: str, new: Any, old: Entry, given: Entries, now: datetime
) -> Entries:
    """Of an object that is about to be written. `given` is what the write says of it, `new` has none."""
    if request.applies:
        return given
    current: Entries = old.object.metadata.managedFields
    managed: Managed | None = None
    if request.field_manager:
        if not subresource and given and given != current:
            if given == (ManagedFieldsEntry(),):
                return ()  # the way to make a server forget
            managed = parsed(given)
    elif subresource == "status" and not any(entry.operation == "Apply" for entry in current):
        return current
    if not current and not managed:
        return ()  # nobody follows this object until it is applied
    before = managed or read(current)
    name = request.field_manager or IN_PROCESS
    what = scope(res, Manager(name, "Update", subresource, res.api_version), now)
    after = apply.updated(what, tree_of(old.data), tree_of(codec.encode(new)), before)
    if after is before and not managed:
        return current
    return written(_capped(after))


def same_but_for_times(new: Entries, old: Entries) -> bool:
    """Whether a write that changed nothing else need not be made."""
    return len(new) == len(old) and all(
        msgspec.structs.replace(one, time=None) == msgspec.structs.replace(other, time=None)
        for one, other in zip(sorted(new, key=_identity), sorted(old, key=_identity), strict=True)
    )


def _identity(entry: ManagedFieldsEntry) -> tuple[str, str, str, str]:
    return entry.operation, entry.manager, entry.apiVersion, entry.subresource


def _capped(managed: Managed) -> Managed:
    """With the oldest updaters of a version made one, so that an object that many write doesn't grow for ever."""
    updaters = [manager for manager in managed if manager.operation == "Update"]
    surplus = len(updaters) - MAX_UPDATERS
    if surplus <= 0:
        return managed
    after = dict(managed)
    oldest = sorted(updaters, key=lambda one: (time.timestamp() if (time := managed[one].time) else 0, one))
    first: dict[str, Manager] = {}
    for manager in oldest:
        if surplus <= 0:
            break
        version = managed[manager].version
        if version not in first:
            first[version] = manager
            continue
        bucket = Manager(ANCIENT, "Update", "", version)
        there = after.pop(first[version])
        owned = after.pop(manager)
        after[bucket] = replace(owned, fields=field_set.union(there.fields, owned.fields))
        first[version] = bucket
        surplus -= 1
    return after
