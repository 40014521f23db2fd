"""The SQLite store keeps the contract, and what it promises beyond it."""

import asyncio
import os
from pathlib import Path

import apsw
import pytest

from podium.store.port import Change, KeyExists, StoreError, StoreFailed, StoreInUse
from podium.store.sqlite import SqliteStore, schema

from .contract import StoreContract
from .disks import Disk


class TestSqliteStore(StoreContract):
    async def open(self, path: Path) -> SqliteStore:
        return await SqliteStore.open(path / "store.db")


def test_everything_is_there_after_reopening(tmp_path: Path) -> None:
    async def scenario() -> None:
        store = await SqliteStore.open(tmp_path / "store.db")
        a = await store.create("/a", b"1")
        b = await store.create("/b", b"1")
        await store.update("/a", b"2", a)
        await store.delete("/b", b)
        state, log = await store.list(""), list(await store.changes(1))
        await store.close()

        store = await SqliteStore.open(tmp_path / "store.db")
        assert await store.list("") == state
        assert list(await store.changes(1)) == log
        assert await store.create("/c", b"") == state.revision + 1
        await store.close()

    asyncio.run(scenario())


def test_nobody_else_may_read_the_file_nor_its_log(tmp_path: Path) -> None:
    """The data directory may have been made by someone who lets everybody in; the log holds Secrets."""

    async def scenario() -> None:
        before = os.umask(0)
        try:
            store = await SqliteStore.open(tmp_path / "store.db")
        finally:
            os.umask(before)
        await store.create("/a", b"1")
        found = _modes(tmp_path)
        await store.close()
        assert found["store.db-wal"] == 0o600
        assert set(found.values()) == {0o600}

    asyncio.run(scenario())


def _modes(directory: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mode & 0o777 for path in directory.iterdir()}


def test_compaction_survives_reopening_and_no_revision_is_given_twice(tmp_path: Path) -> None:
    async def scenario() -> None:
        store = await SqliteStore.open(tmp_path / "store.db")
        await store.create("/kept", b"1")  # so the newest row is older than the newest revision
        last = await store.delete("/a", await store.create("/a", b"1"))
        await store.compact(last)
        await store.close()

        store = await SqliteStore.open(tmp_path / "store.db")
        assert (store.revision, store.oldest) == (last, last)
        assert await store.create("/a", b"1") == last + 1
        await store.close()

    asyncio.run(scenario())


def test_a_compaction_that_was_interrupted_is_finished_by_the_next(tmp_path: Path) -> None:
    async def scenario() -> None:
        store = await SqliteStore.open(tmp_path / "store.db")
        revisions = await asyncio.gather(*(store.create(f"/{i}", b"") for i in range(1500)))
        await asyncio.gather(*(store.delete(f"/{i}", revision) for i, revision in enumerate(revisions)))
        compaction = asyncio.ensure_future(store.compact(store.revision))
        await store.create("/a", b"")
        compaction.cancel()
        await asyncio.wait([compaction])
        await store.close()

        store = await SqliteStore.open(tmp_path / "store.db")
        assert len((await store.list("")).records) == 1
        assert [change.record.revision for change in await store.changes(store.oldest)] == list(
            range(store.oldest + 1, store.revision + 1)
        )
        await store.compact(store.revision)
        await store.close()
        rows = apsw.Connection(str(tmp_path / "store.db")).execute("SELECT key FROM log").fetchall()
        assert rows == [("/a",)]

    asyncio.run(scenario())


def test_the_file_stops_growing_when_history_is_compacted(tmp_path: Path) -> None:
    path = tmp_path / "store.db"

    async def scenario() -> list[int]:
        sizes = []
        store = await SqliteStore.open(path)
        revisions = [await store.create(f"/{i}", b"") for i in range(100)]
        for _ in range(12):
            for _ in range(5):
                revisions = await asyncio.gather(
                    *(store.update(f"/{i}", b"x" * 1500, revision) for i, revision in enumerate(revisions))
                )
            await store.compact(store.revision)
            sizes.append(_pages(path))
        await store.close()
        return sizes

    sizes = asyncio.run(scenario())
    assert max(sizes[4:]) <= max(sizes[:4])


def _pages(path: Path) -> int:
    connection = apsw.Connection(str(path))
    pages = connection.pragma("page_count")
    connection.close()
    assert isinstance(pages, int)
    return pages


def test_a_second_user_is_told_that_the_store_is_in_use(tmp_path: Path) -> None:
    async def scenario() -> None:
        store = await SqliteStore.open(tmp_path / "store.db")
        with pytest.raises(StoreInUse, match="in use by another process"):
            await SqliteStore.open(tmp_path / "store.db")
        await store.create("/a", b"")
        await store.close()
        await (await SqliteStore.open(tmp_path / "store.db")).close()

    asyncio.run(scenario())


