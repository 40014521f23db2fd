"""ControllerRevisions: what one records, what it is called, which one is the newest, which ones may go. Pure.

`data` is the patch that brings the template back, as kubectl computes it from the object it reads: clients compare the
bytes, so they are Go's (keys sorted, compact, <, > and & escaped).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any

import msgspec

from podium.models import apps_v1, codec, core_v1, meta_v1, owners
from podium.models.identifiers import safe_hash

LONGEST_PREFIX = 223
"""What of the owner's name goes into a revision's, so that it has at most 253 characters."""


def patch_of(owner: Any) -> bytes:
    """What a revision of the owner, as it is now, records."""
    template = codec.to_tree(owner.spec.template)
    return codec.canonical({"spec": {"template": {**template, "$patch": "replace"}}})


def data_of(revision: apps_v1.ControllerRevision) -> bytes:
    """What the revision recorded. Decoded and encoded again it gives the same bytes."""
    return bytes(revision.data) if isinstance(revision.data, msgspec.Raw) else codec.canonical(revision.data)


def template_of(revision: apps_v1.ControllerRevision) -> core_v1.PodTemplateSpec:
    """The template that the revision brings back."""
    template = dict(msgspec.json.decode(data_of(revision))["spec"]["template"])
    template.pop("$patch", None)
    return codec.from_tree(template, core_v1.PodTemplateSpec)


def content_hash(data: bytes, collisions: int) -> str:
    """FNV-1, 32 bits, of the data and of how often that gave the name of another one; in the alphabet of names."""
    value = 2166136261
    for byte in data + str(collisions).encode():
        value = (value * 16777619 & 0xFFFFFFFF) ^ byte
    return safe_hash(value)


def new(owner: Any, number: int, collisions: int, hash_label: str) -> apps_v1.ControllerRevision:
    """The revision of the owner as it is now. `hash_label`: the label that carries the hash in its name."""
    data = patch_of(owner)
    name_hash = content_hash(data, collisions)
    return apps_v1.ControllerRevision(
        metadata=meta_v1.ObjectMeta(
            name=f"{owner.metadata.name[:LONGEST_PREFIX]}-{name_hash}",
            namespace=owner.metadata.namespace,
            labels={**owner.spec.template.metadata.labels, hash_label: name_hash},
            annotations=dict(owner.metadata.annotations),
            ownerReferences=(owners.new_controller_ref(owner),),
        ),
        data=msgspec.Raw(data),
        revision=number,
    )


def in_order(revisions: Iterable[apps_v1.ControllerRevision]) -> list[apps_v1.ControllerRevision]:
    """Oldest first."""

    def age(revision: apps_v1.ControllerRevision) -> tuple[int, float, str]:
        created = revision.metadata.creationTimestamp
        return (revision.revision, created.timestamp() if created else 0.0, revision.metadata.name)

    return sorted(revisions, key=age)


def next_number(revisions: Iterable[apps_v1.ControllerRevision]) -> int:
    return max((revision.revision for revision in revisions), default=0) + 1


def matching(revisions: Iterable[apps_v1.ControllerRevision], owner: Any) -> list[apps_v1.ControllerRevision]:
    """Those that record the owner as it is now, in the order given."""
    data = patch_of(owner)
    return [revision for revision in revisions if data_of(revision) == data]


def superfluous(
    old: Sequence[apps_v1.ControllerRevision], limit: int | None, live: Collection[str]
) -> list[apps_v1.ControllerRevision]:
    """The oldest of those beyond the limit, except the ones whose name is in `live`. `old` is in order. A limit below 0
    is none."""
    limit = 10 if limit is None else limit
    if limit < 0:
        return []
    idle = [revision for revision in old if revision.metadata.name not in live]
    return idle[: max(len(idle) - limit, 0)]
