"""A process that writes to a store until it is killed, and reports each acknowledged write on its standard output."""

import asyncio
import os
import sys

from podium.store.sqlite import SqliteStore


async def write(store: SqliteStore, key: str) -> None:
    value, revision = f"{key}-0", 0
    for i in range(1_000_000):
        if revision:
            revision = await store.update(key, value.encode(), revision)
        else:
            revision = await store.create(key, value.encode())
        os.write(1, f"{key} {revision} {value}\n".encode())
        value = f"{key}-{i}"


async def main() -> None:
    store = await SqliteStore.open(sys.argv[1])
    await asyncio.gather(*(write(store, f"/{i}") for i in range(8)))


asyncio.run(main())
