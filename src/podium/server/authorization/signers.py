"""Who may approve and sign CertificateSigningRequests, by signer, and which subject nobody may ask for.

Kubernetes' CertificateApproval, CertificateSigning and CertificateSubjectRestriction.
"""

from __future__ import annotations

from podium.models.certificates_v1 import CertificateSigningRequest
from podium.registry.admission.base import forbidden
from podium.registry.admission.certificate_requests import REQUESTS
from podium.registry.admission.chain import Attributes as Write
from podium.registry.admission.chain import Operation
from podium.registry.resources import Resource
from podium.registry.types import User
from podium.server.authorization.authorizer import MASTERS, Authorizer
from podium.server.authorization.rules import Attributes

API_CLIENTS = "kubernetes.io/kube-apiserver-client"
_GROUP = "certificates.k8s.io"


class SignerCheck:
    """Admission of writes to requests and to their parts."""

    def __init__(self, authorizer: Authorizer) -> None:
        self._authorizer = authorizer

    def handles(self, resource: Resource, operation: Operation, subresource: str) -> bool:
        if resource.group_resource != REQUESTS:
            return False
        return (operation, subresource) in (("CREATE", ""), ("UPDATE", "approval"), ("UPDATE", "status"))

    def admit(self, attributes: Write) -> None:
        """Nothing is changed."""

    def validate(self, attributes: Write) -> None:
        new: CertificateSigningRequest = attributes.obj
        if attributes.operation == "CREATE":
            if new.spec.signerName == API_CLIENTS and asks_for_masters(new.spec.request):
                why = f"use of {API_CLIENTS} signer with {MASTERS} group is not allowed"
                raise forbidden(attributes, why)
            return
        old: CertificateSigningRequest = attributes.old
        verb = "approve" if attributes.subresource == "approval" else "sign"
        if verb == "sign" and new.status == old.status:
            return
        if not self._may(attributes.request.user, verb, old.spec.signerName):
            raise forbidden(
                attributes, f'user not permitted to {verb} requests with signerName "{old.spec.signerName}"'
            )

    def _may(self, user: User, verb: str, signer: str) -> bool:
        """The right to all signers of a domain is that to `domain/*`."""
        names = (signer, f"{signer.partition('/')[0]}/*")
        return any(self._authorizer.allowed(user, Attributes(verb, _GROUP, "signers", name=name)) for name in names)


def asks_for_masters(request: bytes) -> bool:
    """Whether the certificate would be that of somebody who may do everything. What can't be read asks for nothing."""
    from cryptography import x509  # few servers ever need it

    try:
        subject = x509.load_pem_x509_csr(request).subject
    except ValueError:
        return False
    return any(one.value == MASTERS for one in subject.get_attributes_for_oid(x509.NameOID.ORGANIZATION_NAME))
