"""The Deployment controller: claims ReplicaSets, carries out the plan that decide.py makes, writes the status."""

from __future__ import annotations

from collections.abc import Sequence

from podium.client.queue import WorkQueue
from podium.controllers import references, status
from podium.controllers.batches import all_at_once
from podium.controllers.context import Context, Key
from podium.controllers.deployment import decide, limits, recreate, revisions
from podium.controllers.deployment.scale import Scale
from podium.controllers.replicaset.controller import is_namespace_terminating
from podium.controllers.worker import DONE, Result
from podium.controllers.written import LONGEST_WAIT, Written
from podium.machinery import errors
from podium.models import apps_v1, codec, core_v1, meta_v1, owners, selectors

SELECTS_ALL = "This deployment is selecting all pods. A non-empty selector is required."


class DeploymentController:
    def __init__(self, context: Context, queue: WorkQueue[Key]) -> None:
        self._context = context
        self._client = context.client
        self._queue = queue
        self._recorder = context.recorder("deployment-controller")
        self._deployments = context.informers.of(apps_v1.Deployment)
        self._sets = context.informers.of(apps_v1.ReplicaSet)
        self._pods = context.informers.of(core_v1.Pod)
        self._written = Written(context.clock)
        references.index_by_controller(self._sets)
        references.index_by_controller(self._pods)
        context.on_change(self._deployments, self._deployment_changed)
        context.on_change(self._sets, self._set_changed)
        context.on_change(self._pods, self._pod_changed)

    def _deployment_changed(self, old: apps_v1.Deployment | None, new: apps_v1.Deployment | None) -> None:
        if new is None and old is not None:
            self._written.forget(old.metadata.uid)
        if (changed := new or old) is not None:
            self._queue.add((changed.metadata.namespace, changed.metadata.name))

    def _set_changed(self, old: apps_v1.ReplicaSet | None, new: apps_v1.ReplicaSet | None) -> None:
        for replica_set in (old, new):
            if replica_set is not None:
                self._tell_owner(replica_set, gone=new is None)
        if new is not None and owners.controller_of(new) is None:
            for deployment in self._deployments.list(new.metadata.namespace):
                if selectors.compile(deployment.spec.selector).matches(new.metadata.labels):
                    self._queue.add((new.metadata.namespace, deployment.metadata.name))

    def _tell_owner(self, replica_set: apps_v1.ReplicaSet, *, gone: bool) -> None:
        reference = owners.controller_of(replica_set)
        if reference is not None and reference.kind == "Deployment":
            if gone:
                self._written.gone(reference.uid, replica_set.metadata.uid)
            self._queue.add((replica_set.metadata.namespace, reference.name))

    def _pod_changed(self, old: core_v1.Pod | None, new: core_v1.Pod | None) -> None:
        """Pods matter through their ReplicaSet's status, except that Recreate waits for the very last one to go."""
        if new is not None or old is None:
            return
        reference = owners.controller_of(old)
        if reference is None or reference.kind != "ReplicaSet":
            return
        replica_set = self._sets.get(old.metadata.namespace, reference.name)
        owner = owners.controller_of(replica_set) if replica_set is not None else None
        deployment = self._deployments.get(old.metadata.namespace, owner.name) if owner is not None else None
        if deployment is not None and not limits.is_rolling(deployment):
            self._queue.add((deployment.metadata.namespace, deployment.metadata.name))

    async def reconcile(self, key: Key) -> Result:
        deployment = self._deployments.get(*key)
        if deployment is None:
            return DONE
        selector = selectors.compile(deployment.spec.selector)
        if selector.empty:
            return await self._refuse(deployment)
        own = references.controlled(self._sets, deployment.metadata.uid)
        if not self._written.is_shown(deployment.metadata.uid, own):
            return Result(requeue_after=LONGEST_WAIT)  # or, most likely, when the cache is told
        free = references.uncontrolled(self._sets, deployment.metadata.namespace)
        claims = references.claims(deployment, selector, own, free)
        replica_sets = await references.act(self._client, deployment, claims)
        running = not limits.is_rolling(deployment) and self._old_pods_running(deployment, replica_sets)
        plan = decide.plan(deployment, replica_sets, running, self._context.now())
        return await self._carry_out(deployment, plan)

    async def _refuse(self, deployment: apps_v1.Deployment) -> Result:
        self._recorder.event(deployment, "Warning", "SelectingAll", SELECTS_ALL)
        if (deployment.status.observedGeneration or 0) < (deployment.metadata.generation or 0):
            new_status = codec.copy(deployment.status)
            new_status.observedGeneration = deployment.metadata.generation
            await status.write(self._client, deployment, new_status)
        return DONE

    def _old_pods_running(self, deployment: apps_v1.Deployment, replica_sets: Sequence[apps_v1.ReplicaSet]) -> bool:
        new = revisions.find_new(deployment, replica_sets)
        old = [replica_set for replica_set in replica_sets if replica_set is not new]
        pods = (pod for one in old for pod in references.controlled(self._pods, one.metadata.uid))
        return recreate.old_pods_running(old, pods)

    async def _carry_out(self, deployment: apps_v1.Deployment, plan: decide.Plan) -> Result:
        new_status = plan.status
        if plan.create is not None:
            created = await self._create(deployment, plan.create)
            new_status = decide.created(deployment, new_status, created.metadata.name, self._context.now())
            await self._note_revision(deployment, created.metadata.annotations[revisions.REVISION])
        if plan.sync is not None:
            await self._sync(deployment, plan.sync)
        failure = await all_at_once([self._scale(deployment, step) for step in plan.scale])
        for replica_set in plan.delete:
            await self._delete(replica_set)
        await self._note_revision(deployment, plan.revision)
        if new_status != deployment.status:
            await status.write(self._client, deployment, new_status)
        if failure is not None:
            raise failure
        if plan.requeue_at is None:
            return DONE
        seconds = (plan.requeue_at - self._context.clock.now()).total_seconds()
        return Result(requeue_after=max(seconds, 0.001))

    async def _create(self, deployment: apps_v1.Deployment, replica_set: apps_v1.ReplicaSet) -> apps_v1.ReplicaSet:
        """Create the new ReplicaSet, or find that it is there although the cache doesn't show it yet."""
        replicas = replica_set.spec.replicas
        name = replica_set.metadata.name
        try:
            created = await self._client.create(codec.copy(replica_set))
        except errors.AlreadyExists as error:
            return await self._find(deployment, name, error)
        except errors.StatusError as error:
            if not is_namespace_terminating(error):
                message = f'Failed to create new replica set "{name}": {error}'
                self._recorder.event(deployment, "Warning", "ReplicaSetCreateError", message)
                new_status = decide.not_created(deployment, message, self._context.now())
                if new_status != deployment.status:
                    await status.write(self._client, deployment, new_status)
            raise
        self._written.note(deployment.metadata.uid, created)
        if replicas:
            message = f"Scaled up replica set {created.metadata.name} from 0 to {replicas}"
            self._recorder.event(deployment, "Normal", "ScalingReplicaSet", message)
        return created

    async def _find(self, deployment: apps_v1.Deployment, name: str, error: errors.AlreadyExists) -> apps_v1.ReplicaSet:
        """Ours with the same template is what we wanted. Anything else is a collision of hashes: count it, so that the
        next attempt has another name."""
        there = await self._client.get(apps_v1.ReplicaSet, deployment.metadata.namespace, name)
        same = revisions.same_template(there.spec.template, deployment.spec.template)
        if same and owners.is_controlled_by(there, deployment):
            return there
        new_status = codec.copy(deployment.status)
        new_status.collisionCount = (new_status.collisionCount or 0) + 1
        await status.write(self._client, deployment, new_status)
        raise error

    async def _sync(self, deployment: apps_v1.Deployment, sync: decide.Sync) -> None:
        replica_set = codec.copy(sync.replica_set)
        replica_set.metadata.annotations = dict(sync.annotations)
        replica_set.spec.minReadySeconds = sync.min_ready_seconds
        self._written.note(deployment.metadata.uid, await self._client.update(replica_set))

    async def _scale(self, deployment: apps_v1.Deployment, step: Scale) -> None:
        replica_set = codec.copy(step.replica_set)
        before = limits.wanted(replica_set)
        name = replica_set.metadata.name
        replica_set.spec.replicas = step.replicas
        replica_set.metadata.annotations = {
            **replica_set.metadata.annotations,
            **revisions.scale_annotations(deployment),
        }
        self._written.note(deployment.metadata.uid, await self._client.update(replica_set))
        if step.replicas != before:
            direction = "up" if step.replicas > before else "down"
            message = f"Scaled {direction} replica set {name} from {before} to {step.replicas}"
            self._recorder.event(deployment, "Normal", "ScalingReplicaSet", message)

    async def _delete(self, replica_set: apps_v1.ReplicaSet) -> None:
        metadata = replica_set.metadata
        preconditions = meta_v1.Preconditions(uid=metadata.uid, resourceVersion=metadata.resourceVersion)
        try:
            await self._client.delete(
                apps_v1.ReplicaSet,
                metadata.namespace,
                metadata.name,
                meta_v1.DeleteOptions(preconditions=preconditions),
            )
        except errors.NotFound:
            return

    async def _note_revision(self, deployment: apps_v1.Deployment, revision: str) -> None:
        if not revision or deployment.metadata.annotations.get(revisions.REVISION) == revision:
            return
        metadata = deployment.metadata
        patch = {"metadata": {"uid": metadata.uid, "annotations": {revisions.REVISION: revision}}}
        await self._client.patch(apps_v1.Deployment, metadata.namespace, metadata.name, patch, "merge")
