"""namespaces/finalize: the namespace controller says that what it had to do is done."""

from __future__ import annotations

from typing import Any

from podium.machinery import field, names
from podium.machinery.errors import FieldError


def keep_status(new: Any, old: Any) -> None:
    new.status = old.status


def finalizer_errors(new: Any, _old: Any) -> list[FieldError]:
    found: list[FieldError] = []
    for position, finalizer in enumerate(new.spec.finalizers):
        path = field.Path("spec.finalizers").index(position)
        found += field.each(path, finalizer, names.label_key(finalizer))
        if "/" not in finalizer and finalizer != "kubernetes":
            found.append(
                field.invalid(path, finalizer, "name is neither a standard finalizer name nor is it fully qualified")
            )
    return found
