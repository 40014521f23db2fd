"""Random histories: every store answers like a list of snapshots, one per revision."""

import asyncio
import tempfile
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from podium.store.memory import MemoryStore
from podium.store.port import Compacted, KeyExists, Record, RevisionMismatch, Store
from podium.store.sqlite import SqliteStore

KEYS = st.sampled_from(["/a", "/a/b", "/a/c", "/b", "/ä"])
VALUES = st.binary(max_size=8)


@dataclass(frozen=True)
class Create:
    key: str
    value: bytes


@dataclass(frozen=True)
class Change:
    """An update, or without a value a deletion, that expects a revision that far before the key's own."""

    key: str
    value: bytes | None
    off: int


@dataclass(frozen=True)
class Compact:
    back: int


@dataclass(frozen=True)
class Reopen:
    pass


Step = Create | Change | Compact | Reopen
STEPS: st.SearchStrategy[list[Step]] = st.lists(
    st.one_of(
        st.builds(Create, KEYS, VALUES),
        st.builds(Change, KEYS, st.one_of(VALUES, st.none()), st.integers(0, 2)),
        st.builds(Compact, st.integers(0, 40)),
        st.builds(Reopen),
    ),
    max_size=40,
)


class Model:
    def __init__(self) -> None:
        self.snapshots: dict[int, dict[str, Record]] = {1: {}}
        self.revision = self.oldest = 1

    def write(self, key: str, value: bytes | None) -> int:
        state = dict(self.snapshots[self.revision])
        self.revision += 1
        if value is None:
            del state[key]
        else:
            state[key] = Record(key, value, self.revision, state[key].created if key in state else self.revision)
        self.snapshots[self.revision] = state
        return self.revision


async def refusal_or(write: Awaitable[int]) -> int | RevisionMismatch:
    try:
        return await write
    except RevisionMismatch as refusal:
        return refusal


async def play(store: Store, steps: list[Step], reopen: Callable[[Store], Awaitable[Store]]) -> None:
    model = Model()
    for step in steps:
        state = model.snapshots[model.revision]
        match step:
            case Create(key, value):
                try:
                    assert await store.create(key, value) == model.write(key, value)
                except KeyExists:
                    assert key in state
            case Change(key, written, off):
                current = state[key].revision if key in state else 0
                expected = current - off
                write = store.delete(key, expected) if written is None else store.update(key, written, expected)
                outcome = await refusal_or(write)
                if isinstance(outcome, RevisionMismatch):
                    assert outcome.current == current
                    assert not current or off
                else:
                    assert outcome == model.write(key, written)
                    assert not off
            case Compact(back):
                to = max(1, model.revision - back)
                await store.compact(to)
                model.oldest = max(model.oldest, to)
            case Reopen():
                store = await reopen(store)
    await compare(store, model)
    await store.close()


async def compare(store: Store, model: Model) -> None:
    assert (store.revision, store.oldest) == (model.revision, model.oldest)
    for revision, snapshot in model.snapshots.items():
        for prefix in ("", "/a", "/a/", "/ä"):
            expected = [record for key, record in sorted(snapshot.items()) if key.startswith(prefix)]
            try:
                page = await store.list(prefix, revision=revision, limit=2)
                assert (list(page.records), page.remaining) == (expected[:2], max(len(expected) - 2, 0))
                if page.remaining:
                    rest = await store.list(prefix, revision=revision, after=page.records[-1].key)
                    assert list(rest.records) == expected[2:]
                assert await store.get("/a", revision) == snapshot.get("/a")
            except Compacted:
                assert revision < model.oldest
    state = dict(model.snapshots[model.oldest])
    for change in await store.changes(model.oldest):
        record = change.record
        assert change.previous == state.get(record.key)
        if change.deleted:
            del state[record.key]
        else:
            state[record.key] = record
        assert state == model.snapshots[record.revision]
    assert state == model.snapshots[model.revision]


@settings(max_examples=100)
@given(STEPS)
def test_memory(steps: list[Step]) -> None:
    async def reopen(store: Store) -> Store:
        return store

    async def scenario() -> None:
        await play(MemoryStore(), steps, reopen)

    asyncio.run(scenario())


@settings(max_examples=60)
@given(STEPS)
def test_sqlite(steps: list[Step]) -> None:
    async def scenario() -> None:
        with tempfile.TemporaryDirectory() as directory:
            path = Path(directory) / "store.db"

            async def reopen(store: Store) -> Store:
                await store.close()
                return await SqliteStore.open(path)

            await play(await SqliteStore.open(path), steps, reopen)

    asyncio.run(scenario())
