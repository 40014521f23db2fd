"""CertificateSigningRequests: asked for once, and never changed."""

from __future__ import annotations

from podium.machinery import field
from podium.models.certificates_v1 import CertificateSigningRequest, CertificateSigningRequestStatus
from podium.registry.strategies.checks import SPEC, Errors
from podium.registry.strategy import Strategy, keep_only_spec

_SHORTEST_CERTIFICATE = 600


def _prepare_create(obj: CertificateSigningRequest) -> None:
    obj.status = CertificateSigningRequestStatus()


def _prepare_update(new: CertificateSigningRequest, old: CertificateSigningRequest) -> None:
    """A request is never changed: another one is made."""
    new.spec, new.status = old.spec, old.status


def _validate(obj: CertificateSigningRequest) -> Errors:
    spec = obj.spec
    errors: Errors = []
    if b"CERTIFICATE REQUEST" not in spec.request:
        why = "PEM block type must be CERTIFICATE REQUEST"
        errors.append(field.invalid(SPEC.child("request"), spec.request, why))
    if not spec.usages:
        errors.append(field.required(SPEC.child("usages"), "usages are required"))
    if not spec.signerName:
        errors.append(field.required(SPEC.child("signerName")))
    elif "/" not in spec.signerName:
        why = "must be a fully qualified domain and path of the form 'example.com/signer-name'"
        errors.append(field.invalid(SPEC.child("signerName"), spec.signerName, why))
    if spec.expirationSeconds is not None and spec.expirationSeconds < _SHORTEST_CERTIFICATE:
        why = "may not specify a duration less than 600 seconds (10 minutes)"
        errors.append(field.invalid(SPEC.child("expirationSeconds"), spec.expirationSeconds, why))
    return errors


STRATEGY = Strategy(
    prepare_create=_prepare_create,
    prepare_update=_prepare_update,
    validate=_validate,
    prepare_status_update=keep_only_spec,
    generation=False,
)
