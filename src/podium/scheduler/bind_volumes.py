"""Before a Pod is bound: its claims get their volumes. Done through the API, by the volume controller in the end."""

from __future__ import annotations

import asyncio

from podium.client.client import Client
from podium.machinery import errors
from podium.models import core_v1
from podium.scheduler.volumes import (
    BOUND_BY_CONTROLLER,
    SELECTED_NODE,
    ClaimKey,
    VolumePlan,
    Volumes,
    is_bound,
)

PATIENCE = 600.0
"""How long a claim may take to be bound, in seconds."""


class VolumesNotBound(Exception):
    """The claims could not be bound; the message says why."""


class VolumeBinder:
    def __init__(self, client: Client, volumes: Volumes) -> None:
        self._client = client
        self._volumes = volumes
        self._waiting: dict[ClaimKey, set[asyncio.Event]] = {}

    def claim_changed(self, key: ClaimKey) -> None:
        for changed in self._waiting.get(key, ()):
            changed.set()

    async def bind(self, plan: VolumePlan) -> None:
        """Return when all claims of the plan are bound; VolumesNotBound."""
        changed = asyncio.Event()
        for key in plan.claims:
            self._waiting.setdefault(key, set()).add(changed)
        try:
            async with asyncio.timeout(PATIENCE):
                for volume, key in plan.static:
                    await self._give(volume, key)
                for key in plan.provision:
                    await self._ask_for(key, plan.node)
                asked = dict.fromkeys(plan.provision, False)
                while True:
                    bound = [self._is_bound(key, asked) for key in plan.claims]
                    if all(bound):
                        return
                    await changed.wait()
                    changed.clear()
        except errors.StatusError as error:
            raise VolumesNotBound(error.message) from error
        except TimeoutError:
            raise VolumesNotBound("binding volumes: context deadline exceeded") from None
        finally:
            for key in plan.claims:
                self._waiting[key].discard(changed)
                if not self._waiting[key]:
                    del self._waiting[key]

    async def _give(self, volume: str, key: ClaimKey) -> None:
        claim = self._claim(key)
        reference = {
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "namespace": key[0],
            "name": key[1],
            "uid": claim.metadata.uid,
        }
        found = self._volumes.volumes.get(volume)
        if found is None:
            raise VolumesNotBound(f'persistentvolume "{volume}" not found')
        metadata = {
            "resourceVersion": found.metadata.resourceVersion,
            "annotations": {BOUND_BY_CONTROLLER: "yes"},
        }
        patch = {"metadata": metadata, "spec": {"claimRef": reference}}
        await self._client.patch(core_v1.PersistentVolume, "", volume, patch, "merge")

    async def _ask_for(self, key: ClaimKey, node: str) -> None:
        if self._claim(key).metadata.annotations.get(SELECTED_NODE) != node:
            patch = {"metadata": {"annotations": {SELECTED_NODE: node}}}
            await self._client.patch(core_v1.PersistentVolumeClaim, *key, patch, "merge")

    def _is_bound(self, key: ClaimKey, asked: dict[ClaimKey, bool]) -> bool:
        """Provisioning has failed when the annotation that asked for it is taken back."""
        claim = self._claim(key)
        if key in asked:
            there = SELECTED_NODE in claim.metadata.annotations
            if asked[key] and not there and not is_bound(claim):
                raise VolumesNotBound("provisioning failed")
            asked[key] = asked[key] or there
        return is_bound(claim)

    def _claim(self, key: ClaimKey) -> core_v1.PersistentVolumeClaim:
        claim = self._volumes.claims.get(key)
        if claim is None:
            raise VolumesNotBound(f'persistentvolumeclaim "{key[1]}" not found')
        return claim
