"""Which PersistentVolumeClaims a Pod uses (API reference: Volume)."""

from __future__ import annotations

from podium.models.core_v1 import Pod, Volume


def claim_name(pod: Pod, volume: Volume) -> str:
    """Of the claim that a volume of the Pod uses; empty for other volumes."""
    if volume.persistentVolumeClaim is not None:
        return volume.persistentVolumeClaim.claimName
    return f"{pod.metadata.name}-{volume.name}" if volume.ephemeral is not None else ""


def claims_of(pod: Pod) -> list[str]:
    return [name for volume in pod.spec.volumes if (name := claim_name(pod, volume))]
