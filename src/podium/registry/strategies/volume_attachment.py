"""VolumeAttachments: one volume, one node, for good."""

from __future__ import annotations

from podium.machinery import field
from podium.models.storage_v1 import VolumeAttachment
from podium.registry.strategies import checks
from podium.registry.strategies.checks import SPEC, Errors
from podium.registry.strategy import Strategy, keep_spec, keep_status


def _validate(obj: VolumeAttachment) -> Errors:
    errors = checks.needed(SPEC, obj.spec, "attacher", "nodeName")
    source = obj.spec.source
    if not source.persistentVolumeName and source.inlineVolumeSpec is None:
        why = "must specify exactly one of inlineVolumeSpec and persistentVolumeName"
        errors.append(field.required(SPEC.child("source"), why))
    return errors


STRATEGY = Strategy(
    prepare_update=keep_status,
    validate=_validate,
    validate_update=lambda new, old: _validate(new) + field.immutable(SPEC, new.spec, old.spec),
    prepare_status_update=keep_spec,
    generation=False,
    update_unconditional=False,
)
