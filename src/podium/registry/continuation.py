"""Continue tokens: where the next page of a list starts, and at which revision. Opaque to clients."""

from __future__ import annotations

import base64
import binascii

import msgspec

from podium.machinery import errors
from podium.models import meta_v1


class _Token(msgspec.Struct):
    v: str
    rv: int
    start: str


def encode(last: str, revision: int) -> str:
    """The token for what comes after a key (without the resource's prefix). Revision -1: as it is then."""
    token = _Token("meta.k8s.io/v1", revision, last + "\0")
    return base64.urlsafe_b64encode(msgspec.json.encode(token)).decode().rstrip("=")


def decode(text: str) -> tuple[str, int]:
    """(the last key of the page before, revision)"""
    try:
        data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        token = msgspec.json.decode(data, type=_Token)
    except (binascii.Error, ValueError) as error:
        raise errors.BadRequest(f"continue key is not valid: {error}") from None
    if token.v != "meta.k8s.io/v1":
        raise errors.BadRequest(
            f'continue key is not valid: server does not recognize this encoded version "{token.v}"'
        )
    if not token.rv:
        raise errors.BadRequest(
            "continue key is not valid: incorrect encoded start resourceVersion (version meta.k8s.io/v1)"
        )
    if not token.start:
        raise errors.BadRequest("continue key is not valid: encoded start key empty (version meta.k8s.io/v1)")
    return token.start.removesuffix("\0"), token.rv


class ContinueExpired(errors.Expired):
    """The revision of a paged list is gone. The client may begin anew or go on with what is there now."""

    MESSAGE = (
        "The provided continue parameter is too old to display a consistent list result. You can start a new list "
        "without the continue parameter, or use the continue token in this response to retrieve the remainder of the "
        "results. Continuing with the provided token results in an inconsistent list - objects that were created, "
        "modified, or deleted between the time the first chunk was returned and now may show up in the list."
    )

    def __init__(self, token: str) -> None:
        super().__init__(self.MESSAGE)
        self.token = token

    def status(self) -> meta_v1.Status:
        status = super().status()
        status.metadata.continue_ = self.token
        return status
