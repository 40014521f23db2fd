"""The store: a log of revisions. Get, list and history are views of it; nothing is shown before it is durable.

Every implementation passes tests/store/contract.py. Keys look like "/pods/default/web-1"; values are opaque bytes that
do not contain their own revision, since that is known only once they are committed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import msgspec


class StoreError(Exception):
    """Anything a store refuses."""


class KeyExists(StoreError):
    """Create: the key is there already."""


class RevisionMismatch(StoreError):
    """Update or delete: the key is not at the revision the caller expected. `current` is 0 when it is gone."""

    def __init__(self, key: str, current: int) -> None:
        super().__init__(f"{key} is at revision {current}")
        self.key = key
        self.current = current


class Compacted(StoreError):
    """History was asked for from a revision that is no longer kept."""

    def __init__(self, oldest: int) -> None:
        super().__init__(f"history before revision {oldest} has been compacted")
        self.oldest = oldest


class FutureRevision(StoreError):
    """A revision was asked for that does not exist yet."""

    def __init__(self, current: int) -> None:
        super().__init__(f"the current revision is {current}")
        self.current = current


class StoreFailed(StoreError):
    """The store could not write (full disk, I/O error) and has stopped: it serves nothing rather than lie."""


class StoreInUse(StoreError):
    """Another process has the store open."""


class Record(msgspec.Struct, frozen=True, gc=False):
    """A key as it was at a revision."""

    key: str
    value: bytes
    revision: int
    created: int
    """The revision at which the key was created; equal to `revision` if it was never updated."""


class Change(msgspec.Struct, frozen=True):
    """One entry of the log."""

    record: Record
    """The key as the change left it; for a deletion the last value, at the revision of the deletion."""
    previous: Record | None
    """The key before the change; None when it was created."""
    deleted: bool = False
    attachment: Any = None
    """What the writer handed over with the write (the decoded object), in the writing process only. Never stored."""


class Page(msgspec.Struct, frozen=True):
    records: Sequence[Record]
    revision: int
    """The revision that the page shows, to be given again for the next page."""
    remaining: int
    """How many keys of the prefix come after this page."""


Listener = Callable[[Sequence[Change]], None]


class Store(Protocol):
    """The port. Reads and writes raise StoreFailed once the store has failed."""

    @property
    def revision(self) -> int:
        """The newest durable revision; at least 1, also when empty."""

    @property
    def oldest(self) -> int:
        """The oldest revision from which history can be read."""

    @property
    def failure(self) -> BaseException | None:
        """Why the store has stopped, if it has."""

    async def get(self, key: str, revision: int = 0) -> Record | None:
        """The key now, or as it was at a revision."""

    async def list(self, prefix: str, *, after: str = "", limit: int = 0, revision: int = 0) -> Page:
        """Keys with the prefix in byte order, beginning after key `after`, now or as of a revision. limit 0: all."""

    async def create(self, key: str, value: bytes, attachment: Any = None) -> int:
        """The new revision. KeyExists if it is there."""

    async def update(self, key: str, value: bytes, expected: int, attachment: Any = None) -> int:
        """The new revision. RevisionMismatch unless the key is at revision `expected`."""

    async def delete(self, key: str, expected: int, attachment: Any = None) -> int:
        """The revision of the deletion. RevisionMismatch unless the key is at revision `expected`."""

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Be told of every change from now on; returns what ends the subscription.

        The listener is called on the event loop, in revision order, after the change is durable and before the write
        that made it returns: who wrote can read it back. It must not raise.
        """

    async def changes(self, after: int, *, prefix: str = "", until: int = 0, limit: int = 0) -> Sequence[Change]:
        """The log after revision `after`, up to and including `until` (0: the newest). Compacted if it is too old."""

    async def compact(self, revision: int) -> None:
        """Forget what only reads before that revision could see; in small slices, so that writes go on meanwhile."""

    async def close(self) -> None:
        """Finish what was accepted, then close. Writes that come later raise StoreFailed."""
