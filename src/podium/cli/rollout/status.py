"""What there is to say of a rollout, and whether it is done: the words of kubectl's status viewers."""

from __future__ import annotations

from typing import Any

from podium.cli.failure import Failure
from podium.cli.rollout.history import revision_of

Tree = dict[str, Any]


def rollout_status(workload: Tree, revision: int = 0) -> tuple[str, bool]:
    """The message, and whether the rollout is done. Failure when it can't get any further."""
    viewers = {"Deployment": _deployment, "DaemonSet": _daemon_set, "StatefulSet": _stateful_set}
    return viewers[workload["kind"]](workload, revision)


def _deployment(deployment: Tree, revision: int) -> tuple[str, bool]:
    name, spec, state = deployment["metadata"]["name"], deployment["spec"], deployment.get("status") or {}
    if revision and revision_of(deployment) != revision:
        raise Failure(
            f"error: desired revision ({revision}) is different from the running revision ({revision_of(deployment)})"
        )
    if not _observed(deployment):
        return "Waiting for deployment spec update to be observed...", False
    progressing = [entry for entry in state.get("conditions") or () if entry["type"] == "Progressing"]
    if progressing and progressing[0].get("reason") == "ProgressDeadlineExceeded":
        raise Failure(f'error: deployment "{name}" exceeded its progress deadline')
    wanted, replicas = spec.get("replicas", 1), state.get("replicas") or 0
    updated, available = state.get("updatedReplicas") or 0, state.get("availableReplicas") or 0
    waiting = f'Waiting for deployment "{name}" rollout to finish: '
    if updated < wanted:
        return f"{waiting}{updated} out of {wanted} new replicas have been updated...", False
    if replicas > updated:
        return f"{waiting}{replicas - updated} old replicas are pending termination...", False
    if available < updated:
        return f"{waiting}{available} of {updated} updated replicas are available...", False
    return f'deployment "{name}" successfully rolled out', True


def _daemon_set(daemon_set: Tree, _revision: int) -> tuple[str, bool]:
    _needs_rolling_update(daemon_set)
    name, state = daemon_set["metadata"]["name"], daemon_set.get("status") or {}
    if not _observed(daemon_set):
        return "Waiting for daemon set spec update to be observed...", False
    wanted, updated = state.get("desiredNumberScheduled") or 0, state.get("updatedNumberScheduled") or 0
    waiting = f'Waiting for daemon set "{name}" rollout to finish: '
    if updated < wanted:
        return f"{waiting}{updated} out of {wanted} new pods have been updated...", False
    available = state.get("numberAvailable") or 0
    if available < wanted:
        return f"{waiting}{available} of {wanted} updated pods are available...", False
    return f'daemon set "{name}" successfully rolled out', True


def _stateful_set(stateful_set: Tree, _revision: int) -> tuple[str, bool]:
    _needs_rolling_update(stateful_set)
    spec, state = stateful_set["spec"], stateful_set.get("status") or {}
    if not state.get("observedGeneration") or not _observed(stateful_set):
        return "Waiting for statefulset spec update to be observed...", False
    wanted, ready = spec.get("replicas", 1), state.get("readyReplicas") or 0
    if ready < wanted:
        return f"Waiting for {wanted - ready} pods to be ready...", False
    updated = state.get("updatedReplicas") or 0
    rolling = (spec.get("updateStrategy") or {}).get("rollingUpdate")
    if rolling is not None:
        due = wanted - (rolling.get("partition") or 0)
        if updated < due:
            return (
                f"Waiting for partitioned roll out to finish: {updated} out of {due} new pods have been updated...",
                False,
            )
        return f"partitioned roll out complete: {updated} new pods have been updated...", True
    if state.get("updateRevision") != state.get("currentRevision"):
        at = f"{updated} pods at revision {state.get('updateRevision')}"
        return f"waiting for statefulset rolling update to complete {at}...", False
    at = f"{state.get('currentReplicas') or 0} pods at revision {state.get('currentRevision')}"
    return f"statefulset rolling update complete {at}...", True


def _observed(workload: Tree) -> bool:
    observed = (workload.get("status") or {}).get("observedGeneration") or 0
    return bool((workload["metadata"].get("generation") or 0) <= observed)


def _needs_rolling_update(workload: Tree) -> None:
    kind = (workload["spec"].get("updateStrategy") or {}).get("type")
    if kind != "RollingUpdate":
        raise Failure("error: rollout status is only available for RollingUpdate strategy type")
