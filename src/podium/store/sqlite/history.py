"""Reading what was. Runs on the event loop, on a connection of its own, a window of revisions at a time.

Not in a thread: there each row would have to wait for the interpreter lock, and a window takes about a millisecond.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from types import coroutine

import apsw

from podium.store.port import Change, Record

WINDOW = 1000

# The prefix is compared as text; a range of keys would need the prefix's successor, which may not exist.
_CHANGES = """
SELECT l.revision, CAST(l.key AS BLOB), l.created, CAST(l.value AS BLOB), l.previous, CAST(p.value AS BLOB)
FROM log l LEFT JOIN log p ON p.revision = l.previous
WHERE l.revision > :after AND l.revision <= :until AND substr(l.key, 1, length(:prefix)) = :prefix
ORDER BY l.revision
"""
_FIRST = """
SELECT CAST(l.key AS BLOB), l.previous FROM log l
WHERE l.revision > :after AND l.revision <= :until AND substr(l.key, 1, length(:prefix)) = :prefix
ORDER BY l.revision
"""


def text(key: bytes) -> str:
    """A key as it is written; a disk may have made of it what is no UTF-8."""
    return key.decode(errors="backslashreplace")


@coroutine
def other_tasks_turn() -> Generator[None, None, None]:
    """Let the loop run whatever else is ready."""
    yield


def windows(after: int, until: int) -> Iterator[tuple[int, int]]:
    """(after, until] in pieces: windows(1, 2500) is (1, 1001), (1001, 2001), (2001, 2500)."""
    while after < until:
        end = min(after + WINDOW, until)
        yield after, end
        after = end


def read_changes(connection: apsw.Connection, prefix: str, after: int, until: int) -> Iterator[Change]:
    for revision, raw, created, value, previous, previous_value in connection.execute(
        _CHANGES, {"prefix": prefix, "after": after, "until": until}
    ):
        key = text(raw)
        before = Record(key, previous_value, previous, created) if previous else None
        yield Change(Record(key, previous_value if value is None else value, revision, created), before, value is None)


def read_first(connection: apsw.Connection, prefix: str, after: int, until: int, undo: dict[str, int | None]) -> None:
    """Note for each key that changed in the window at which revision it was before (None: not there)."""
    for key, previous in connection.execute(_FIRST, {"prefix": prefix, "after": after, "until": until}):
        undo.setdefault(text(key), previous or None)


def read_record(connection: apsw.Connection, revision: int) -> Record:
    row = connection.execute(
        "SELECT CAST(key AS BLOB), CAST(value AS BLOB), created FROM log WHERE revision = ?", (revision,)
    ).fetchone()
    if row is None:
        raise apsw.CorruptError(f"the log has lost revision {revision}")
    key, value, created = row
    return Record(text(key), value, revision, created)
