"""How many Pods the controllers of some Pods want in all: a percentage of a PodDisruptionBudget is one of that.

A Pod of a ReplicaSet counts for the Deployment above it. For the kinds that are known the cache answers, for any other
its scale subresource.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from podium.client.client import Client
from podium.client.informers import Informer, Informers
from podium.machinery import errors
from podium.models import apps_v1, core_v1, meta_v1, owners, resources
from podium.models.autoscaling_v1 import Scale
from podium.models.numbers import MOST_IN_32_BITS

_GROUPS = ("apps", "extensions")


class NoScale(Exception):
    """A Pod's controller doesn't say how many Pods it wants."""


@dataclass(frozen=True, slots=True)
class Wanted:
    pods: int
    unmanaged: tuple[str, ...]
    """The names of the Pods that nobody controls."""


@dataclass(frozen=True, slots=True)
class _Controller:
    uid: str
    replicas: int


class Scales:
    def __init__(self, client: Client, informers: Informers) -> None:
        self._client = client
        self._deployments = informers.of(apps_v1.Deployment)
        self._replica_sets = informers.of(apps_v1.ReplicaSet)
        self._stateful_sets = informers.of(apps_v1.StatefulSet)
        self._replication_controllers = informers.of(core_v1.ReplicationController)

    async def wanted(self, pods: Iterable[core_v1.Pod]) -> Wanted:
        """Each controller counts once, however many Pods it has; NoScale."""
        seen: dict[str, _Controller] = {}
        unmanaged: list[str] = []
        for pod in pods:
            reference = owners.controller_of(pod)
            if reference is None:
                unmanaged.append(pod.metadata.name)
            elif reference.uid not in seen:
                found = await self._find(reference, pod.metadata.namespace)
                if found is None:
                    raise NoScale(f'found no controllers for pod "{pod.metadata.name}"')
                seen[reference.uid] = found
        by_uid = {found.uid: found.replicas for found in seen.values()}
        return Wanted(min(sum(by_uid.values()), MOST_IN_32_BITS), tuple(unmanaged))

    async def _find(self, reference: meta_v1.OwnerReference, namespace: str) -> _Controller | None:
        group = reference.apiVersion.rpartition("/")[0]
        if reference.kind == "ReplicationController" and not group:
            found = _same(self._replication_controllers, namespace, reference)
        elif reference.kind == "ReplicaSet" and group in _GROUPS:
            found = self._above(namespace, reference)
        elif reference.kind == "StatefulSet" and group == "apps":
            found = _same(self._stateful_sets, namespace, reference)
        else:
            found = None
        if found is not None:
            return _Controller(found.metadata.uid, found.spec.replicas or 0)
        return await self._ask(reference, namespace)

    def _above(self, namespace: str, reference: meta_v1.OwnerReference) -> Any:
        """The Deployment of a ReplicaSet if it is one's, else the ReplicaSet."""
        replica_set = _same(self._replica_sets, namespace, reference)
        above = None if replica_set is None else owners.controller_of(replica_set)
        if above is None or above.kind != "Deployment":
            return replica_set
        return _same(self._deployments, namespace, above)

    async def _ask(self, reference: meta_v1.OwnerReference, namespace: str) -> _Controller | None:
        resource = resources.by_kind(reference.apiVersion, reference.kind)
        if resource is None:
            raise NoScale(f'no matches for kind "{reference.kind}" in version "{reference.apiVersion}"')
        try:
            scale: Scale = await self._client.transport.get(resource, namespace, reference.name, "scale")
        except errors.PathNotFound:
            raise NoScale(f"{resource.group_resource} does not implement the scale subresource") from None
        except errors.NotFound:
            return None
        if scale.metadata.uid != reference.uid:
            return None
        return _Controller(scale.metadata.uid, scale.spec.replicas or 0)


def _same(informer: Informer[Any], namespace: str, reference: meta_v1.OwnerReference) -> Any:
    found = informer.get(namespace, reference.name)
    return found if found is not None and found.metadata.uid == reference.uid else None
