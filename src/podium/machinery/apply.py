"""Who owns which fields of an object, and what an apply makes of that (server-side apply, KEP-555).

An apply merges what its manager wants into the live object, takes away what the manager applied before and nobody
wants any more, and is refused where it would change what others own, unless it is forced. Any other write takes what
it changes from its owners. The rules and their order are structured-merge-diff's, which Kubernetes uses.

Who owns what travels in metadata.managedFields; see registry/managed_fields.py.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import reduce
from typing import Any, NamedTuple

from podium.machinery import field, field_set, field_values
from podium.machinery.errors import StatusError
from podium.machinery.field_schema import Node
from podium.machinery.field_set import FieldSet
from podium.models.meta_v1 import StatusCause, StatusDetails


class Manager(NamedTuple):
    """Who owns fields. An applier is the same in all versions of a kind, so its version is with what it owns."""

    name: str
    operation: str
    """ "Apply" or "Update"."""
    subresource: str = ""
    version: str = ""
    """The apiVersion that an updater wrote; "" for an applier."""

    def __str__(self) -> str:
        """As conflicts name it."""
        text = field.quote(self.name)
        if self.subresource:
            text += f" with subresource {field.quote(self.subresource)}"
        return text if self.operation == "Apply" else f"{text} using {self.version}"


@dataclass(frozen=True, slots=True)
class Owned:
    fields: FieldSet
    version: str
    """The apiVersion that the fields are of."""
    time: datetime | None = None


Managed = Mapping[Manager, Owned]
Visible = Callable[[FieldSet], FieldSet]
"""What of a set counts: a write to the status says nothing about the rest, and the other way round."""


@dataclass(frozen=True, slots=True)
class Scope:
    """What a write is about, apart from the objects."""

    node: Node
    version: str
    manager: Manager
    now: datetime
    visible: Visible = lambda fields: fields


class Conflicts(Exception):
    """An apply would change what others own."""

    def __init__(self, fields: Mapping[Manager, FieldSet]) -> None:
        super().__init__("conflicts")
        self.fields = fields

    def told(self) -> Iterator[tuple[Manager, str]]:
        for manager in sorted(self.fields):
            for path in field_set.paths(self.fields[manager]):
                yield manager, path


class ApplyConflict(StatusError):
    code, reason = 409, "Conflict"

    def __init__(self, conflicts: Conflicts) -> None:
        told = list(conflicts.told())
        causes = tuple(
            StatusCause(reason="FieldManagerConflict", message=f"conflict with {manager}", field=path)
            for manager, path in told
        )
        super().__init__(_message(told), details=StatusDetails(causes=causes))


def _message(told: list[tuple[Manager, str]]) -> str:
    if len(told) == 1:
        ((manager, path),) = told
        return f"Apply failed with 1 conflict: conflict with {manager}: {path}"
    lines = []
    before = None
    for manager, path in told:
        if manager != before:
            lines.append(f"conflicts with {manager}:")
        before = manager
        lines.append(f"- {path}")
    return f"Apply failed with {len(told)} conflicts: " + "\n".join(lines)


# --- writes that are no applies -------------------------------------------------------------------------------------


def updated(scope: Scope, live: Any, new: Any, managed: Managed) -> Managed:
    """Who owns what after a write that made `new` of `live`: what it changed is its manager's, and no one else's."""
    changes = _visible(scope, field_values.compare(scope.node, live, new))
    taken = field_set.union(changes.added, changes.modified)
    if not taken and not changes.removed:
        return managed
    after = dict(_released(managed, scope, taken, changes.removed))
    if taken:
        before = after.get(scope.manager)
        fields = field_set.union(before.fields, taken) if before else taken
        after[scope.manager] = Owned(fields, scope.version, scope.now)
    return after


def _visible(scope: Scope, changes: field_values.Changes) -> field_values.Changes:
    return field_values.Changes(*map(scope.visible, (changes.added, changes.modified, changes.removed)))


def _released(managed: Managed, scope: Scope, *gone: FieldSet) -> Iterator[tuple[Manager, Owned]]:
    """Everybody without the fields that are gone; who owns nothing any more is left out.

    What is owned in another version of the kind is left as it is: its fields may have other names.
    """
    for manager, owned in managed.items():
        if owned.version == scope.version:
            fields = reduce(field_set.difference, gone, owned.fields)
            if fields != owned.fields:
                owned = replace(owned, fields=fields)
        if owned.fields:
            yield manager, owned


# --- applies --------------------------------------------------------------------------------------------------------


def applied(scope: Scope, live: Any, config: Any, managed: Managed, *, force: bool) -> tuple[Any, Managed]:
    """The object that the apply makes, and who owns what then. Conflicts if that is refused.

    SchemaError if the configuration can't be understood.
    """
    field_values.check(scope.node, config)
    last = managed.get(scope.manager)
    said = field_values.fields_of(scope.node, config)
    wanted = scope.visible(said)
    others = {manager: owned for manager, owned in managed.items() if manager != scope.manager}
    merged = field_values.merged(scope.node, live, config)
    if last is not None and last.version == scope.version:
        of_version = (owned.fields for owned in others.values() if owned.version == scope.version)
        merged = _pruned(scope.node, merged, last.fields, reduce(field_set.union, of_version, said))
    changes = _visible(scope, field_values.compare(scope.node, live, merged))
    taken = field_set.union(changes.added, changes.modified)
    conflicts = {
        manager: common
        for manager, owned in others.items()
        if owned.version == scope.version and (common := field_set.intersection(owned.fields, taken))
    }
    if conflicts and not force:
        raise Conflicts(conflicts)
    gone = reduce(field_set.union, conflicts.values(), field_set.MEMBER)
    after = dict(_released(others, scope, gone, changes.removed))
    if wanted:
        unchanged = last is not None and last.fields == wanted and last.version == scope.version
        time = last.time if last and unchanged and not (taken or changes.removed) else scope.now
        after[scope.manager] = Owned(wanted, scope.version, time)
    return merged, after


def _pruned(node: Node, merged: Any, last: FieldSet, claimed: FieldSet) -> Any:
    """Without what the manager applied last time, nobody claims now, and nothing that stays needs.

    Structs count as members here, so that one goes with the last of its fields: no empty `rollingUpdate` is left.
    """

    def named(fields: FieldSet) -> FieldSet:
        return field_values.with_structs(node, fields)

    mine = named(last)
    there = named(field_values.fields_of(node, merged))
    kept = field_values.fields_of(node, field_values.without(node, merged, mine))
    unclaimed = field_set.difference(there, field_set.union(named(kept), named(claimed)))
    rest = field_values.without(node, merged, unclaimed)
    gone = field_set.difference(there, named(field_values.fields_of(node, rest)))
    return field_values.without(node, merged, field_set.intersection(gone, mine))


def before_first_apply(scope: Scope, empty: Any, live: Any, manager: Manager) -> Managed:
    """Of an object whose writes nobody followed: all that is in it is one manager's, so that changing it conflicts."""
    fields = scope.visible(field_values.compare(scope.node, empty, live).added)
    return {manager: Owned(fields, scope.version, scope.now)} if fields else {}