def test_other_files_are_refused_and_left_alone(tmp_path: Path) -> None:
    text = tmp_path / "text"
    text.write_bytes(b"not a database, but longer than the header of one: " * 100)
    with pytest.raises(StoreFailed):
        asyncio.run(SqliteStore.open(text))
    assert text.read_bytes().startswith(b"not a database")

    foreign = tmp_path / "foreign.db"
    connection = apsw.Connection(str(foreign))
    connection.execute("CREATE TABLE log(text)")
    connection.close()
    with pytest.raises(StoreError, match="not a Podium store"):
        asyncio.run(SqliteStore.open(foreign))

    newer = tmp_path / "newer.db"
    asyncio.run(_open_and_close(newer))
    connection = apsw.Connection(str(newer))
    connection.pragma("user_version", schema.VERSION + 1)
    connection.close()
    with pytest.raises(StoreError, match="has format 2"):
        asyncio.run(SqliteStore.open(newer))


async def _open_and_close(path: Path) -> None:
    await (await SqliteStore.open(path)).close()


def test_nothing_is_shown_before_it_is_synced(tmp_path: Path) -> None:
    async def scenario() -> None:
        disk = Disk()
        store = await SqliteStore.open(tmp_path / "store.db", vfs=disk.name)
        revision = store.revision
        heard: list[Change] = []
        store.subscribe(heard.extend)
        syncing = disk.close_gate()

        write = asyncio.ensure_future(store.create("/a", b"1"))
        await syncing.wait()
        refused = asyncio.ensure_future(store.create("/a", b"2"))
        for _ in range(10):
            await asyncio.sleep(0)
        assert await store.get("/a") is None
        assert list((await store.list("")).records) == []
        assert list(await store.changes(revision)) == []
        assert (store.revision, heard) == (revision, [])
        assert not write.done()
        assert not refused.done()  # that the key exists is not durable yet

        disk.gate.set()
        assert await write == revision + 1
        with pytest.raises(KeyExists):
            await refused
        await store.close()

    asyncio.run(scenario())


def test_writes_that_wait_for_a_sync_share_the_next_one(tmp_path: Path) -> None:
    async def scenario() -> None:
        disk = Disk()
        store = await SqliteStore.open(tmp_path / "store.db", vfs=disk.name)
        syncing = disk.close_gate()
        writes = [asyncio.ensure_future(store.create("/first", b""))]
        await syncing.wait()
        for i in range(100):
            writes.append(asyncio.ensure_future(store.create(f"/{i}", b"")))
            await asyncio.sleep(0)
        await asyncio.sleep(0)  # the last of them is handed over
        batches = []
        store.subscribe(lambda changes: batches.append(len(changes)))
        disk.gate.set()
        await asyncio.gather(*writes)
        assert batches == [1, 100]
        await store.close()

    asyncio.run(scenario())


def test_a_tool_that_locks_the_file_for_a_moment_delays_writes_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schema, "BUSY_MILLISECONDS", 600_000)

    async def scenario() -> None:
        store = await SqliteStore.open(tmp_path / "store.db")
        tool = apsw.Connection(str(tmp_path / "store.db"))
        tool.execute("BEGIN IMMEDIATE")
        write = asyncio.ensure_future(store.create("/a", b""))
        for _ in range(10):
            await asyncio.sleep(0)
        assert not write.done()
        tool.execute("ROLLBACK")
        tool.close()
        assert await write == store.revision
        await store.close()

    asyncio.run(scenario())


def test_keys_that_the_disk_has_changed_are_no_reason_not_to_open(tmp_path: Path) -> None:
    async def scenario() -> None:
        store = await SqliteStore.open(tmp_path / "store.db")
        for key in ("/a", "/b", "/c"):
            await store.create(key, b"1")
        await store.delete("/b", 3)
        await store.close()
        file = apsw.Connection(str(tmp_path / "store.db"))
        file.execute("UPDATE log SET key = CAST(x'2fe1' AS TEXT) WHERE revision = 2")
        file.execute("UPDATE log SET key = '/z' WHERE revision = 3")
        file.execute("UPDATE log SET value = '2' WHERE revision = 4")  # a text instead of bytes: one bit is enough
        file.close()

        store = await SqliteStore.open(tmp_path / "store.db")
        assert [record.key for record in (await store.list("/")).records] == ["/\\xe1", "/c", "/z"]
        assert [change.record.key for change in await store.changes(1)] == ["/\\xe1", "/z", "/c", "/b"]
        assert {change.record.value for change in await store.changes(1, until=4)} == {b"1", b"2"}
        assert [record.value for record in (await store.list("/c")).records] == [b"2"]
        assert await store.get("/\\xe1", revision=4) == await store.get("/\\xe1")
        await store.delete("/\\xe1", 2)
        await store.close()

        store = await SqliteStore.open(tmp_path / "store.db")
        assert [record.key for record in (await store.list("/")).records] == ["/c", "/z"]
        await store.close()

    asyncio.run(scenario())
