"""Power loss, kill -9, full disks: no acknowledged write is lost, no revision is given twice, nothing is torn."""

import asyncio
import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import apsw
import pytest

from podium.store.port import Change, StoreError, StoreFailed, StoreInUse
from podium.store.sqlite import SqliteStore, schema

from .disks import Disk


class Workload:
    """Several tasks that write until the store fails, and what each of them was told.

    Values are never the same twice, so a value says which write it is from.
    """

    def __init__(self, store: SqliteStore, rng: random.Random) -> None:
        self.store = store
        self.rng = rng
        self.acknowledged: dict[int, tuple[str, bytes | None]] = {}
        self.unacknowledged: set[tuple[str, bytes | None]] = set()
        self.heard: list[Change] = []
        store.subscribe(self.heard.extend)

    async def run(self, tasks: int = 6, rounds: int = 40) -> None:
        await asyncio.gather(*(self._write(f"/{i}", rounds) for i in range(tasks)), self._compact(rounds))

    async def _write(self, key: str, rounds: int) -> None:
        revision = 0
        for i in range(rounds):
            value = None if revision and self.rng.random() < 0.2 else b"%s %d " % (key.encode(), i) + self._filler()
            self.unacknowledged.add((key, value))
            try:
                if value is None:
                    written = await self.store.delete(key, revision)
                elif revision:
                    written = await self.store.update(key, value, revision)
                else:
                    written = await self.store.create(key, value)
            except StoreFailed:
                return
            self.unacknowledged.discard((key, value))
            self.acknowledged[written] = (key, value)
            revision = written if value is not None else 0

    async def _compact(self, rounds: int) -> None:
        try:
            for _ in range(rounds // 8):
                for _ in range(self.rng.randrange(5, 30)):
                    await asyncio.sleep(0)
                await self.store.compact(self.rng.randint(self.store.oldest, self.store.revision))
        except StoreFailed:
            return

    def _filler(self) -> bytes:
        return b"x" * self.rng.choice([0, 100, 3000, 20000])

    async def check(self, store: SqliteStore) -> None:
        """What a reopened store shows is what was acknowledged, and at most whole writes that were in flight."""
        last = {key: revision for revision, (key, _) in sorted(self.acknowledged.items())}
        newest = max(self.acknowledged, default=1)
        assert store.revision >= newest
        state = {record.key: record for record in (await store.list("")).records}
        for key in last | state:
            record, acknowledged = state.get(key), self.acknowledged.get(last.get(key, 0), (key, None))
            shown = (key, record.value if record else None)
            assert shown == acknowledged or shown in self.unacknowledged
            if record and shown == acknowledged:
                assert record.revision == last[key]
        for change in await store.changes(store.oldest):
            shown = (change.record.key, None if change.deleted else change.record.value)
            revision = change.record.revision
            assert (
                shown == self.acknowledged[revision] if revision in self.acknowledged else shown in self.unacknowledged
            )
        assert await store.create("/after", b"") > newest

    def check_heard(self) -> None:
        """Listeners heard of all that was acknowledged and of nothing that was not durable."""
        assert [change.record.revision for change in self.heard] == sorted(self.acknowledged)


def integrity(path: Path) -> str:
    connection = apsw.Connection(str(path))
    result = connection.pragma("integrity_check")
    connection.close()
    return str(result)


def lose_power(directory: Path, seed: int) -> None:
    """Write, lose power at a random moment, and look at what is left; AssertionError if it isn't what must be."""
    rng = random.Random(seed)
    before, after = directory / f"{seed}-before", directory / f"{seed}-after"
    before.mkdir()
    after.mkdir()

    async def scenario() -> None:
        disk = Disk()
        store = await SqliteStore.open(before / "store.db", vfs=disk.name)
        workload = Workload(store, rng)
        disk.cut_after = disk.operations + rng.randrange(1, 600)
        await workload.run()
        await store.close()
        disk.after_power_loss(after, rng)

        store = await SqliteStore.open(after / "store.db")
        try:
            await workload.check(store)
        finally:
            await store.close()
        assert integrity(after / "store.db") == "ok"

    asyncio.run(scenario())


@pytest.fixture
def small_checkpoints(monkeypatch: pytest.MonkeyPatch) -> None:
    """Few pages to a checkpoint, so that short runs cross some."""
    monkeypatch.setattr(schema, "CHECKPOINT_PAGES", 12)


@pytest.mark.parametrize("block", range(6))
@pytest.mark.usefixtures("small_checkpoints")
def test_power_loss_takes_nothing_that_was_acknowledged(tmp_path: Path, block: int) -> None:
    for seed in range(block * 25, block * 25 + 25):
        lose_power(tmp_path, seed)


@pytest.mark.usefixtures("small_checkpoints")
def test_the_power_loss_test_can_fail(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a sync at commit, acknowledged writes are lost, and the test above sees it."""
    monkeypatch.setattr(schema, "SYNCHRONOUS", "NORMAL")
    lost = 0
    for seed in range(40):
        try:
            lose_power(tmp_path, seed)
        except (AssertionError, StoreError):
            lost += 1
    assert lost


@pytest.mark.parametrize("seed", range(25))
@pytest.mark.usefixtures("small_checkpoints")
def test_a_full_disk_stops_the_store_and_takes_nothing(tmp_path: Path, seed: int) -> None:
    rng = random.Random(seed)
    path = tmp_path / "store.db"

    async def scenario() -> None:
        disk = Disk()
        store = await SqliteStore.open(path, vfs=disk.name)
        workload = Workload(store, rng)
        disk.capacity = rng.randrange(0, 400_000)
        await workload.run()
        workload.check_heard()
        assert isinstance(store.failure, apsw.FullError)
        for use in (
            store.get("/0"),
            store.list(""),
            store.changes(store.oldest),
            store.compact(store.revision),
            store.create("/late", b""),
        ):
            with pytest.raises(StoreFailed, match="disk is full"):
                await use
        await store.close()

        store = await SqliteStore.open(path)
        await workload.check(store)
        await store.close()
        assert integrity(path) == "ok"

    asyncio.run(scenario())


def test_a_file_that_cant_be_read_stops_the_store(tmp_path: Path) -> None:
    async def scenario() -> None:
        store = await SqliteStore.open(tmp_path / "store.db")
        await store.create("/a", b"x" * 100_000)
        await store.create("/b", b"x" * 100_000)
        store._reader.close()
        with pytest.raises(StoreFailed):
            await store.changes(1)
        assert store.failure is not None
        with pytest.raises(StoreFailed):
            await store.create("/c", b"")
        await store.close()

    asyncio.run(scenario())


@pytest.mark.parametrize("acknowledged", [1, 50, 400])
def test_kill_9_takes_nothing_that_was_acknowledged(tmp_path: Path, acknowledged: int) -> None:
    path = tmp_path / "store.db"
    program = [sys.executable, str(Path(__file__).with_name("writing_child.py")), str(path)]
    with subprocess.Popen(program, stdout=subprocess.PIPE) as child:
        try:
            assert child.stdout is not None
            lines = _lines(child.stdout)
            seen = [next(lines) for _ in range(acknowledged)]
            with pytest.raises(StoreInUse):
                asyncio.run(SqliteStore.open(path))
        finally:
            child.kill()
            child.wait()
        seen += lines

    async def scenario() -> None:
        store = await SqliteStore.open(path)
        log = {change.record.revision: change.record for change in await store.changes(1)}
        for key, revision, value in seen:
            assert (log[revision].key, log[revision].value) == (key, value)
        assert store.revision >= max(revision for _, revision, _ in seen)
        assert sorted(log) == list(range(2, store.revision + 1))
        await store.close()
        assert integrity(path) == "ok"

    asyncio.run(scenario())


def _lines(output: IO[bytes]) -> Iterator[tuple[str, int, bytes]]:
    """What the child was told: key, revision, value. A line that the kill cut off doesn't count."""
    for line in output:
        if line.endswith(b"\n"):
            key, revision, value = line.split()
            yield key.decode(), int(revision), value
