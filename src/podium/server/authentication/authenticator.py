"""Who asks: client certificate first, then bearer token, else anonymous; then whom they act as."""

from __future__ import annotations

import hmac
from collections.abc import Mapping, Sequence
from urllib.parse import unquote

from multidict import CIMultiDictProxy

from podium.machinery.errors import BadRequest
from podium.registry.types import User
from podium.server.authentication.certificates import AUTHENTICATED
from podium.server.authentication.tokens import ISSUER, ServiceAccountTokens, TokenRefused
from podium.server.authorization.authorizer import Authorizer
from podium.server.authorization.rules import Attributes

UNAUTHENTICATED = "system:unauthenticated"
ANONYMOUS = User("system:anonymous", (UNAUTHENTICATED,))
_AUTHENTICATION = "authentication.k8s.io"
_EXTRA_PREFIX = "impersonate-extra-"
_ACCOUNT_PREFIX = "system:serviceaccount:"


class Authenticator:
    """Finds the user of a request. `static` are fixed bearer tokens."""

    def __init__(self, tokens: ServiceAccountTokens, static: Mapping[str, User]) -> None:
        self._tokens = tokens
        self._static = [(token.encode(), user) for token, user in static.items()]

    async def authenticate(self, certificate_user: User | None, authorization: str | None) -> User:
        """The user; TokenRefused when credentials were shown that are not good."""
        if certificate_user is not None:
            return certificate_user
        if authorization is None:
            return ANONYMOUS
        scheme, _, token = authorization.partition(" ")
        token = token.strip()
        if scheme.lower() != "bearer" or not token:
            return ANONYMOUS
        return (await self.token(token))[0]

    async def token(self, token: str, audiences: Sequence[str] = ()) -> tuple[User, tuple[str, ...]]:
        """Who a bearer token stands for, and for which of the audiences (none: the API's own); TokenRefused."""
        audiences = audiences or (ISSUER,)
        offered = token.encode("utf-8", "replace")
        for known, user in self._static:
            if hmac.compare_digest(offered, known):
                if ISSUER not in audiences:
                    raise TokenRefused  # it says for nobody else whose it is
                return user, (ISSUER,)
        return await self._tokens.authenticate(token, audiences)


def impersonate(user: User, headers: CIMultiDictProxy[str], authorizer: Authorizer) -> User:
    """The user that the Impersonate-* headers name, if there are any and RBAC lets this user act as them."""
    extra_names = [name for name in headers if name.lower().startswith(_EXTRA_PREFIX)]
    name = headers.get("Impersonate-User") or ""
    groups = tuple(headers.getall("Impersonate-Group", ()))
    uid = headers.get("Impersonate-Uid") or ""
    if not name:
        if groups or uid or extra_names:
            raise BadRequest("requested impersonation of groups, a uid or extra fields without impersonating a user")
        return user
    namespace, account = _service_account(name)
    if account:
        authorizer.require(user, Attributes("impersonate", "", "serviceaccounts", "", namespace, account))
        if not groups:
            groups = ("system:serviceaccounts", f"system:serviceaccounts:{namespace}")
    else:
        authorizer.require(user, Attributes("impersonate", "", "users", name=name))
    for group in headers.getall("Impersonate-Group", ()):
        authorizer.require(user, Attributes("impersonate", "", "groups", name=group))
    extra: dict[str, tuple[str, ...]] = {}
    for header in dict.fromkeys(extra_names):
        key = unquote(header[len(_EXTRA_PREFIX) :].lower())
        extra[key] = tuple(headers.getall(header, ()))
        for value in extra[key]:
            authorizer.require(user, Attributes("impersonate", _AUTHENTICATION, "userextras", key, name=value))
    if uid:
        authorizer.require(user, Attributes("impersonate", _AUTHENTICATION, "uids", name=uid))
    return User(name, _with_authentication(name, groups), uid, extra)


def _service_account(name: str) -> tuple[str, str]:
    namespace, _, account = name.removeprefix(_ACCOUNT_PREFIX).partition(":")
    return (namespace, account) if name.startswith(_ACCOUNT_PREFIX) and namespace else ("", "")


def _with_authentication(name: str, groups: tuple[str, ...]) -> tuple[str, ...]:
    if name == ANONYMOUS.name:
        return groups if UNAUTHENTICATED in groups else (*groups, UNAUTHENTICATED)
    if AUTHENTICATED in groups or UNAUTHENTICATED in groups:
        return groups
    return (*groups, AUTHENTICATED)
