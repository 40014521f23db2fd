"""Writing a status once it has been worked out, without being in the way of other writers."""

from __future__ import annotations

from typing import Any, TypeVar

from podium.client.client import Client
from podium.machinery import errors
from podium.models import codec

T = TypeVar("T")


async def write(client: Client, obj: T, status: Any) -> T:
    """Store the status of the object. If the object has changed since it was read, once more onto the newest: what was
    worked out is still true for the generation that it names."""
    new: Any = codec.copy(obj)
    new.status = status
    try:
        written: T = await client.update_status(new)
        return written
    except errors.Conflict:
        metadata = new.metadata
        fresh: Any = codec.copy(await client.get(type(obj), metadata.namespace, metadata.name))
        if fresh.metadata.uid != metadata.uid:
            raise
        fresh.status = status
        renewed: T = await client.update_status(fresh)
        return renewed
