"""CertificateSigningRequests: who asked, who may approve and sign them, and what nobody may ask for."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding

from podium.server.authorization.signers import API_CLIENTS, asks_for_masters
from tests.server.harness import Harness, Serve
from tests.server.test_users import RBAC

REQUESTS = "/apis/certificates.k8s.io/v1/certificatesigningrequests"


def asked(organization: str) -> bytes:
    subject = x509.Name(
        [
            x509.NameAttribute(x509.NameOID.COMMON_NAME, "me"),
            x509.NameAttribute(x509.NameOID.ORGANIZATION_NAME, organization),
        ]
    )
    key = ec.generate_private_key(ec.SECP256R1())
    return x509.CertificateSigningRequestBuilder().subject_name(subject).sign(key, SHA256()).public_bytes(Encoding.PEM)


def request(name: str, signer: str, organization: str = "developers", **more: Any) -> dict[str, Any]:
    pem = base64.b64encode(asked(organization)).decode()
    return {
        "metadata": {"name": name},
        "spec": {"request": pem, "signerName": signer, "usages": ["client auth"], **more},
    }


async def allow(server: Harness, *rules: dict[str, Any]) -> None:
    """Alice may do this, everywhere."""
    await server.post(f"{RBAC}/clusterroles", {"metadata": {"name": "alices"}, "rules": list(rules)})
    binding = {
        "metadata": {"name": "alices"},
        "roleRef": {"kind": "ClusterRole", "apiGroup": "rbac.authorization.k8s.io", "name": "alices"},
        "subjects": [{"kind": "User", "name": "alice", "apiGroup": "rbac.authorization.k8s.io"}],
    }
    assert (await server.post(f"{RBAC}/clusterrolebindings", binding))[0] == 201


def rule(resource: str, *verbs: str, names: tuple[str, ...] = ()) -> dict[str, Any]:
    return {"apiGroups": ["certificates.k8s.io"], "resources": [resource], "verbs": verbs, "resourceNames": names}


def test_the_server_says_who_asked(serve: Serve) -> None:
    async def check(server: Harness) -> None:
        await allow(server, rule("certificatesigningrequests", "create"))
        forged = request("a", "example.com/s", username="root", groups=["system:masters"], uid="0", extra={"a": ["b"]})
        status, made = await server.as_alice("POST", REQUESTS, json=forged)
        assert status == 201, made
        assert made["spec"]["username"] == "alice"
        assert made["spec"]["groups"] == ["developers", "system:authenticated"]
        assert not {"uid", "extra"} & made["spec"].keys()

    serve(check)


@pytest.mark.parametrize("names", [("example.com/s",), ("example.com/*",)])
def test_approving_and_signing_need_a_right_to_the_signer(serve: Serve, names: tuple[str, ...]) -> None:
    approve = {"status": {"conditions": [{"type": "Approved", "status": "True", "reason": "r", "message": "m"}]}}
    sign = {"status": {"certificate": base64.b64encode(b"c").decode()}}
    parts = ("certificatesigningrequests/approval", "certificatesigningrequests/status")

    async def check(server: Harness) -> None:
        async def patch(name: str, part: str, tree: dict[str, Any]) -> tuple[int, Any]:
            headers = {"Content-Type": "application/merge-patch+json"}
            return await server.as_alice("PATCH", f"{REQUESTS}/{name}/{part}", json=tree, headers=headers)

        await allow(server, *(rule(part, "patch") for part in parts), rule("signers", "approve", "sign", names=names))
        await server.post(REQUESTS, request("mine", "example.com/s"))
        await server.post(REQUESTS, request("other", "example.org/s"))
        for part, verb, tree in (("approval", "approve", approve), ("status", "sign", sign)):
            status, answer = await patch("mine", part, tree)
            assert status == 200, answer
            status, answer = await patch("other", part, tree)
            assert (status, answer["message"]) == (
                403,
                'certificatesigningrequests.certificates.k8s.io "other" is forbidden: user not permitted to '
                f'{verb} requests with signerName "example.org/s"',
            )
        assert (await patch("other", "status", {"metadata": {"labels": {"a": "b"}}}))[0] == 200

    serve(check)


def test_nobody_asks_to_be_a_master(serve: Serve) -> None:
    async def check(server: Harness) -> None:
        status, refused = await server.post(REQUESTS, request("a", API_CLIENTS, "system:masters"))
        assert (status, refused["message"]) == (
            403,
            'certificatesigningrequests.certificates.k8s.io "a" is forbidden: use of '
            "kubernetes.io/kube-apiserver-client signer with system:masters group is not allowed",
        )
        assert (await server.post(REQUESTS, request("b", API_CLIENTS)))[0] == 201
        assert (await server.post(REQUESTS, request("c", "example.com/s", "system:masters")))[0] == 201

    serve(check)


def test_what_is_no_request_asks_for_nothing() -> None:
    assert not asks_for_masters(b"-----BEGIN CERTIFICATE REQUEST-----")
