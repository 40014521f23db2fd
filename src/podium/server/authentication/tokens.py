"""Service-account tokens: JWTs signed with the cluster's own key, bound to live objects.

A token is valid while it is signed by us, for an audience that was asked about, not expired, and while the
ServiceAccount and the Pod, Secret or Node that it is bound to still exist with the uids that it names: see claims.py.
"""

from __future__ import annotations

import hashlib
from base64 import urlsafe_b64encode
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

from podium.clock import Clock
from podium.machinery import field
from podium.machinery.errors import Unauthorized
from podium.models import identifiers
from podium.models.authentication_v1 import BoundObjectReference, TokenRequest
from podium.models.core_v1 import ServiceAccount
from podium.models.meta_v1 import ObjectMeta
from podium.registry.types import User
from podium.server.authentication.claims import PRIVATE, Claims, private_claims, read

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

ISSUER = "https://kubernetes.default.svc.cluster.local"
_ALGORITHM = "ES256"
_VERIFIED_KEPT = 4096
_UNREADABLE = (KeyError, TypeError, ValueError, AttributeError, RecursionError)

LiveMetadata = Callable[[str, str, str], Awaitable[ObjectMeta | None]]
"""(plural, namespace, name) to the metadata of that core object now, None if it is gone."""


class TokenRefused(Unauthorized):
    """The token is of no use. Who shows it isn't told more than that; `why`, in Kubernetes' words, is for reviewers."""

    def __init__(self, why: str = "") -> None:
        super().__init__()
        self.why = why
        """Empty for what isn't even a token of ours."""


class ServiceAccountTokens:
    """Issues and verifies tokens. The key is read when first needed."""

    def __init__(self, key: Path, clock: Clock, rng: Random, live: LiveMetadata) -> None:
        self._path = key
        self._clock = clock
        self._rng = rng
        self._live = live
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
            PRIVATE: private_claims(account, request.spec.boundObjectRef, node),
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
        """Who the token stands for, and for which of the audiences; TokenRefused."""
        digest = hashlib.sha256(token.encode("utf-8", "replace")).digest()
        claims = self._verified.get(digest)
        if claims is None:
            claims = self._verify(token)
            if len(self._verified) >= _VERIFIED_KEPT:
                self._verified.clear()
            self._verified[digest] = claims
        matching = tuple(audience for audience in audiences if audience in claims.audiences)
        if not matching:
            theirs, asked = _quoted(claims.audiences), _quoted(audiences)
            raise TokenRefused(f"token audiences {theirs} is invalid for the target audiences {asked}")
        now = self._clock.now()
        if why := claims.untimely(now):
            raise TokenRefused(why)
        for bound in claims.bound:
            if why := bound.over(await self._live(f"{bound.kind}s", bound.namespace, bound.name), now):
                raise TokenRefused(why)
        return claims.user, matching

    def _verify(self, token: str) -> Claims:
        import jwt

        try:
            key_id = jwt.get_unverified_header(token).get("kid", self.key_id)
            issuer = jwt.decode(token, options={"verify_signature": False}).get("iss")
        except (jwt.InvalidTokenError, *_UNREADABLE) as error:
            raise TokenRefused from error
        if issuer != ISSUER:
            raise TokenRefused
        if key_id != self.key_id:
            raise TokenRefused("invalid signature, no keys found")
        try:
            claims = jwt.decode(
                token,
                self._signing_key().public_key(),
                algorithms=[_ALGORITHM],
                # time is checked against our clock on every use
                options={"verify_aud": False, "verify_exp": False, "verify_nbf": False, "verify_iat": False},
            )
        except (jwt.InvalidTokenError, *_UNREADABLE) as error:
            raise TokenRefused("go-jose/go-jose: error in cryptographic primitive") from error
        try:
            return read(claims)
        except _UNREADABLE as error:
            raise TokenRefused from error

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


def _quoted(audiences: Sequence[str]) -> str:
    """As Go prints a list of strings with %q."""
    return f"[{' '.join(map(field.quote, audiences))}]"


def _base64url(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()
