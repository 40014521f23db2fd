"""What the server says in a CertificateSigningRequest: who made it, by which whoever approves it goes, and when its
conditions came about."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from msgspec.structs import replace

from podium.models.certificates_v1 import CertificateSigningRequest, CertificateSigningRequestCondition
from podium.registry.admission.base import Base
from podium.registry.admission.chain import Attributes, Operation
from podium.registry.resources import Resource

REQUESTS = "certificatesigningrequests.certificates.k8s.io"


class Requestor(Base):
    resources = (REQUESTS,)

    def admit(self, attributes: Attributes) -> None:
        made: CertificateSigningRequest = attributes.obj
        user = attributes.request.user
        made.spec.username, made.spec.uid, made.spec.groups = user.name, user.uid, user.groups
        made.spec.extra = dict(user.extra)


class ConditionTimes(Base):
    def handles(self, resource: Resource, operation: Operation, subresource: str) -> bool:
        return resource.group_resource == REQUESTS and operation == "UPDATE" and subresource in ("approval", "status")

    def admit(self, attributes: Attributes) -> None:
        new: CertificateSigningRequest = attributes.obj
        old: CertificateSigningRequest = attributes.old
        now = attributes.core.now()
        conditions = tuple(dated(one, old.status.conditions, now) for one in new.status.conditions)
        new.status = replace(new.status, conditions=conditions)


def dated(
    one: CertificateSigningRequestCondition, before: Iterable[CertificateSigningRequestCondition], now: datetime
) -> CertificateSigningRequestCondition:
    """The condition with the times that its author left out. What was so before has been so since then."""
    known = (old.lastTransitionTime for old in before if (old.type, old.status) == (one.type, one.status))
    since = next((time for time in known if time is not None), now)
    return replace(one, lastUpdateTime=one.lastUpdateTime or now, lastTransitionTime=one.lastTransitionTime or since)
