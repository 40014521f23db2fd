"""Which protocol a client that asks for SPDY/3.1 wants spoken on its streams."""

from __future__ import annotations

from collections.abc import Sequence

from aiohttp import web

from podium.machinery.errors import BadRequest

_HEADER = "X-Stream-Protocol-Version"


def is_spdy(request: web.BaseRequest) -> bool:
    headers = request.headers
    return headers.get("Upgrade", "").lower() == "spdy/3.1" and "upgrade" in headers.get("Connection", "").lower()


def chosen_protocol(request: web.BaseRequest, known: Sequence[str]) -> str:
    """The client's first that is known; BadRequest."""
    asked = [name.strip() for line in request.headers.getall(_HEADER, ()) for name in line.split(",")]
    for name in asked:
        if name in known:
            return name
    raise BadRequest(f"unable to upgrade: unable to negotiate protocol: client supports {asked}, server {list(known)}")
