"""PersistentVolumeClaims of a Pod: which directory of the machine each stands for, or why the Pod has to wait."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from podium.agent.volumes.host_path import HostPathError, host_path
from podium.models.core_v1 import PersistentVolume, PersistentVolumeClaim, Pod, Volume
from podium.models.node_terms import node_term
from podium.models.owners import controller_of
from podium.models.pod_claims import claim_name


@dataclass(frozen=True, slots=True)
class Claim:
    """A claim and its volume, each None if it isn't there."""

    claim: PersistentVolumeClaim | None
    volume: PersistentVolume | None = None


class ClaimError(Exception):
    """The claim can't be used yet; the text says why, in the kubelet's words."""


def check(pod: Pod, volume: Volume, claims: Mapping[str, Claim]) -> PersistentVolume:
    """The PersistentVolume behind a volume of the Pod; ClaimError."""
    name = claim_name(pod, volume)
    where = f"{pod.metadata.namespace}/{name}"
    found = claims.get(name, Claim(None))
    claim = found.claim
    if claim is None:
        problem = f'failed to fetch PVC from API server: persistentvolumeclaims "{name}" not found'
    elif volume.ephemeral is not None and not _made_for(claim, pod):
        problem = f"PVC {where} was not created for pod {pod.metadata.namespace}/{pod.metadata.name} (pod is not owner)"
    elif claim.metadata.deletionTimestamp is not None and pod.status.startTime is None:
        problem = f"can't start pod because PVC {where} is being deleted"
    elif claim.status.phase != "Bound" or not claim.spec.volumeName:
        problem = "PVC is not bound"
    elif found.volume is None:
        problem = (
            "failed to fetch PV from API server: failed to get PV "
            f'{claim.spec.volumeName}: persistentvolumes "{claim.spec.volumeName}" not found'
        )
    elif found.volume.spec.claimRef is None or found.volume.spec.claimRef.uid != claim.metadata.uid:
        problem = f"PV {claim.spec.volumeName} is not bound to PVC {where}"
    else:
        return found.volume
    raise ClaimError(f"failed to process volumes=[{volume.name}]: error processing PVC {where}: {problem}")


def directory(volume: PersistentVolume, node_name: str, labels: Mapping[str, str]) -> Path:
    """Where the volume is on this node; ClaimError."""
    affinity = volume.spec.nodeAffinity
    if affinity is not None and affinity.required is not None:
        terms = affinity.required.nodeSelectorTerms
        if not any(node_term(term).matches(node_name, labels) for term in terms):
            raise ClaimError("NodeAffinity check failed: no matching NodeSelectorTerms")
    if volume.spec.volumeMode == "Block":
        raise ClaimError("this node has no block devices to give")
    try:
        if volume.spec.hostPath is not None:
            return host_path(volume.spec.hostPath.path, volume.spec.hostPath.type)
        if volume.spec.local is not None:
            return host_path(volume.spec.local.path, "Directory")
    except (HostPathError, OSError) as error:
        raise ClaimError(str(error)) from error
    raise ClaimError("this node has no plugin for its type")


def _made_for(claim: PersistentVolumeClaim, pod: Pod) -> bool:
    owner = controller_of(claim)
    return owner is not None and owner.uid == pod.metadata.uid
