"""What every store promises. A store's test module subclasses `StoreContract` and says how to open it."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from podium.store.port import (
    Change,
    Compacted,
    FutureRevision,
    KeyExists,
    Record,
    RevisionMismatch,
    Store,
    StoreFailed,
)


def on_store(scenario: Callable[["StoreContract", Store], Awaitable[None]]) -> Callable[["StoreContract", Path], None]:
    """Make a test of a coroutine over a fresh store."""

    def test(self: "StoreContract", tmp_path: Path) -> None:
        async def main() -> None:
            store = await self.open(tmp_path)
            try:
                await scenario(self, store)
            finally:
                await store.close()

        asyncio.run(main())

    test.__name__, test.__qualname__, test.__doc__ = scenario.__name__, scenario.__qualname__, scenario.__doc__
    return test


async def value(store: Store, key: str) -> bytes:
    record = await store.get(key)
    assert record is not None
    return record.value


class StoreContract(ABC):
    @abstractmethod
    async def open(self, path: Path) -> Store:
        """An empty store, or what is at that path."""

    @on_store
    async def test_an_empty_store_has_a_revision(self, store: Store) -> None:
        assert store.revision >= 1
        assert store.oldest <= store.revision
        assert store.failure is None
        assert await store.get("/a") is None
        page = await store.list("")
        assert (list(page.records), page.revision, page.remaining) == ([], store.revision, 0)
        assert list(await store.changes(store.revision)) == []

    @on_store
    async def test_each_write_gets_the_next_revision_and_is_read_back(self, store: Store) -> None:
        first = store.revision
        assert await store.create("/a", b"1") == first + 1
        assert await store.create("/b", b"x") == first + 2
        assert await store.update("/a", b"2", first + 1) == first + 3
        assert await store.get("/a") == Record("/a", b"2", first + 3, first + 1)
        assert await store.delete("/b", first + 2) == first + 4
        assert await store.get("/b") is None
        assert store.revision == first + 4

    @on_store
    async def test_create_is_refused_when_the_key_is_there(self, store: Store) -> None:
        await store.create("/a", b"1")
        before = store.revision
        with pytest.raises(KeyExists):
            await store.create("/a", b"2")
        assert store.revision == before
        assert await value(store, "/a") == b"1"

    @on_store
    async def test_update_and_delete_are_refused_at_another_revision(self, store: Store) -> None:
        old = await store.create("/a", b"1")
        new = await store.update("/a", b"2", old)
        for key, expected, current in (("/a", old, new), ("/none", new, 0)):
            for write in (store.update(key, b"3", expected), store.delete(key, expected)):
                with pytest.raises(RevisionMismatch) as refused:
                    await write
                assert (refused.value.key, refused.value.current) == (key, current)
        assert store.revision == new

    @on_store
    async def test_a_key_can_be_created_again_and_is_then_a_new_one(self, store: Store) -> None:
        revision = await store.create("/a", b"1")
        await store.delete("/a", await store.update("/a", b"2", revision))
        again = await store.create("/a", b"3")
        assert await store.get("/a") == Record("/a", b"3", again, again)

    @on_store
    async def test_of_concurrent_guarded_updates_exactly_one_wins(self, store: Store) -> None:
        revision = await store.create("/a", b"0")
        results = await asyncio.gather(
            *(store.update("/a", b"%d" % i, revision) for i in range(1, 20)), return_exceptions=True
        )
        [won] = [i for i, result in enumerate(results, 1) if isinstance(result, int)]
        assert await value(store, "/a") == b"%d" % won
        assert store.revision == revision + 1
        refusals = [result for result in results if isinstance(result, RevisionMismatch)]
        assert [refusal.current for refusal in refusals] == [revision + 1] * 18

    @on_store
    async def test_a_refused_write_leaves_the_others_of_its_batch_alone(self, store: Store) -> None:
        await store.create("/taken", b"")
        first = store.revision
        results = await asyncio.gather(
            *(store.create(key, b"") for key in ("/a", "/taken", "/b", "/a", "/c")), return_exceptions=True
        )
        assert [results[i] for i in (0, 2, 4)] == [first + 1, first + 2, first + 3]
        assert [type(results[i]) for i in (1, 3)] == [KeyExists, KeyExists]

    @on_store
    async def test_a_key_that_is_not_text_is_refused_alone(self, store: Store) -> None:
        results = await asyncio.gather(
            store.create("/a", b""), store.create("/\ud800", b""), store.create("/b", b""), return_exceptions=True
        )
        first, refused, second = results
        assert isinstance(refused, ValueError)
        assert isinstance(first, int)
        assert second == first + 1

    @on_store
    async def test_dependent_writes_may_be_in_flight_together(self, store: Store) -> None:
        """Create, update and delete of one key in one turn of the loop: guards see what was accepted before them."""
        first = store.revision
        told: list[Change] = []
        store.subscribe(told.extend)
        await asyncio.gather(
            store.create("/a", b"1"),
            store.update("/a", b"2", first + 1),
            store.delete("/a", first + 2),
            store.create("/a", b"3"),
        )
        assert await store.get("/a") == Record("/a", b"3", first + 4, first + 4)
        assert [(change.record.value, change.deleted) for change in told] == [
            (b"1", False),
            (b"2", False),
            (b"2", True),
            (b"3", False),
        ]

    @on_store
    async def test_values_are_opaque_and_may_be_empty_or_large(self, store: Store) -> None:
        values = [b"", b"\0", bytes(range(256)), b"x" * 3_000_000]
        await asyncio.gather(*(store.create(f"/{i}", value) for i, value in enumerate(values)))
        assert [record.value for record in (await store.list("/")).records] == values
        assert [change.record.value for change in await store.changes(store.oldest)] == values

    @on_store
    async def test_listeners_hear_of_changes_in_order_before_the_writer_does(self, store: Store) -> None:
        heard: list[Change] = []
        store.subscribe(heard.extend)

        async def write(i: int) -> None:
            revision = await store.create(f"/{i}", b"1", attachment=i)
            assert heard[-1].record.revision >= revision
            assert store.revision >= revision
            await store.delete(f"/{i}", await store.update(f"/{i}", b"2", revision))
            assert await store.get(f"/{i}") is None

        first = store.revision
        await asyncio.gather(*(write(i) for i in range(50)))
        assert [change.record.revision for change in heard] == list(range(first + 1, first + 151))
        for i in range(50):
            created, updated, deleted = [change for change in heard if change.record.key == f"/{i}"]
            assert created == Change(
                Record(f"/{i}", b"1", created.record.revision, created.record.revision), None, False, i
            )
            assert updated.previous == created.record
            assert updated.record == Record(f"/{i}", b"2", updated.record.revision, created.record.revision)
            assert deleted.previous == updated.record
            assert deleted.deleted
            assert deleted.record == Record(f"/{i}", b"2", deleted.record.revision, created.record.revision)

    @on_store
    async def test_a_listener_sees_the_state_it_is_told_of(self, store: Store) -> None:
        seen = []
        store.subscribe(lambda changes: seen.append((changes[-1].record.revision, store.revision)))
        await asyncio.gather(*(store.create(f"/{i}", b"") for i in range(10)))
        assert seen
        assert all(told == shown for told, shown in seen)

    @on_store
    async def test_a_listener_that_left_hears_nothing(self, store: Store) -> None:
        heard: list[Change] = []
        leave = store.subscribe(heard.extend)
        await store.create("/a", b"")
        leave()
        await store.create("/b", b"")
        assert [change.record.key for change in heard] == ["/a"]

    @on_store
    async def test_a_write_whose_caller_gave_up_still_happens(self, store: Store) -> None:
        task = asyncio.ensure_future(store.create("/a", b"1"))
        barrier = asyncio.ensure_future(store.create("/b", b"1"))
        await asyncio.sleep(0)
        task.cancel()
        await barrier
        assert await value(store, "/a") == b"1"

    @on_store
    async def test_prefixes_in_byte_order(self, store: Store) -> None:
        keys = ["/a", "/a/", "/a/x", "/a/y", "/a0", "/ab", "/b/x", "/é/x", "/\U0001f600/x", "/\uffff/x"]
        await asyncio.gather(*(store.create(key, b"") for key in reversed(keys)))

        async def listed(prefix: str, *, revision: int, after: str = "") -> list[str]:
            return [record.key for record in (await store.list(prefix, after=after, revision=revision)).records]

        in_order = sorted(keys, key=str.encode)
        now = store.revision
        await store.update("/ab", b"", next(r.revision for r in (await store.list("/ab")).records))
        for revision in (0, now):
            assert await listed("", revision=revision) == in_order
            assert await listed("/a/", revision=revision) == ["/a/", "/a/x", "/a/y"]
            assert await listed("/a", revision=revision) == ["/a", "/a/", "/a/x", "/a/y", "/a0", "/ab"]
            assert await listed("/\U0001f600", revision=revision) == ["/\U0001f600/x"]
            assert await listed("/c", revision=revision) == []
            assert await listed("/a/", after="/a/x", revision=revision) == ["/a/y"]
            assert await listed("/a/", after="/a/xx", revision=revision) == ["/a/y"]
            assert await listed("/a/", after="/b", revision=revision) == []
            assert await listed("/b/", after="/a", revision=revision) == ["/b/x"]

    @on_store
    async def test_pages_show_one_revision_while_writes_go_on(self, store: Store) -> None:
        await asyncio.gather(*(store.create(f"/p/{i:02}", b"old") for i in range(10)))
        await store.create("/q/0", b"old")
        page = await store.list("/p/", limit=4)
        assert (len(page.records), page.remaining, page.revision) == (4, 6, store.revision)
        listed = list(page.records)
        while page.remaining:
            victim = (await store.list("/p/", after="/p/06", limit=1)).records[0]
            await store.update(victim.key, b"new", victim.revision)
            last = (await store.list("/p/", after="/p/07", limit=1)).records[0]
            await store.delete(last.key, last.revision)
            await store.create(f"/p/05-{store.revision}", b"new")
            remaining = page.remaining
            page = await store.list("/p/", after=listed[-1].key, limit=3, revision=page.revision)
            assert page.remaining == max(remaining - 3, 0)
            listed += page.records
        assert [record.key for record in listed] == [f"/p/{i:02}" for i in range(10)]
        assert {record.value for record in listed} == {b"old"}

    @on_store
    async def test_get_at_a_revision(self, store: Store) -> None:
        before = store.revision
        created = await store.create("/a", b"1")
        await store.create("/a/b", b"other")
        updated = await store.update("/a", b"2", created)
        deleted = await store.delete("/a", updated)
        again = await store.create("/a", b"3")
        assert await store.get("/a", before) is None
        assert await store.get("/a", created) == Record("/a", b"1", created, created)
        assert await store.get("/a", created + 1) == Record("/a", b"1", created, created)
        assert await store.get("/a", updated) == Record("/a", b"2", updated, created)
        assert await store.get("/a", deleted) is None
        assert await store.get("/a", again) == Record("/a", b"3", again, again)

    @on_store
    async def test_changes_are_the_log(self, store: Store) -> None:
        start = store.revision
        heard: list[Change] = []
        store.subscribe(heard.extend)
        a = await store.create("/a/1", b"1", attachment="not kept")
        b = await store.create("/b/1", b"1")
        await store.update("/a/1", b"2", a)
        await store.delete("/b/1", b)
        await store.create("/a/2", b"1")
        log = [Change(change.record, change.previous, change.deleted) for change in heard]
        assert list(await store.changes(start)) == log
        assert list(await store.changes(start + 2)) == log[2:]
        assert list(await store.changes(start, until=start + 3)) == log[:3]
        assert list(await store.changes(start, limit=2)) == log[:2]
        assert list(await store.changes(start, prefix="/a/")) == [log[0], log[2], log[4]]
        assert list(await store.changes(start, prefix="/a/", limit=2)) == [log[0], log[2]]
        assert list(await store.changes(store.revision)) == []

    @on_store
    async def test_long_histories(self, store: Store) -> None:
        start = store.revision
        await asyncio.gather(*(store.create(f"/{i:04}", b"old") for i in range(2500)))
        middle = store.revision
        await asyncio.gather(*(store.update(f"/{i:04}", b"new", start + 1 + i) for i in range(2500)))
        changes = await store.changes(start)
        assert [change.record.revision for change in changes] == list(range(start + 1, start + 5001))
        assert len(await store.changes(start, limit=1500)) == 1500
        page = await store.list("/", revision=middle)
        assert [record.revision for record in page.records] == list(range(start + 1, start + 2501))
        assert len((await store.list("/", revision=start + 1200)).records) == 1200

    @on_store
    async def test_the_future_is_refused(self, store: Store) -> None:
        ahead = store.revision + 1
        for use in (
            store.get("/a", ahead),
            store.list("/", revision=ahead),
            store.changes(ahead),
            store.compact(ahead),
        ):
            with pytest.raises(FutureRevision) as refused:
                await use
            assert refused.value.current == store.revision

    @on_store
    async def test_compaction_keeps_what_reads_from_its_revision_on_can_see(self, store: Store) -> None:
        kept = await store.create("/kept", b"1")
        gone = await store.create("/gone", b"1")
        updated = await store.update("/kept", b"2", kept)
        await store.delete("/gone", gone)
        point = await store.create("/late", b"1")
        await store.update("/kept", b"3", updated)
        before = list((await store.list("", revision=point)).records)
        log = list(await store.changes(point))

        await store.compact(point)

        assert store.oldest == point
        assert list((await store.list("", revision=point)).records) == before
        assert list(await store.changes(point)) == log
        assert log[0].previous is not None
        assert log[0].previous.value == b"2"
        assert await store.get("/gone", point) is None
        for read in (
            store.get("/kept", point - 1),
            store.list("", revision=point - 1),
            store.changes(point - 1),
        ):
            with pytest.raises(Compacted) as refused:
                await read
            assert refused.value.oldest == point

    @on_store
    async def test_compacting_again_or_further_back_changes_nothing(self, store: Store) -> None:
        revision = await store.create("/a", b"1")
        await store.compact(revision)
        await store.compact(revision)
        await store.compact(revision - 1)
        assert store.oldest == revision
        assert await value(store, "/a") == b"1"

    @on_store
    async def test_compacting_everything_doesnt_give_revisions_twice(self, store: Store) -> None:
        last = await store.delete("/a", await store.create("/a", b"1"))
        await store.compact(last)
        assert store.revision == last
        assert await store.create("/a", b"1") == last + 1

    @on_store
    async def test_writes_go_on_while_compacting(self, store: Store) -> None:
        revisions = await asyncio.gather(*(store.create(f"/{i}", b"x" * 100) for i in range(3000)))
        await asyncio.gather(*(store.delete(f"/{i}", revision) for i, revision in enumerate(revisions)))
        compaction = asyncio.ensure_future(store.compact(store.revision))
        written = [await store.create(f"/new/{i}", b"") for i in range(5)]
        await compaction
        assert [record.revision for record in (await store.list("")).records] == written

    @on_store
    async def test_closing_finishes_what_was_accepted_and_takes_no_more(self, store: Store) -> None:
        heard: list[Change] = []
        store.subscribe(heard.extend)
        accepted = [asyncio.ensure_future(store.create(f"/{i}", b"")) for i in range(20)]
        await asyncio.sleep(0)
        await store.close()
        assert len(set(await asyncio.gather(*accepted))) == 20
        assert len(heard) == 20
        with pytest.raises(StoreFailed):
            await store.create("/late", b"")
        await store.close()
