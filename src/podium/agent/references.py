"""Fetches what a Pod refers to: ConfigMaps, Secrets, Services, service account tokens."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TypeVar

from msgspec import structs

from podium.agent import environment
from podium.agent.driver import NodeContext
from podium.agent.environment import References
from podium.agent.volumes import contents
from podium.agent.volumes.claims import Claim
from podium.machinery import errors
from podium.models import pod_claims
from podium.models.authentication_v1 import BoundObjectReference, TokenRequest, TokenRequestSpec
from podium.models.core_v1 import (
    ConfigMap,
    PersistentVolume,
    PersistentVolumeClaim,
    Pod,
    Secret,
    Service,
    ServiceAccount,
)
from podium.models.discovery_v1 import EndpointSlice

T = TypeVar("T")
RENEW_AFTER = 0.8
"""A token is renewed when that part of its life is over."""
RETRY_SECONDS = 10.0


async def fetch(context: NodeContext, pod: Pod, *, services: bool) -> References:
    """Everything that the Pod's environments and volumes refer to, as it is now."""
    config_maps, secrets = environment.referenced(pod)
    more_config_maps, more_secrets = contents.referenced(pod)
    namespace = pod.metadata.namespace
    found: list[Service] = []
    if services:
        found += await context.client.list(Service, namespace)
        if namespace != "default":
            found += await context.client.list(Service, "default")
    return References(
        await _each(context, ConfigMap, namespace, config_maps | more_config_maps),
        await _each(context, Secret, namespace, secrets | more_secrets),
        tuple(found),
    )


async def with_api_itself(context: NodeContext, found: References) -> References:
    """For Pods on the machine's network, which reach no cluster IP: the API where it is served."""
    pieces = (await _each(context, EndpointSlice, "default", ("kubernetes",))).values()
    piece = next((piece for piece in pieces if piece is not None and piece.endpoints and piece.ports), None)
    if piece is None:
        return found
    address, number = piece.endpoints[0].addresses[0], piece.ports[0].port or 0

    def direct(service: Service) -> Service:
        if (service.metadata.namespace, service.metadata.name) != ("default", "kubernetes"):
            return service
        ports = tuple(structs.replace(port, port=number) for port in service.spec.ports)
        return structs.replace(service, spec=structs.replace(service.spec, clusterIP=address, ports=ports))

    return replace(found, services=tuple(direct(service) for service in found.services))


async def claimed(context: NodeContext, pod: Pod) -> dict[str, Claim]:
    """The claims that the Pod's volumes use, with the volumes behind them."""
    found: dict[str, Claim] = {}
    held = await _each(context, PersistentVolumeClaim, pod.metadata.namespace, pod_claims.claims_of(pod))
    for name, claim in held.items():
        volume = claim.spec.volumeName if claim is not None else ""
        volumes = await _each(context, PersistentVolume, "", (volume,)) if volume else {}
        found[name] = Claim(claim, volumes.get(volume))
    return found


async def _each(context: NodeContext, model: type[T], namespace: str, names: Iterable[str]) -> dict[str, T | None]:
    found: dict[str, T | None] = {}
    for name in sorted(names):
        try:
            found[name] = await context.client.get(model, namespace, name)
        except errors.NotFound:
            found[name] = None
    return found


class Tokens:
    """The service account tokens of one Pod, renewed in time."""

    def __init__(self, context: NodeContext) -> None:
        self._context = context
        self._tokens: dict[tuple[str, int], tuple[str, datetime]] = {}
        self.problem = ""
        """Why the last try to get one failed, if it did."""

    @property
    def renew_at(self) -> datetime | None:
        """When the next one is to be renewed."""
        return min((renew for _, renew in self._tokens.values()), default=None)

    async def all(self, pod: Pod) -> dict[tuple[str, int], str]:
        """The tokens that the Pod's volumes want, but for those that can't be had. What can't be renewed is kept."""
        now = self._context.clock.now()
        self.problem = ""
        for projection in contents.tokens_wanted(pod):
            key = contents.token_key(projection)
            if key in self._tokens and self._tokens[key][1] > now:
                continue
            try:
                self._tokens[key] = await self._request(pod, *key)
            except errors.StatusError as error:
                self.problem = str(error)
                if key in self._tokens:
                    self._tokens[key] = self._tokens[key][0], now + timedelta(seconds=RETRY_SECONDS)
        return {key: token for key, (token, _) in self._tokens.items()}

    async def _request(self, pod: Pod, audience: str, seconds: int) -> tuple[str, datetime]:
        bound = BoundObjectReference(kind="Pod", apiVersion="v1", name=pod.metadata.name, uid=pod.metadata.uid)
        spec = TokenRequestSpec(
            audiences=(audience,) if audience else (), expirationSeconds=seconds, boundObjectRef=bound
        )
        account = pod.spec.serviceAccountName or "default"
        now = self._context.clock.now()
        answer: TokenRequest = await self._context.client.create_subresource(
            ServiceAccount, pod.metadata.namespace, account, "token", TokenRequest(spec=spec)
        )
        expires = answer.status.expirationTimestamp or now
        return answer.status.token, now + (expires - now) * RENEW_AFTER
