"""CertificateSigningRequests as tables."""

from __future__ import annotations

from datetime import datetime

from podium.models.certificates_v1 import CertificateSigningRequest
from podium.registry.columns.base import AGE, NAME, NONE, Cells, Columns, age, text
from podium.registry.columns.duration import human_duration


def _request(obj: CertificateSigningRequest, now: datetime) -> Cells:
    kinds = {one.type for one in obj.status.conditions}
    state: list[str] = [kind for kind in ("Approved", "Denied", "Failed") if kind in kinds]
    state = state[:1] or ["Pending"]
    if "Failed" in kinds and "Failed" not in state:
        state.append("Failed")
    if obj.status.certificate:
        state.append("Issued")
    seconds = obj.spec.expirationSeconds
    return [
        obj.metadata.name,
        age(obj, now),
        obj.spec.signerName or NONE,
        obj.spec.username,
        NONE if seconds is None else human_duration(seconds),
        ",".join(state),
    ]


REQUESTS = Columns(
    (
        NAME,
        AGE,
        text("SignerName", "Who is asked"),
        text("Requestor", "Who asks"),
        text("RequestedDuration", "For how long"),
        text("Condition", "What became of it"),
    ),
    _request,
)
