"""Service-account tokens: JWTs signed with the cluster's own key, bound to live objects.

A token is valid while it is signed by us, for an audience that was asked about, not expired, and while the
ServiceAccount and the Pod, Secret or Node that it is bound to still exist with the uids that it names.
Claims are those that Kubernetes writes ("kubernetes.io" private claims, RFC 7519 for the rest).
"""

from __future__ import annotations

import hashlib
from base64 import urlsafe_b64encode
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

from podium.clock import Clock
from podium.machinery.errors import Unauthorized
from podium.models import identifiers
from podium.models.authentication_v1 import BoundObjectReference, TokenRequest
from podium.models.core_v1 import ServiceAccount
from podium.registry.types import User
from podium.server.authentication.certificates import AUTHENTICATED

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

ISSUER = "https://kubernetes.default.svc.cluster.local"
_ALGORITHM = "ES256"
_CLAIMS = "kubernetes.io"
_EXTRA = "authentication.kubernetes.io/"
_VERIFIED_KEPT = 4096

LiveUid = Callable[[str, str, str], Awaitable[str | None]]
"""(plural, namespace, name) to the uid of that core object now, None if it is gone or going."""


@dataclass(frozen=True, slots=True)
class Claims:
    """A token's claims that have been verified once."""

    user: User
    audiences: tuple[str, ...]
    expires: float
    bound: tuple[tuple[str, str, str, str], ...]
    """(plural, namespace, name, uid) of each object that has to exist."""


