"""The store for tests keeps the contract."""

from pathlib import Path

from podium.clock import VirtualClock, VirtualLoop
from podium.store.memory import MemoryStore

from .contract import StoreContract


class TestMemoryStore(StoreContract):
    async def open(self, path: Path) -> MemoryStore:
        return MemoryStore()


def test_writes_take_no_time() -> None:
    clock = VirtualClock()
    loop = VirtualLoop(clock)

    async def scenario() -> None:
        store = MemoryStore()
        clock.hold()
        await store.update("/a", b"2", await store.create("/a", b"1"))

    loop.run_until_complete(scenario())
    loop.close()
    assert clock.elapsed == 0
