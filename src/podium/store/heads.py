"""The current state that the log adds up to, and the guards of writes.

A write is checked and given its revision the moment it is accepted, against the state that all writes accepted before
it will leave behind; it is shown only once it is durable. That works because accepted writes commit in order, and when
one can't, the store stops and none after it is ever shown. So a batch needs no reading inside its transaction, and a
write that is refused costs no revision and doesn't touch the others.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

from podium.store.port import Change, KeyExists, Page, Record, RevisionMismatch

Earlier = TypeVar("Earlier")


class Heads:
    """The newest record of every key: `records` are durable, `_accepted` holds changes that are on their way."""

    def __init__(self, revision: int, records: dict[str, Record] | None = None) -> None:
        self.revision = revision
        self.records = records if records is not None else {}
        self._given = revision
        self._accepted: dict[str, Change] = {}
        self._sorted: list[str] | None = None

    def create(self, key: str, value: bytes, attachment: Any) -> Change:
        accepted = self._accepted.get(key)
        if not accepted.deleted if accepted is not None else key in self.records:
            raise KeyExists(f"{key} exists already")
        if not key.isascii():
            key.encode()  # what has no UTF-8 form must not reach the log
        self._given = revision = self._given + 1
        change = Change(Record(key, value, revision, revision), None, False, attachment)
        self._accepted[key] = change
        return change

    def update(self, key: str, value: bytes, expected: int, attachment: Any) -> Change:
        previous = self._at(key, expected)
        self._given = revision = self._given + 1
        change = Change(Record(key, value, revision, previous.created), previous, False, attachment)
        self._accepted[key] = change
        return change

    def delete(self, key: str, expected: int, attachment: Any) -> Change:
        previous = self._at(key, expected)
        self._given = revision = self._given + 1
        change = Change(Record(key, previous.value, revision, previous.created), previous, True, attachment)
        self._accepted[key] = change
        return change

    def _at(self, key: str, expected: int) -> Record:
        accepted = self._accepted.get(key)
        if accepted is None:
            record = self.records.get(key)
        else:
            record = None if accepted.deleted else accepted.record
        if record is None or record.revision != expected:
            raise RevisionMismatch(key, 0 if record is None else record.revision)
        return record

    def is_durable(self, key: str) -> bool:
        """Whether what guards see of the key is what readers see."""
        return key not in self._accepted

    def publish(self, changes: Sequence[Change]) -> None:
        """These are durable now: let readers see them."""
        records, accepted = self.records, self._accepted
        for change in changes:
            record = change.record
            if change.deleted:
                del records[record.key]
                self._sorted = None
            else:
                records[record.key] = record
                if change.previous is None:
                    self._sorted = None
            if accepted[record.key] is change:
                del accepted[record.key]
        if changes:
            self.revision = changes[-1].record.revision

    def keys(self, prefix: str) -> list[str]:
        """The keys with the prefix, in byte order (of UTF-8, which is that of code points)."""
        if self._sorted is None:
            self._sorted = sorted(self.records)
        first = bisect_left(self._sorted, prefix)
        end = bisect_right(self._sorted, prefix, lo=first, key=lambda key: key[: len(prefix)])
        return self._sorted[first:end]

    def page(self, prefix: str, after: str, limit: int) -> Page:
        """Part of the current state."""
        chosen, remaining = _cut(self.keys(prefix), after, limit)
        return Page([self.records[key] for key in chosen], self.revision, remaining)

    def earlier_page(
        self,
        view: tuple[str, str, int, int],
        undo: Mapping[str, Earlier | None],
        fetch: Callable[[Earlier], Record],
    ) -> Page:
        """Part of an earlier state: (prefix, after, limit, revision).

        `undo` says, for every key with the prefix that changed after the revision, what it was before the first such
        change (None: not there). So the cost follows what has changed since.
        """
        prefix, after, limit, revision = view
        keys = [key for key in self.keys(prefix) if key not in undo]
        keys += [key for key, earlier in undo.items() if earlier is not None]
        chosen, remaining = _cut(sorted(keys), after, limit)
        records = []
        for key in chosen:
            earlier = undo.get(key)
            records.append(self.records[key] if earlier is None else fetch(earlier))
        return Page(records, revision, remaining)


def _cut(keys: list[str], after: str, limit: int) -> tuple[list[str], int]:
    """The page of sorted keys that begins after `after`, and how many follow it."""
    first = bisect_right(keys, after) if after else 0
    end = min(first + limit, len(keys)) if limit > 0 else len(keys)
    return keys[first:end], len(keys) - end


def first_changes(changes: Iterable[Change], prefix: str) -> dict[str, Record | None]:
    """What to undo: for each key with the prefix, what it was before the first of these changes."""
    undo: dict[str, Record | None] = {}
    for change in changes:
        if change.record.key.startswith(prefix):
            undo.setdefault(change.record.key, change.previous)
    return undo
