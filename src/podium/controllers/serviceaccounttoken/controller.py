"""The token controller: a Secret of type kubernetes.io/service-account-token gets a token of the ServiceAccount that it
names. The token is valid as long as the Secret is there, which goes with the account ("Managing ServiceAccounts").
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping

from podium.client.queue import WorkQueue
from podium.controllers.context import Context, Key
from podium.controllers.worker import DONE, Result
from podium.machinery import errors
from podium.models import codec, core_v1
from podium.models.authentication_v1 import BoundObjectReference, TokenRequest, TokenRequestSpec
from podium.models.meta_v1 import DeleteOptions, Preconditions

TYPE = "kubernetes.io/service-account-token"
ACCOUNT, ACCOUNT_UID = "kubernetes.io/service-account.name", "kubernetes.io/service-account.uid"
LONGEST = 1 << 32
"""Seconds: these tokens don't expire, as far as anybody will see."""
_OF_ACCOUNT = "service-account"


def account_of(secret: core_v1.Secret) -> Iterable[str]:
    """Namespace and name of the account whose token the Secret is to hold."""
    name = secret.metadata.annotations.get(ACCOUNT, "")
    return (f"{secret.metadata.namespace}/{name}",) if secret.type == TYPE and name else ()


def is_orphan(secret: core_v1.Secret, account: core_v1.ServiceAccount | None) -> bool:
    """Whether its account is gone, or another one of that name has come."""
    uid = secret.metadata.annotations.get(ACCOUNT_UID, "")
    return account is None or (bool(uid) and uid != account.metadata.uid)


def wanted(secret: core_v1.Secret, root_ca: str) -> Mapping[str, bytes]:
    """What the Secret lacks beside the token."""
    found = {"namespace": secret.metadata.namespace.encode()}
    if root_ca:
        found["ca.crt"] = root_ca.encode()
    return {key: value for key, value in found.items() if secret.data.get(key) != value}


class ServiceAccountTokenController:
    def __init__(self, context: Context, queue: WorkQueue[Key]) -> None:
        self._client = context.client
        self._root_ca = context.root_ca
        self._queue = queue
        self._secrets = context.informers.of(core_v1.Secret)
        self._accounts = context.informers.of(core_v1.ServiceAccount)
        self._secrets.add_index(_OF_ACCOUNT, account_of)
        context.on_change(self._secrets, self._secret_changed)
        context.on_change(self._accounts, self._account_changed)

    def _secret_changed(self, old: core_v1.Secret | None, new: core_v1.Secret | None) -> None:
        if new is not None and new.type == TYPE:
            self._queue.add((new.metadata.namespace, new.metadata.name))

    def _account_changed(self, old: core_v1.ServiceAccount | None, new: core_v1.ServiceAccount | None) -> None:
        either = new or old
        if either is None or (old is not None and new is not None and old.metadata.uid == new.metadata.uid):
            return
        for secret in self._secrets.by_index(_OF_ACCOUNT, f"{either.metadata.namespace}/{either.metadata.name}"):
            self._queue.add((secret.metadata.namespace, secret.metadata.name))

    async def reconcile(self, key: Key) -> Result:
        secret = self._secrets.get(*key)
        if secret is None or secret.metadata.deletionTimestamp is not None or not account_of(secret):
            return DONE
        account = await self._account(secret)
        if account is None or is_orphan(secret, account):
            uid, revision = secret.metadata.uid, secret.metadata.resourceVersion
            options = DeleteOptions(preconditions=Preconditions(uid=uid, resourceVersion=revision))
            with contextlib.suppress(errors.NotFound, errors.Conflict):
                await self._client.delete(core_v1.Secret, *key, options)
            return DONE
        lacking = dict(wanted(secret, self._root_ca))
        if not secret.data.get("token"):
            lacking["token"] = await self._token(secret, account)
        if lacking or ACCOUNT_UID not in secret.metadata.annotations:
            filled = codec.copy(secret)
            filled.data = {**secret.data, **lacking}
            filled.metadata.annotations = {**secret.metadata.annotations, ACCOUNT_UID: account.metadata.uid}
            await self._client.update(filled)
        return DONE

    async def _account(self, secret: core_v1.Secret) -> core_v1.ServiceAccount | None:
        """Before it is taken for gone the API is asked, not the cache: the Secret depends on it."""
        namespace, name = secret.metadata.namespace, secret.metadata.annotations[ACCOUNT]
        account = self._accounts.get(namespace, name)
        if account is not None and not is_orphan(secret, account):
            return account
        try:
            return await self._client.get(core_v1.ServiceAccount, namespace, name)
        except errors.NotFound:
            return None

    async def _token(self, secret: core_v1.Secret, account: core_v1.ServiceAccount) -> bytes:
        name, uid = secret.metadata.name, secret.metadata.uid
        bound = BoundObjectReference(kind="Secret", apiVersion="v1", name=name, uid=uid)
        spec = TokenRequestSpec(expirationSeconds=LONGEST, boundObjectRef=bound)
        answer: TokenRequest = await self._client.create_subresource(
            core_v1.ServiceAccount, account.metadata.namespace, account.metadata.name, "token", TokenRequest(spec=spec)
        )
        return answer.status.token.encode()
