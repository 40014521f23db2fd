"""What varies by kind when an object is written: one Strategy a resource.

The functions are pure. They may change the object they are given, which belongs to the write, and nothing else. All
have a do-nothing default, so that a kind says only what is its own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from podium.machinery.errors import FieldError

Errors = list[FieldError]


def nothing(*_: Any) -> None:
    """No rule."""


def no_errors(*_: Any) -> Errors:
    return []


@dataclass(frozen=True, slots=True)
class Strategy:
    """The rules of one kind. `new` and `old` are its structs."""

    default: Callable[[Any], None] = nothing
    """Fill in what the document left out (Kubernetes' defaults.go). Applied to every version that is written."""
    prepare_create: Callable[[Any], None] = nothing
    """Before validation of a new object: drop what clients may not set (status), set generation, phase."""
    prepare_update: Callable[[Any, Any], None] = nothing
    """(new, old) before validation of a main-resource update: keep the old status. The generation is bumped by the
    registry when `spec` changed (see `generation`)."""
    validate: Callable[[Any], Errors] = no_errors
    """A new object on its own. Metadata (names, labels, annotations, owners) is checked by the registry."""
    validate_update: Callable[[Any, Any], Errors] = no_errors
    """(new, old): everything `validate` says, and what may not change."""
    prepare_status_update: Callable[[Any, Any], None] | None = None
    """(new, old) of a write to /status. None: the kind has no status subresource. Usually `keep_only_spec`, or
    `keep_spec`."""
    validate_status_update: Callable[[Any, Any], Errors] = no_errors
    warnings: Callable[[Any, Any | None], Sequence[str]] = lambda _new, _old: ()
    """(new, old or None): what the author should know although it is accepted."""
    name_errors: Callable[[str], Sequence[str]] | None = None
    """What is wrong with a name; None: a DNS subdomain."""
    generation: bool = True
    """Whether metadata.generation is kept: 1 at creation, one more when anything but metadata and status changes."""
    update_unconditional: bool = True
    """Whether an update without a resourceVersion is taken as it is."""
    create_on_update: bool = False
    """Whether PUT of a missing object creates it."""
    grace_seconds: Callable[[Any], int] | None = None
    """For kinds that end gracefully (Pods): the grace period of a deletion that names none."""


def keep_status(new: Any, old: Any) -> None:
    """An update of the object itself never changes its status."""
    new.status = old.status


def keep_only_spec(new: Any, old: Any) -> None:
    """A status write may change labels and annotations too: so it is with most kinds in Kubernetes."""
    new.spec = old.spec


def keep_spec(new: Any, old: Any) -> None:
    """A status write changes the status and nothing else (labels, annotations, spec stay)."""
    metadata = old.metadata
    managed, owners = new.metadata.managedFields, new.metadata.ownerReferences
    new.metadata = type(metadata)(**{name: getattr(metadata, name) for name in metadata.__struct_fields__})
    new.metadata.managedFields = managed or metadata.managedFields
    new.metadata.ownerReferences = owners if owners else metadata.ownerReferences
    if hasattr(new, "spec"):
        new.spec = old.spec
