"""Writing a status once it has been worked out, without being in the way of other writers."""

from __future__ import annotations

from typing import Any, TypeVar

from podium.client.client import Client
from podium.machinery import errors
from podium.models import codec

T = TypeVar("T")


async def write(client: Client, obj: T, status: Any) -> T:
    """Store the status of an object that is nobody else's. If the object has changed since it was read, once more onto
    the newest: what was worked out is still true for the generation that it names."""
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


async def write_shared(client: Client, obj: T, status: Any) -> T:
    """Store the status of an object that a node's agent writes, too. If the object has changed since it was read, this
    raises errors.Conflict: it has to be worked out anew, or what the agent said meanwhile would be undone."""
    new: Any = codec.copy(obj)
    new.status = status
    written: T = await client.update_status(new)
    return written
