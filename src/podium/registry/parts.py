"""The parts of an object that can be read and written on their own, and the rules of each.

A part is named by its subresource; "" is the whole object. Most parts look like the object itself and differ in what a
write may change; `scale` has a shape of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from podium.machinery import errors
from podium.machinery.errors import FieldError
from podium.registry.conversion import View
from podium.registry.resources import Resource
from podium.registry.subresources import csr, namespaces, pods, scale

Prepare = Callable[[Any, Any], None]
Validate = Callable[[Any, Any], list[FieldError]]


@dataclass(frozen=True, slots=True)
class Part:
    subresource: str
    prepare: Prepare
    """(new, old): put back what a write to this part may not change."""
    validate: Validate
    """(new, old)"""
    creates: bool = False
    """Whether writing an object that isn't there creates it."""
    counts: bool = True
    """Whether a change gives a new generation."""
    read: Callable[[Any], Any] | None = None
    """The part as clients see it; None: the object itself."""
    put: Callable[[Any, Any], Any] | None = None
    """(part, object) -> a new object with the part in it."""
    check: Callable[[Any], list[FieldError]] | None = None
    """What is wrong with a part of a shape of its own."""
    kind: str = ""
    """The group kind of such a part, for errors."""


def part(res: Resource, subresource: str, view: View | None = None) -> Part:
    """How a part of a stored resource, seen through a view or as it is, is written; PathNotFound if it isn't one."""
    strategy = res.strategy
    read = view.from_stored if view else None
    put = _through(view) if view else None
    if not subresource:
        return Part(
            "",
            strategy.prepare_update,
            strategy.validate_update,
            creates=strategy.create_on_update,
            read=read,
            put=put,
        )
    if subresource == "status" and strategy.prepare_status_update is not None:
        return Part(
            "status",
            strategy.prepare_status_update,
            strategy.validate_status_update,
            counts=False,
            read=read,
            put=put,
        )
    if subresource == "scale":
        return Part(
            "scale",
            strategy.prepare_update,
            strategy.validate_update,
            read=scale.of,
            put=scale.put,
            check=scale.errors_in,
            kind="Scale.autoscaling",
        )
    special = _SPECIAL.get((res.group_resource, subresource))
    if special is None:
        raise errors.PathNotFound
    return special


def _through(view: View) -> Callable[[Any, Any], Any]:
    return lambda shown, _old: view.to_stored(shown)


_SPECIAL: dict[tuple[str, str], Part] = {
    ("namespaces", "finalize"): Part("finalize", namespaces.keep_status, namespaces.finalizer_errors, counts=False),
    ("pods", "ephemeralcontainers"): Part(
        "ephemeralcontainers", pods.keep_all_but_ephemeral, pods.ephemeral_errors, counts=True
    ),
    ("pods", "resize"): Part("resize", pods.keep_all_but_resources, pods.resize_errors, counts=True),
    ("certificatesigningrequests.certificates.k8s.io", "approval"): Part(
        "approval", csr.keep_all_but_conditions, csr.approval_errors, counts=False
    ),
}
