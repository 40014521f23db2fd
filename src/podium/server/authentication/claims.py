"""What a service-account token claims, and why that may not hold any more. Pure.

Claims are those that Kubernetes writes ("kubernetes.io" private claims, RFC 7519 for the rest), and so are the words. A
minute is forgiven: clocks differ.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from podium.machinery.errors import NotFound
from podium.models.authentication_v1 import BoundObjectReference
from podium.models.core_v1 import ServiceAccount
from podium.models.meta_v1 import ObjectMeta
from podium.registry.types import User, service_account

PRIVATE = "kubernetes.io"
_EXTRA = "authentication.kubernetes.io/"
_LEEWAY = timedelta(minutes=1)
_INVALIDATED = "service account token has been invalidated"


@dataclass(frozen=True, slots=True)
class Bound:
    """An object that has to exist."""

    kind: str
    namespace: str
    name: str
    uid: str

    def over(self, there: ObjectMeta | None, now: datetime) -> str:
        """Why it is as if the object weren't there; empty if it is."""
        account = self.kind == "serviceaccount"
        if there is None:
            return str(NotFound("serviceaccounts", self.name)) if account else _INVALIDATED
        if there.uid != self.uid:
            claim = f"claim ({self.uid})"
            if account:
                return f"service account UID ({there.uid}) does not match {claim}"
            return f"{self.kind} UID ({there.uid}) does not match service account {self.kind} ref {claim}"
        if there.deletionTimestamp is not None and there.deletionTimestamp < now - _LEEWAY:
            return f"service account {self.namespace}/{self.name} has been deleted" if account else _INVALIDATED
        return ""


@dataclass(frozen=True, slots=True)
class Claims:
    """A token's claims that have been verified once."""

    user: User
    audiences: tuple[str, ...]
    begins: float
    expires: float
    bound: tuple[Bound, ...]

    def untimely(self, now: datetime) -> str:
        """Why it isn't good at that time; empty if it is."""
        if (now + _LEEWAY).timestamp() < self.begins:
            return "service account token is not valid yet"
        if (now - _LEEWAY).timestamp() > self.expires:
            return "service account token has expired"
        return ""


def private_claims(account: ServiceAccount, *bound: BoundObjectReference | None) -> dict[str, Any]:
    """What makes the token one of that account, as long as those objects exist."""
    claims: dict[str, Any] = {
        "namespace": account.metadata.namespace,
        "serviceaccount": {"name": account.metadata.name, "uid": account.metadata.uid},
    }
    for target in bound:
        if target is not None:
            claims[target.kind.lower()] = {"name": target.name, "uid": target.uid}
    return claims


def read(claims: Mapping[str, Any]) -> Claims:
    """Those of a token that we have signed; KeyError, TypeError, ValueError or AttributeError if they make no sense."""
    private = claims[PRIVATE]
    namespace, account = str(private["namespace"]), private["serviceaccount"]
    user = service_account(namespace, str(account["name"]), str(account["uid"]))
    if claims["sub"] != user.name:
        raise ValueError("the subject is not the service account of the claims")
    bound = [Bound("serviceaccount", namespace, str(account["name"]), str(account["uid"]))]
    extra: dict[str, tuple[str, ...]] = {}
    if "jti" in claims:
        extra[f"{_EXTRA}credential-id"] = (f"JTI={claims['jti']}",)
    for kind in ("secret", "pod", "node"):
        if kind in private:
            target = private[kind]
            where = "" if kind == "node" else namespace
            if kind != "node" or "pod" not in private:  # a Pod's token only tells where the Pod runs
                bound.append(Bound(kind, where, str(target["name"]), str(target["uid"])))
            if kind != "secret":
                extra[f"{_EXTRA}{kind}-name"] = (str(target["name"]),)
                extra[f"{_EXTRA}{kind}-uid"] = (str(target["uid"]),)
    audiences = claims["aud"]
    return Claims(
        user=replace(user, extra=extra),
        audiences=(audiences,) if isinstance(audiences, str) else tuple(audiences),
        begins=float(claims["nbf"]),
        expires=float(claims["exp"]),
        bound=tuple(bound),
    )
