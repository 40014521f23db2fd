"""Creating, mending and deleting a StatefulSet's Pods and claims, and telling Events about it."""

from __future__ import annotations

import contextlib
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
        """Create those of the Pod's claims that are missing. All are tried, also if one fails."""
        problems = []
        for claim in identity.new_claims(stateful_set, identity.ordinal_of(pod)):
            name = claim.metadata.name
            there = self._claims.get(claim.metadata.namespace, name)
            if there is None:
                problem = await self._create_claim(stateful_set, pod, claim)
                if problem is not None:
                    problems.append(f"failed to create PVC {name}: {problem}")
            elif there.metadata.deletionTimestamp is not None:
                problems.append(f"pvc {name} is being deleted")
        if problems:
            raise errors.StatusError(problems[0] if len(problems) == 1 else f"[{', '.join(problems)}]")

    async def _create_claim(
        self, stateful_set: apps_v1.StatefulSet, pod: core_v1.Pod, claim: core_v1.PersistentVolumeClaim
    ) -> errors.StatusError | None:
        """Why that failed."""
        claimed, name = f"create Claim {claim.metadata.name}", stateful_set.metadata.name
        try:
            await self._client.create(claim)
        except errors.AlreadyExists:
            return None  # the cache doesn't show it yet
        except errors.StatusError as error:
            message = f"{claimed} for Pod {pod.metadata.name} in StatefulSet {name} failed error: {error}"
            self._recorder.event(stateful_set, "Warning", "FailedCreate", message)
            return error
        message = f"{claimed} Pod {pod.metadata.name} in StatefulSet {name} success"
        self._recorder.event(stateful_set, "Normal", "SuccessfulCreate", message)
        return None

    async def supply(self, stateful_set: apps_v1.StatefulSet, pod: core_v1.Pod) -> None:
        """Give a Pod that waits to be started the claims that it perhaps waits for."""
        await self.create_claims(stateful_set, pod)
        await self.own_claims(stateful_set, pod)

    def owns_claims(self, stateful_set: apps_v1.StatefulSet, pod: core_v1.Pod) -> bool:
        """Whether the claims, as far as they are there, have the owners that the retention policy says."""
        return all(
            claims.owner_references(claim, stateful_set, pod) == claim.metadata.ownerReferences
            for claim in self.claims_of(stateful_set, identity.ordinal_of(pod))
        )

    def claims_of(self, stateful_set: apps_v1.StatefulSet, ordinal: int) -> list[core_v1.PersistentVolumeClaim]:
        """Those that are there. What isn't yet is looked at when the cache shows it."""
        names = identity.claim_names(stateful_set, ordinal).values()
        found = [self._claims.get(stateful_set.metadata.namespace, name) for name in names]
        return [claim for claim in found if claim is not None]

    async def own_claims(self, stateful_set: apps_v1.StatefulSet, pod: core_v1.Pod) -> None:
        """Let the claims have the owners that the retention policy says."""
        for claim in self.claims_of(stateful_set, identity.ordinal_of(pod)):
            if claims.has_conflict(claim, stateful_set, pod):
                message = claims.conflict_message(claim)
                self._recorder.event(stateful_set, "Warning", "ConflictingController", message)
            await self._own_claim(stateful_set, pod, claim)

    async def hand_over(self, stateful_set: apps_v1.StatefulSet, pod: core_v1.Pod) -> None:
        """Before a Pod goes: a claim that should go with it would stay forever, so the cache's word that there is none
        isn't enough."""
        if not self.owns_claims(stateful_set, pod):
            await self.own_claims(stateful_set, pod)
        _, when_scaled = claims.policy(stateful_set)
        if not when_scaled:
            return
        namespace = stateful_set.metadata.namespace
        for name in identity.claim_names(stateful_set, identity.ordinal_of(pod)).values():
            if self._claims.get(namespace, name) is None:
                with contextlib.suppress(errors.NotFound):
                    there = await self._client.get(core_v1.PersistentVolumeClaim, namespace, name)
                    await self._own_claim(stateful_set, pod, there)

    async def _own_claim(
        self, stateful_set: apps_v1.StatefulSet, pod: core_v1.Pod, claim: core_v1.PersistentVolumeClaim
    ) -> None:
        references = claims.owner_references(claim, stateful_set, pod)
        if references == claim.metadata.ownerReferences:
            return
        changed = codec.copy(claim)
        changed.metadata.ownerReferences = references
        try:
            await self._client.update(changed)
        except errors.Conflict:
            raise  # the cache is late
        except errors.StatusError as error:
            problem = f"could not update claim {claim.metadata.name} for delete policy ownerRefs: {error}"
            failure = errors.StatusError(problem)
            self._tell(stateful_set, "update", pod.metadata.name, failure)
            raise failure from error

    def is_in_order(self, stateful_set: apps_v1.StatefulSet, pod: core_v1.Pod) -> bool:
        """Whether there is nothing to repair."""
        return (
            identity.identity_matches(stateful_set, pod)
            and identity.storage_matches(stateful_set, pod)
            and self.owns_claims(stateful_set, pod)
        )

    async def repair(self, stateful_set: apps_v1.StatefulSet, pod: core_v1.Pod) -> None:
        """Give the Pod its labels and volumes, and its claims their owners."""
        name = pod.metadata.name
        await self.own_claims(stateful_set, pod)
        if not identity.identity_matches(stateful_set, pod) or not identity.storage_matches(stateful_set, pod):
            try:
                await self.create_claims(stateful_set, pod)
                await self._client.update(identity.repaired(stateful_set, codec.copy(pod)))
            except errors.Conflict:
                raise  # the cache is late
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
