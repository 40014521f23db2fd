"""The volumes of one Pod: set up before it starts, and brought up to date when what they show changes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from datetime import datetime, timedelta
from pathlib import Path

from podium.agent import references
from podium.agent.driver import NodeContext
from podium.agent.environment import PodFacts
from podium.agent.interests import Key
from podium.agent.volumes import contents
from podium.agent.volumes.claims import Claim
from podium.agent.volumes.contents import VolumeError, VolumeSources
from podium.agent.volumes.setup import Placed, set_up, shows_objects
from podium.machinery import errors
from podium.models import pod_claims
from podium.models.core_v1 import ConfigMap, Node, PersistentVolume, PersistentVolumeClaim, Pod, Secret

RETRY_SECONDS = 10.0


class PodVolumes:
    def __init__(self, context: NodeContext, uid: str, wake: Callable[[], None]) -> None:
        self._context = context
        self._uid = uid
        self._wake = wake
        self._tokens = references.Tokens(context)
        self._stale = True
        self.placed: dict[str, Placed] | None = None
        """Where each volume is; None until all are there."""
        self.refresh_at: datetime | None = None
        """When the next look is due although nothing was changed: a token has to be renewed."""

    def update(self, before: Pod, pod: Pod) -> None:
        """The Pod has changed: what the downward API shows may be different."""
        old, new = before.metadata, pod.metadata
        if old.labels != new.labels or old.annotations != new.annotations:
            self._changed()

    def close(self) -> None:
        self._context.interests.forget(self._uid)

    async def ensure(self, pod: Pod, directory: Path, facts: PodFacts) -> None:
        """Set the volumes up if that wasn't done yet, or do it again if something changed; VolumeError."""
        now = self._context.clock.now()
        if not self._stale and (self.refresh_at is None or now < self.refresh_at):
            return
        if not pod.spec.volumes:
            self.placed, self._stale = {}, False
            return
        if self.placed is not None and not any(shows_objects(volume) for volume in pod.spec.volumes):
            self._stale = False
            return
        self._stale = False  # a change from here on counts
        self.refresh_at = None
        try:
            await self._set_up(pod, directory, facts)
        except (VolumeError, errors.StatusError):
            self._stale = self.placed is None
            self.refresh_at = now + timedelta(seconds=RETRY_SECONDS)
            raise

    async def _set_up(self, pod: Pod, directory: Path, facts: PodFacts) -> None:
        held = await references.claimed(self._context, pod)
        self._context.interests.want(self._uid, _wanted(pod, held), self._changed)
        found = await references.fetch(self._context, pod, services=False)
        node = await self._context.client.get(Node, "", self._context.node_name) if held else Node()
        sources = VolumeSources(
            found,
            facts,
            await self._tokens.all(pod),
            held,
            self._context.node_name,
            node.metadata.labels,
            self._tokens.problem,
        )
        now = self._context.clock.now()
        self.placed = await asyncio.to_thread(set_up, pod, directory, sources, now, self.placed)
        self.refresh_at = self._tokens.renew_at

    def _changed(self) -> None:
        self._stale = True
        self._wake()


def _wanted(pod: Pod, held: dict[str, Claim]) -> Collection[Key]:
    """The objects whose changes the Pod's volumes show."""
    namespace = pod.metadata.namespace
    config_maps, secrets = contents.referenced(pod)
    volumes = [c.claim.spec.volumeName for c in held.values() if c.claim is not None and c.claim.spec.volumeName]
    return (
        *((ConfigMap, namespace, name) for name in config_maps),
        *((Secret, namespace, name) for name in secrets),
        *((PersistentVolumeClaim, namespace, name) for name in pod_claims.claims_of(pod)),
        *((PersistentVolume, "", name) for name in volumes),
    )
