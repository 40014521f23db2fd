"""serviceaccounts/token: a token for a ServiceAccount, made by whoever holds the key (the server)."""

from __future__ import annotations

from podium.machinery import errors, field
from podium.machinery.errors import FieldError
from podium.models import codec
from podium.models.authentication_v1 import BoundObjectReference, TokenRequest
from podium.models.meta_v1 import ObjectMeta
from podium.registry.core import Core
from podium.registry.resources import Resource
from podium.registry.types import Entry, Request

_KIND = "TokenRequest.authentication.k8s.io"
_SHORTEST = 600
_LONGEST = 1 << 32
_DEFAULT = 3600


async def issue(core: Core, request: Request, res: Resource, namespace: str, name: str, asked: TokenRequest) -> Entry:
    core.check()
    elsewhere = names_another(asked, namespace, name)
    if elsewhere:
        raise errors.Invalid(_KIND, name, elsewhere)
    account = core.live(res).get(namespace, name)
    if account is None:
        raise errors.NotFound(res.group_resource, name)
    uid = account.object.metadata.uid
    given = asked.metadata.uid
    if given not in ("", uid):
        why = f"the UID in the token request ({given}) does not match the UID of the service account ({uid})"
        raise errors.Conflict(_KIND, name, why)
    if asked.spec.expirationSeconds is None:
        asked.spec.expirationSeconds = _DEFAULT
    wrong = errors_in(asked)
    if wrong:
        raise errors.Invalid(_KIND, "", wrong)
    check_bound_object(core, namespace, account, asked)
    if core.token_issuer is None:
        raise errors.InternalError("this server issues no tokens")
    asked.metadata = ObjectMeta(name=name, namespace=namespace, uid=uid, creationTimestamp=core.now())
    answer = core.token_issuer(account.object, asked, _node_of(core, namespace, asked))
    return Entry("", 0, codec.encode(answer), TokenRequest, answer)


def _node_of(core: Core, namespace: str, asked: TokenRequest) -> BoundObjectReference | None:
    """The node of the Pod that the token is bound to (KEP-4193)."""
    bound = asked.spec.boundObjectRef
    pod = core.live("pods").get(namespace, bound.name) if bound is not None and bound.kind == "Pod" else None
    if pod is None or not pod.object.spec.nodeName:
        return None
    name = pod.object.spec.nodeName
    node = core.live("nodes").get("", name)
    return BoundObjectReference("Node", "v1", name, node.object.metadata.uid if node is not None else "")


def names_another(asked: TokenRequest, namespace: str, name: str) -> list[FieldError]:
    """The request need not say whose token it wants, but may not say otherwise than its path."""
    for part, said, path in (("name", asked.metadata.name, name), ("namespace", asked.metadata.namespace, namespace)):
        if said not in ("", path):
            return [field.invalid(f"metadata.{part}", said, f"must match the service account {part} if specified")]
    return []


def errors_in(asked: TokenRequest) -> list[FieldError]:
    path = "spec.expirationSeconds"
    seconds = asked.spec.expirationSeconds or 0
    if seconds < _SHORTEST:
        return [field.invalid(path, seconds, "may not specify a duration less than 10 minutes")]
    if seconds > _LONGEST:
        return [field.invalid(path, seconds, "may not specify a duration larger than 2^32 seconds")]
    return []


def check_bound_object(core: Core, namespace: str, account: Entry, asked: TokenRequest) -> None:
    """A token can be bound to a Pod of the account, a Secret or a Node: it is valid as long as that exists."""
    bound = asked.spec.boundObjectRef
    if bound is None:
        return
    collections = {("v1", "Pod"): "pods", ("v1", "Secret"): "secrets", ("v1", "Node"): "nodes"}
    resource = collections.get((bound.apiVersion, bound.kind))
    if resource is None:
        raise errors.BadRequest(f"cannot bind token to object of type /{bound.apiVersion}, Kind={bound.kind}")
    found = core.live(resource).get("" if resource == "nodes" else namespace, bound.name)
    if found is None:
        raise errors.NotFound(resource, bound.name)
    uid = found.object.metadata.uid
    if bound.uid and bound.uid != uid:
        why = f"the UID in the bound object reference ({bound.uid}) does not match the UID in record. " + (
            "The object might have been deleted and then recreated"
        )
        raise errors.Conflict(bound.kind, bound.name, why)  # the kind here, as Kubernetes has it
    if resource == "pods" and found.object.spec.serviceAccountName != account.object.metadata.name:
        raise errors.BadRequest(
            f'cannot bind token for serviceaccount "{account.object.metadata.name}" to pod running with different '
            "serviceaccount name."
        )
    bound.uid = uid
