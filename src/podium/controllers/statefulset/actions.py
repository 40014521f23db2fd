"""Creating, mending and deleting a StatefulSet's Pods and claims, and telling Events about it."""

from __future__ import annotations

from collections.abc import Sequence

from podium.client.informers import Informer
from podium.controllers.batches import all_at_once
from podium.controllers.context import Context
from podium.controllers.expectations import Expectations
from podium.controllers.statefulset import claims, identity
from podium.machinery import errors
from podium.models import apps_v1, codec, core_v1, meta_v1


class Actions:
    def __init__(self, context: Context, claim_cache: Informer[core_v1.PersistentVolumeClaim]) -> None:
        self._client = context.client
        self._recorder = context.recorder("statefulset-controller")
        self._claims = claim_cache
        self.expectations = Expectations(context.clock)
        """The deletions that the cache doesn't show yet: by a Pod that is still shown, others would seem to be free to
        go. Creations need none: what is missing counts as unavailable, and a name is taken only once."""

    async def create(self, stateful_set: apps_v1.StatefulSet, pod: core_v1.Pod) -> None:
        """Create the Pod and before it its claims. One of that name that is there already is not replaced."""
        name = pod.metadata.name
        try:
            await self.create_claims(stateful_set, pod)
            created = await self._client.create(pod)
        except errors.AlreadyExists:
            raise
        except errors.StatusError as error:
            self._tell(stateful_set, "create", name, error)
            raise
        self._tell(stateful_set, "create", name)
        await self.own_claims(stateful_set, created)

    async def create_claims(self, stateful_set: apps_v1.StatefulSet, pod: core_v1.Pod) -> None:
        for claim in identity.new_claims(stateful_set, identity.ordinal_of(pod)):
            there = self._claims.get(claim.metadata.namespace, claim.metadata.name)
            if there is None:
                await self._create_claim(stateful_set, pod, claim)
            elif there.metadata.deletionTimestamp is not None:
                raise errors.Conflict("persistentvolumeclaims", claim.metadata.name, "it is being deleted")

    async def _create_claim(
        self, stateful_set: apps_v1.StatefulSet, pod: core_v1.Pod, claim: core_v1.PersistentVolumeClaim
    ) -> None:
        name = claim.metadata.name
        try:
            await self._client.create(claim)
        except errors.AlreadyExists:
            return  # the cache doesn't show it yet
        except errors.StatusError as error:
            message = (
                f"create Claim {name} for Pod {pod.metadata.name} in StatefulSet {stateful_set.metadata.name} "
                f"failed error: {error}"
            )
            self._recorder.event(stateful_set, "Warning", "FailedCreate", message)
            raise
        message = f"create Claim {name} Pod {pod.metadata.name} in StatefulSet {stateful_set.metadata.name} success"
        self._recorder.event(stateful_set, "Normal", "SuccessfulCreate", message)

    async def own_claims(self, stateful_set: apps_v1.StatefulSet, pod: core_v1.Pod) -> None:
        """Let the claims have the owners that the retention policy says."""
        for name in identity.claim_names(stateful_set, identity.ordinal_of(pod)).values():
            claim = self._claims.get(stateful_set.metadata.namespace, name)
            if claim is None:
                continue  # it comes back here when the cache shows it
            if claims.has_conflict(claim, stateful_set, pod):
                message = claims.conflict_message(claim)
                self._recorder.event(stateful_set, "Warning", "ConflictingController", message)
            references = claims.owner_references(claim, stateful_set, pod)
            if references != claim.metadata.ownerReferences:
                changed = codec.copy(claim)
                changed.metadata.ownerReferences = references
                await self._client.update(changed)

    async def repair(self, stateful_set: apps_v1.StatefulSet, pod: core_v1.Pod) -> None:
        """Give the Pod its labels and volumes, and its claims their owners."""
        await self.own_claims(stateful_set, pod)
        if identity.identity_matches(stateful_set, pod) and identity.storage_matches(stateful_set, pod):
            return
        name = pod.metadata.name
        try:
            await self.create_claims(stateful_set, pod)
            await self._client.update(identity.repaired(stateful_set, codec.copy(pod)))
        except errors.StatusError as error:
            self._tell(stateful_set, "update", name, error)
            raise
        self._tell(stateful_set, "update", name)

    async def delete_all(
        self, stateful_set: apps_v1.StatefulSet, pods: Sequence[core_v1.Pod]
    ) -> errors.StatusError | None:
        if not pods:
            return None
        self.expectations.expect_deletions(stateful_set.metadata.uid, (pod.metadata.uid for pod in pods))
        return await all_at_once([self._delete(stateful_set, pod) for pod in pods])

    async def _delete(self, stateful_set: apps_v1.StatefulSet, pod: core_v1.Pod) -> None:
        """Delete this very Pod as it was seen, never a later one of that name."""
        metadata, owner = pod.metadata, stateful_set.metadata.uid
        preconditions = meta_v1.Preconditions(uid=metadata.uid, resourceVersion=metadata.resourceVersion)
        options = meta_v1.DeleteOptions(preconditions=preconditions)
        try:
            await self._client.delete(core_v1.Pod, metadata.namespace, metadata.name, options)
        except (errors.NotFound, errors.Conflict):  # the cache will show what became of it
            self.expectations.deletion_observed(owner, metadata.uid)
            return
        except errors.StatusError as error:
            self.expectations.deletion_observed(owner, metadata.uid)
            self._tell(stateful_set, "delete", metadata.name, error)
            raise
        self._tell(stateful_set, "delete", metadata.name)

    def _tell(
        self, stateful_set: apps_v1.StatefulSet, verb: str, pod: str, error: errors.StatusError | None = None
    ) -> None:
        what = f"{verb} Pod {pod} in StatefulSet {stateful_set.metadata.name}"
        if error is None:
            self._recorder.event(stateful_set, "Normal", f"Successful{verb.title()}", f"{what} successful")
        else:
            self._recorder.event(stateful_set, "Warning", f"Failed{verb.title()}", f"{what} failed error: {error}")
