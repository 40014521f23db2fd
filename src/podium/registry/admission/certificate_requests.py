"""A CertificateSigningRequest says who made it, which is for the server to say: whoever approves it goes by that."""

from __future__ import annotations

from podium.models.certificates_v1 import CertificateSigningRequest
from podium.registry.admission.base import Base
from podium.registry.admission.chain import Attributes

REQUESTS = "certificatesigningrequests.certificates.k8s.io"


class Requestor(Base):
    resources = (REQUESTS,)

    def admit(self, attributes: Attributes) -> None:
        made: CertificateSigningRequest = attributes.obj
        user = attributes.request.user
        made.spec.username, made.spec.uid, made.spec.groups = user.name, user.uid, user.groups
        made.spec.extra = dict(user.extra)
