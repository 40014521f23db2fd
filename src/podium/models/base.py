"""What every generated struct is made of.

Objects that came from an informer or from the registry are shared: nobody changes them. To change one, take a copy
(`podium.models.codec.copy`) and change that.
"""

from __future__ import annotations

from typing import Annotated, Any

import msgspec

Int32 = Annotated[int, msgspec.Meta(ge=-(2**31), le=2**31 - 1)]
Int64 = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]


class Struct(msgspec.Struct, kw_only=True, omit_defaults=True, gc=False):
    """A Kubernetes type: attributes carry the wire's names, and what is at its default is not encoded.

    Objects never form cycles, so the garbage collector need not look at them (gc=False).
    """


def mapping() -> dict[str, Any]:
    """An empty map that is encoded even when empty (the factory `dict` itself would be left out)."""
    return {}