class ServiceAccountTokens:
    """Issues and verifies tokens. The key is read when first needed."""

    def __init__(self, key: Path, clock: Clock, rng: Random, live_uid: LiveUid) -> None:
        self._path = key
        self._clock = clock
        self._rng = rng
        self._live_uid = live_uid
        self._key: EllipticCurvePrivateKey | None = None
        self._verified: dict[bytes, Claims] = {}

    def issue(
        self, account: ServiceAccount, request: TokenRequest, node: BoundObjectReference | None = None
    ) -> TokenRequest:
        """The request with its status filled in. What is asked for has been validated. `node`: where the Pod runs that
        the token is bound to."""
        import jwt

        now = self._clock.now().replace(microsecond=0)
        seconds = request.spec.expirationSeconds or 3600
        audiences = request.spec.audiences or (ISSUER,)
        expires = now + timedelta(seconds=seconds)
        claims = {
            "aud": list(audiences),
            "exp": int(expires.timestamp()),
            "iat": int(now.timestamp()),
            "iss": ISSUER,
            "jti": identifiers.uid(self._rng),
            _CLAIMS: _private_claims(account, request.spec.boundObjectRef, node),
            "nbf": int(now.timestamp()),
            "sub": f"system:serviceaccount:{account.metadata.namespace}:{account.metadata.name}",
        }
        token = jwt.encode(claims, self._signing_key(), _ALGORITHM, headers={"kid": self.key_id})
        request.spec.audiences = audiences
        request.spec.expirationSeconds = seconds
        request.status.token = token
        request.status.expirationTimestamp = expires
        return request

    async def authenticate(self, token: str, audiences: Sequence[str] = (ISSUER,)) -> tuple[User, tuple[str, ...]]:
        """Who the token stands for, and for which of the audiences; Unauthorized."""
        digest = hashlib.sha256(token.encode("utf-8", "replace")).digest()
        claims = self._verified.get(digest)
        if claims is None:
            claims = self._verify(token)
            if len(self._verified) >= _VERIFIED_KEPT:
                self._verified.clear()
            self._verified[digest] = claims
        if claims.expires <= self._clock.now().timestamp():
            raise Unauthorized
        matching = tuple(audience for audience in audiences if audience in claims.audiences)
        if not matching:
            raise Unauthorized
        for plural, namespace, name, uid in claims.bound:
            if await self._live_uid(plural, namespace, name) != uid:
                raise Unauthorized
        return claims.user, matching

    def _verify(self, token: str) -> Claims:
        import jwt

        try:
            claims = jwt.decode(
                token,
                self._signing_key().public_key(),
                algorithms=[_ALGORITHM],
                issuer=ISSUER,
                # time is checked against our clock on every use
                options={"verify_aud": False, "verify_exp": False, "verify_nbf": False, "verify_iat": False},
            )
            return _read_claims(claims)
        except (jwt.InvalidTokenError, KeyError, TypeError, ValueError, AttributeError) as error:
            raise Unauthorized from error

    @property
    def key_id(self) -> str:
        from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

        public = self._signing_key().public_key()
        spki = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        return _base64url(hashlib.sha256(spki).digest())

    def json_web_keys(self) -> dict[str, Any]:
        """What /openid/v1/jwks answers (RFC 7517)."""
        numbers = self._signing_key().public_key().public_numbers()
        return {
            "keys": [
                {
                    "use": "sig",
                    "kty": "EC",
                    "kid": self.key_id,
                    "crv": "P-256",
                    "alg": _ALGORITHM,
                    "x": _base64url(numbers.x.to_bytes(32, "big")),
                    "y": _base64url(numbers.y.to_bytes(32, "big")),
                }
            ]
        }

    def configuration(self) -> dict[str, Any]:
        """What /.well-known/openid-configuration answers."""
        return {
            "issuer": ISSUER,
            "jwks_uri": f"{ISSUER}/openid/v1/jwks",
            "response_types_supported": ["id_token"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": [_ALGORITHM],
        }

    def _signing_key(self) -> EllipticCurvePrivateKey:
        if self._key is None:
            from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
            from cryptography.hazmat.primitives.serialization import load_pem_private_key

            key = load_pem_private_key(self._path.read_bytes(), None)
            assert isinstance(key, EllipticCurvePrivateKey)
            self._key = key
        return self._key


def _private_claims(account: ServiceAccount, *bound: BoundObjectReference | None) -> dict[str, Any]:
    claims: dict[str, Any] = {
        "namespace": account.metadata.namespace,
        "serviceaccount": {"name": account.metadata.name, "uid": account.metadata.uid},
    }
    for target in bound:
        if target is not None:
            claims[target.kind.lower()] = {"name": target.name, "uid": target.uid}
    return claims


def _read_claims(claims: Mapping[str, Any]) -> Claims:
    private = claims[_CLAIMS]
    namespace, account = str(private["namespace"]), private["serviceaccount"]
    name = f"system:serviceaccount:{namespace}:{account['name']}"
    if claims["sub"] != name:
        raise ValueError("the subject is not the service account of the claims")
    bound = [("serviceaccounts", namespace, str(account["name"]), str(account["uid"]))]
    extra: dict[str, tuple[str, ...]] = {}
    if "jti" in claims:
        extra[f"{_EXTRA}credential-id"] = (f"JTI={claims['jti']}",)
    for kind, plural in (("pod", "pods"), ("secret", "secrets"), ("node", "nodes")):
        if kind in private:
            target = private[kind]
            where = "" if kind == "node" else namespace
            if kind != "node" or "pod" not in private:  # a Pod's token only tells where the Pod runs
                bound.append((plural, where, str(target["name"]), str(target["uid"])))
            if kind != "secret":
                extra[f"{_EXTRA}{kind}-name"] = (str(target["name"]),)
                extra[f"{_EXTRA}{kind}-uid"] = (str(target["uid"]),)
    audiences = claims["aud"]
    groups = ("system:serviceaccounts", f"system:serviceaccounts:{namespace}", AUTHENTICATED)
    return Claims(
        user=User(name, groups, str(account["uid"]), extra),
        audiences=(audiences,) if isinstance(audiences, str) else tuple(audiences),
        expires=float(claims["exp"]),
        bound=tuple(bound),
    )


def _base64url(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()
