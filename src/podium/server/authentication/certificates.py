"""Users from client certificates: the common name is the user, each organization a group."""

from __future__ import annotations

import asyncio

from podium.registry.types import User

AUTHENTICATED = "system:authenticated"


def user_of(transport: asyncio.BaseTransport) -> User | None:
    """The user whose certificate the TLS handshake verified; None if the client showed none or it names nobody."""
    certificate = transport.get_extra_info("peercert")
    if not certificate:
        return None
    name, groups = "", []
    for relative_name in certificate.get("subject", ()):
        for attribute, value in relative_name:
            if attribute == "commonName":
                name = value
            elif attribute == "organizationName":
                groups.append(value)
    return User(name, (*groups, AUTHENTICATED)) if name else None
