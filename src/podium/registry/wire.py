"""Where an object's resourceVersion goes in its JSON.

Stored bytes have none, since it is known only once they are committed. Clients find it as the first field of
`metadata`. Structs encode kind, apiVersion and metadata first, so the place is the same in every object of a kind.
"""

from __future__ import annotations

_METADATA = b'"metadata":{'


class Wire:
    """Splices resourceVersions into the JSON of one kind."""

    __slots__ = ("_prefix", "_size")

    def __init__(self, kind: str, api_version: str) -> None:
        self._prefix = b'{"kind":"%s","apiVersion":"%s","metadata":{' % (kind.encode(), api_version.encode())
        self._size = len(self._prefix)

    def splice(self, value: bytes, revision: int) -> bytes:
        """The stored bytes as clients see them."""
        at = self._size if value.startswith(self._prefix) else value.index(_METADATA) + len(_METADATA)
        return b'%s"resourceVersion":"%d",%s' % (value[:at], revision, value[at:])
