"""What is left in the end, without what differs from run to run: names, times, addresses, and how it came to be."""

from __future__ import annotations

from collections import Counter
from typing import Any

from podium.controllers.pods import is_finished, is_ready
from podium.models import apps_v1, autoscaling_v2, batch_v1, core_v1, discovery_v1, owners, policy_v1
from tests.soak.world import World


def _said(conditions: Any) -> list[tuple[str, str, str]]:
    return sorted((one.type, one.status, one.reason) for one in conditions)


def _top(pod: core_v1.Pod, sets: dict[str, apps_v1.ReplicaSet]) -> str:
    """Whose Pod it is."""
    reference = owners.controller_of(pod)
    if reference is None:
        return ""
    replica_set = sets.get(reference.uid)
    above = None if replica_set is None else owners.controller_of(replica_set)
    reference = above or reference
    return f"{reference.kind}/{reference.name}"


async def outcome(world: World) -> dict[str, Any]:
    """Comparable with `==`, readable when it differs."""
    client = world.client
    found: dict[str, Any] = {}
    sets = {one.metadata.uid: one for one in await client.list(apps_v1.ReplicaSet)}
    pods = [pod for pod in await client.list(core_v1.Pod) if not is_finished(pod)]
    for pod in pods:
        top = _top(pod, sets)
        who = pod.metadata.name if top.startswith("StatefulSet") else ""
        where = pod.spec.nodeName if top.startswith("DaemonSet") else ""
        line = (who, where, pod.spec.containers[0].image, pod.status.phase, is_ready(pod))
        found.setdefault(f"Pods of {pod.metadata.namespace} {top}", Counter())[line] += 1
    for model in (apps_v1.Deployment, apps_v1.StatefulSet, apps_v1.DaemonSet, core_v1.ReplicationController):
        for obj in await client.list(model):
            found[_name(obj)] = _workload(obj)
    for replica_set in sets.values():
        if owners.controller_of(replica_set) is None:
            found[_name(replica_set)] = _workload(replica_set)
        elif replica_set.spec.replicas:
            reference = owners.controller_of(replica_set)
            assert reference is not None
            images = found.setdefault(f"ReplicaSets of {replica_set.metadata.namespace} {reference.name}", [])
            images.append((replica_set.spec.template.spec.containers[0].image, replica_set.spec.replicas))
    for job in await client.list(batch_v1.Job):
        if owners.controller_of(job) is None:
            status = job.status
            counts = (status.active, status.ready, status.terminating, status.uncountedTerminatedPods)
            succeeded = status.succeeded if any(one.type == "Complete" for one in status.conditions) else None
            ends = [one for one in _said(status.conditions) if one[0] != "Suspended"]
            found[_name(job)] = (counts, succeeded, status.completedIndexes if succeeded else "", ends)
    for cron in await client.list(batch_v1.CronJob):
        jobs = [one for one in await client.list(batch_v1.Job) if owners.controller_of(one) is not None]
        found[_name(cron)] = (len(cron.status.active), len(jobs) <= 2, cron.status.lastScheduleTime is not None)
    for budget in await client.list(policy_v1.PodDisruptionBudget):
        kept = budget.status
        numbers = (kept.currentHealthy, kept.desiredHealthy, kept.expectedPods, kept.disruptionsAllowed)
        found[_name(budget)] = (*numbers, kept.disruptedPods, _said(kept.conditions))
    for scaler in await client.list(autoscaling_v2.HorizontalPodAutoscaler):
        scaled = scaler.status
        found[_name(scaler)] = (scaled.currentReplicas, scaled.desiredReplicas, _said(scaled.conditions))
    for quota in await client.list(core_v1.ResourceQuota):
        found[_name(quota)] = {name: amount.value for name, amount in quota.status.used.items()}
    for piece in await client.list(discovery_v1.EndpointSlice):
        name = f"endpoints of {piece.metadata.labels.get('kubernetes.io/service-name')}"
        ready = sum(bool(one.conditions and one.conditions.ready) for one in piece.endpoints)
        before = found.get(name, (0, 0))
        found[name] = (before[0] + len(piece.endpoints), before[1] + ready)
    for endpoints in await client.list(core_v1.Endpoints):
        found[_name(endpoints)] = sum(len(subset.addresses) for subset in endpoints.subsets)
    # A claim whose Pod was away when its ordinal was scaled away stays, here as in Kubernetes: only used ones compare.
    used = {
        (pod.metadata.namespace, volume.persistentVolumeClaim.claimName)
        for pod in pods
        for volume in pod.spec.volumes
        if volume.persistentVolumeClaim is not None
    }
    for claim in await client.list(core_v1.PersistentVolumeClaim):
        if (claim.metadata.namespace, claim.metadata.name) in used:
            found[_name(claim)] = claim.status.phase
    phases = {one.status.phase for one in await client.list(core_v1.PersistentVolume)}
    found["phases of volumes other than Bound"] = sorted(phases - {"Bound"})
    for node in await client.list(core_v1.Node):
        found[_name(node)] = (sorted(taint.key for taint in node.spec.taints), node.spec.unschedulable, _ready(node))
    found["namespaces"] = sorted((one.metadata.name, one.status.phase) for one in await client.list(core_v1.Namespace))
    return {name: sorted(value) if isinstance(value, list) else value for name, value in sorted(found.items())}


def _ready(node: core_v1.Node) -> str:
    return next(one.status for one in node.status.conditions if one.type == "Ready")


def _name(obj: Any) -> str:
    return f"{type(obj).__name__} {obj.metadata.namespace}/{obj.metadata.name}".replace(" /", " ")


def _workload(obj: Any) -> dict[str, Any]:
    """Its counts and conditions, and whether it has seen its own last change."""
    status = obj.status
    counted = (
        "replicas updatedReplicas readyReplicas availableReplicas unavailableReplicas desiredNumberScheduled "
        "currentNumberScheduled numberReady numberAvailable updatedNumberScheduled numberMisscheduled"
    )
    found: dict[str, Any] = {name: getattr(status, name) or 0 for name in counted.split() if hasattr(status, name)}
    found["up to date"] = status.observedGeneration == obj.metadata.generation
    found["conditions"] = _said(status.conditions)
    if isinstance(obj, apps_v1.StatefulSet):
        found["one revision"] = status.currentRevision == status.updateRevision
    return found


async def orphans(world: World) -> list[str]:
    """What belongs to something that is gone, or is being deleted for ever."""
    there: dict[str, Any] = {}
    for row in world.registry.resources():
        if row.view is None and {"list", "watch", "delete"} <= set(row.verbs):
            for obj in await world.client.list(row.type.model):
                there[obj.metadata.uid] = obj
    lost = [
        f"{_name(obj)} of {reference.kind} {reference.name}"
        for obj in there.values()
        for reference in obj.metadata.ownerReferences
        if reference.uid not in there
    ]
    return lost + [
        f"{_name(obj)} goes on going" for obj in there.values() if obj.metadata.deletionTimestamp is not None
    ]
