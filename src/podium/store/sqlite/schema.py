"""What is in the file, and how it is opened.

    log         one row per write: revision, key, value (NULL: deleted), the revision at which the key was created, and
                the revision of the key's row before this one (0: it was not there)
    compaction  one row: the revision up to which superseded rows and deletions have been removed

There is no index beside the revision: the current state is kept in memory (heads.py), so a write is an append at the
end of one b-tree, and reads of history walk the revisions in question. Pages that compaction frees are used again by
later writes; so the file is as large as state and kept history were at most.
"""

from __future__ import annotations

import fcntl
import os

import apsw

from podium.store.heads import Heads
from podium.store.port import Record, StoreError, StoreInUse
from podium.store.sqlite import history

APPLICATION_ID = 0x504F4449
VERSION = 1

# FULL, not NORMAL: in WAL mode, NORMAL doesn't sync at commit, and a power loss takes acknowledged writes.
SYNCHRONOUS = "FULL"
# Two or three API objects fit into a page of 8 KiB; with 4 KiB, a third of the file would be unused.
PAGE_SIZE = 8192
CHECKPOINT_PAGES = 1000
WAL_SIZE_LIMIT = 16 << 20
# Nobody else writes, but someone may look into the file with a tool of theirs that locks it for a moment.
BUSY_MILLISECONDS = 5000

_TABLES = """
CREATE TABLE log(
  revision INTEGER PRIMARY KEY,
  key TEXT NOT NULL,
  created INTEGER NOT NULL,
  previous INTEGER NOT NULL,
  value BLOB
);
CREATE TABLE compaction(revision INTEGER NOT NULL);
INSERT INTO compaction VALUES (1);
"""


def lock(path: str) -> int:
    """Take the store for this process, until the descriptor is closed or the process ends, however that happens.

    The lock is on a file of its own: SQLite's own locks are lost when any descriptor of the data file is closed.
    """
    descriptor = os.open(f"{path}-lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise StoreInUse(f"{path} is in use by another process") from None
    return descriptor


def open_writer(path: str, vfs: str | None) -> apsw.Connection:
    """The connection that writes; creates the file and its tables if need be.

    The file is its owner's alone before SQLite sees it, because what SQLite puts beside it (the write-ahead log, which
    holds Secrets too) gets the mode that the file has then.
    """
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    os.chmod(path, 0o600)
    connection = apsw.Connection(path, vfs=vfs)
    try:
        connection.set_busy_timeout(BUSY_MILLISECONDS)
        connection.execute(f"PRAGMA page_size = {PAGE_SIZE}")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute(f"PRAGMA synchronous = {SYNCHRONOUS}")
        connection.execute("PRAGMA fullfsync = ON")  # macOS: fsync alone leaves data in the drive's cache
        connection.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}")
        connection.execute(f"PRAGMA journal_size_limit = {WAL_SIZE_LIMIT}")
        _create_or_check(connection, path)
    except BaseException:
        connection.close()
        raise
    return connection


def open_reader(path: str, vfs: str | None) -> apsw.Connection:
    connection = apsw.Connection(path, flags=apsw.SQLITE_OPEN_READWRITE, vfs=vfs)
    connection.set_busy_timeout(BUSY_MILLISECONDS)
    connection.execute("PRAGMA query_only = ON")
    return connection


def _create_or_check(connection: apsw.Connection, path: str) -> None:
    application, version = connection.pragma("application_id"), connection.pragma("user_version")
    if application == 0 and version == 0 and not connection.execute("SELECT 1 FROM sqlite_schema").fetchall():
        with connection:
            connection.execute(_TABLES)
            connection.pragma("application_id", APPLICATION_ID)
            connection.pragma("user_version", VERSION)
    elif application != APPLICATION_ID:
        raise StoreError(f"{path} is not a Podium store")
    elif version != VERSION:
        raise StoreError(f"{path} has format {version}; this Podium reads format {VERSION}")


def load(connection: apsw.Connection) -> tuple[Heads, int]:
    """The current state, and the revision up to which the log is compacted.

    Compaction may have removed the newest rows (deletions), but never rows newer than the revision it noted: the
    larger of both is the newest revision that was ever given out durably. A key that the disk has changed is as good as
    any other: it is shown under what it is now, and the deletion of what it was is of nothing.
    """
    [(compacted,)] = connection.execute("SELECT revision FROM compaction")
    records: dict[str, Record] = {}
    revision = compacted
    for revision, key, created, value in connection.execute(
        "SELECT revision, CAST(key AS BLOB), created, CAST(value AS BLOB) FROM log ORDER BY revision"
    ):
        name = history.text(key)
        if value is None:
            records.pop(name, None)
        else:
            records[name] = Record(name, value, revision, created)
    return Heads(max(revision, compacted), records), compacted
