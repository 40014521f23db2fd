"""Which headers go on to another API server, and which come back.

It believes what the X-Remote- headers say about the user, because they come with our certificate: whatever a client
sent under such names must never get through, in no spelling that some server might take for the same.
"""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import quote

from multidict import CIMultiDict, CIMultiDictProxy

from podium.machinery.errors import BadRequest
from podium.registry.types import User

_HOP_BY_HOP = frozenset(
    (
        *("connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection"),
        *("te", "trailer", "trailers", "transfer-encoding", "upgrade"),
    )
)
"""For one connection only (RFC 9110, 7.6.1)."""
_OURS = frozenset(("authorization", "expect", "host", "content-length"))
"""Credentials are for us; the others follow from how the request is sent."""
_FORGED = ("x-remote-", "impersonate-")
_EXTRA = "X-Remote-Extra-"
_TOKEN = "!#$&'*+-.^_`|~"  # noqa: S105 - what may stand in a header's name


def forwarded(given: CIMultiDictProxy[str], user: User) -> CIMultiDict[str]:
    """What another API server is sent: the client's headers, and who the client is."""
    dropped = _HOP_BY_HOP | _OURS | _named_by_connection(given)
    sent: CIMultiDict[str] = CIMultiDict()
    for name, value in given.items():
        plain = name.lower().replace("_", "-")
        if plain not in dropped and not plain.startswith(_FORGED):
            sent.add(name, value)
    sent.extend(identity(user))
    return sent


def identity(user: User) -> CIMultiDict[str]:
    """The headers that say who a user is; BadRequest for a user whom they can't name."""
    sent: CIMultiDict[str] = CIMultiDict()
    sent.add("X-Remote-User", user.name)
    if user.uid:
        sent.add("X-Remote-Uid", user.uid)
    for group in user.groups:
        sent.add("X-Remote-Group", group)
    for key, values in user.extra.items():
        for value in values:
            sent.add(_EXTRA + quote(key.lower(), safe=_TOKEN), value)
    if any(char < " " or char == "\x7f" for value in sent.values() for char in value):
        raise BadRequest("the user can't be named in a header")
    return sent


def returned(given: CIMultiDictProxy[str]) -> list[tuple[str, str]]:
    """The headers of its answer that go to the client; the answer is framed anew."""
    dropped = _HOP_BY_HOP | _named_by_connection(given) | {"date", "cache-control", "content-type", "content-length"}
    return [(name, value) for name, value in given.items() if name.lower() not in dropped]


def _named_by_connection(given: CIMultiDictProxy[str]) -> frozenset[str]:
    listed: Iterable[str] = (name for value in given.getall("Connection", ()) for name in value.split(","))
    return frozenset(name.strip().lower().replace("_", "-") for name in listed)
