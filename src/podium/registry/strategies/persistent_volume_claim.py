"""PersistentVolumeClaims: what is asked for stays as it was asked, apart from more room."""

from __future__ import annotations

from podium.machinery import field
from podium.machinery.field import Path
from podium.models import codec, quantity
from podium.models.core_v1 import PersistentVolumeClaim, PersistentVolumeClaimSpec, PersistentVolumeClaimStatus
from podium.registry.strategies import checks
from podium.registry.strategies.checks import SPEC, Errors
from podium.registry.strategy import Strategy, keep_only_spec, keep_status

ACCESS_MODES = ("ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod")
VOLUME_MODES = ("Block", "Filesystem")


def default_claim(claim: PersistentVolumeClaim) -> None:
    if not claim.status.phase:
        claim.status.phase = "Pending"
    if not claim.spec.volumeMode:
        claim.spec.volumeMode = "Filesystem"


def _prepare_create(claim: PersistentVolumeClaim) -> None:
    claim.status = PersistentVolumeClaimStatus(phase="Pending")


def access_modes(path: Path, modes: tuple[str, ...]) -> Errors:
    if not modes:
        return [field.required(path, "at least 1 access mode is required")]
    errors = [field.not_supported(path, mode, ACCESS_MODES) for mode in modes if mode not in ACCESS_MODES]
    if "ReadWriteOncePod" in modes and len({mode for mode in modes if mode in ACCESS_MODES}) > 1:
        errors.append(field.forbidden(path, "may not use ReadWriteOncePod with other access modes"))
    return errors


def claim_spec(path: Path, spec: PersistentVolumeClaimSpec) -> Errors:
    errors = access_modes(path.child("accessModes"), spec.accessModes)
    errors += checks.label_selector(path.child("selector"), spec.selector)
    where = path.child("resources").key("storage")
    wanted = spec.resources.requests.get("storage")
    if wanted is None:
        errors.append(field.required(where))
    elif quantity.number(wanted) <= 0:
        errors.append(field.invalid(where, wanted, "must be greater than zero"))
    errors += checks.dns_subdomain(path.child("storageClassName"), spec.storageClassName or "")
    errors += checks.dns_subdomain(path.child("volumeAttributesClassName"), spec.volumeAttributesClassName)
    errors += checks.enum(path.child("volumeMode"), spec.volumeMode, VOLUME_MODES, needed=False)
    for name in ("dataSource", "dataSourceRef"):
        source = getattr(spec, name)
        if source is not None:
            errors += checks.needed(path.child(name), source, "name", "kind")
            if not source.apiGroup and source.kind and source.kind != "PersistentVolumeClaim":
                why = "must be 'PersistentVolumeClaim' when referencing the default apiGroup"
                errors.append(field.invalid(path.child(name), source.kind, why))
    return errors


def _validate(claim: PersistentVolumeClaim) -> Errors:
    return claim_spec(SPEC, claim.spec)


def _validate_update(new: PersistentVolumeClaim, old: PersistentVolumeClaim) -> Errors:
    errors = _validate(new)
    spec = codec.copy(new.spec)
    if not old.spec.volumeName:
        spec.volumeName = old.spec.volumeName
    if old.spec.storageClassName is None:
        spec.storageClassName = None
    before, after = old.spec.resources.requests.get("storage"), new.spec.resources.requests.get("storage")
    if new.status.phase == "Bound":
        spec.volumeAttributesClassName = old.spec.volumeAttributesClassName
        if before is not None:
            spec.resources.requests["storage"] = before
    if spec != old.spec:
        why = (
            "spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims"
        )
        errors.append(field.forbidden(SPEC, why))
    if before is not None and after is not None and quantity.number(after) < quantity.number(before):
        have = old.status.capacity.get("storage", "0")
        if quantity.number(after) <= quantity.number(have):
            why = "field can not be less than status.capacity"
            errors.append(field.forbidden(SPEC.child("resources", "requests", "storage"), why))
    if old.spec.volumeMode:
        errors += field.immutable(Path("volumeMode"), new.spec.volumeMode, old.spec.volumeMode)
    return errors


STRATEGY = Strategy(
    default=default_claim,
    prepare_create=_prepare_create,
    prepare_update=keep_status,
    validate=_validate,
    validate_update=_validate_update,
    prepare_status_update=keep_only_spec,
    generation=False,
)
