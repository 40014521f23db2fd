"""Describing PersistentVolumes and the claims on them."""

from __future__ import annotations

from podium.cli.describe.text import Tree, head, labels_and_annotations
from podium.cli.session import Session


def _modes(spec: Tree) -> str:
    short = {"ReadWriteOnce": "RWO", "ReadOnlyMany": "ROX", "ReadWriteMany": "RWX", "ReadWriteOncePod": "RWOP"}
    return ",".join(short.get(mode, mode) for mode in spec.get("accessModes") or ())


def describe_claim(session: Session, claim: Tree) -> list[str]:
    spec, status = claim["spec"], claim.get("status") or {}
    metadata = claim["metadata"]
    deleted = metadata.get("deletionTimestamp")
    pods = session.api.tree("GET", f"/api/v1/namespaces/{metadata['namespace']}/pods").get("items") or ()
    users = [
        pod["metadata"]["name"]
        for pod in pods
        for volume in pod["spec"].get("volumes") or ()
        if (volume.get("persistentVolumeClaim") or {}).get("claimName") == metadata["name"]
    ]
    return [
        *head(claim),
        f"StorageClass:\t{spec.get('storageClassName') or ''}",
        f"Status:\t{f'Terminating (lasts since {deleted})' if deleted else status.get('phase') or ''}",
        f"Volume:\t{spec.get('volumeName') or ''}",
        *labels_and_annotations(claim),
        f"Finalizers:\t[{' '.join(metadata.get('finalizers') or ())}]",
        f"Capacity:\t{(status.get('capacity') or {}).get('storage', '')}",
        f"Access Modes:\t{_modes(status)}",
        f"VolumeMode:\t{spec.get('volumeMode') or ''}",
        f"Used By:\t{users[0] if users else '<none>'}",
        *(f"\t{name}" for name in users[1:]),
    ]


def describe_volume(_session: Session, volume: Tree) -> list[str]:
    spec, status = volume["spec"], volume.get("status") or {}
    claim = spec.get("claimRef") or {}
    lines = [
        *head(volume),
        *labels_and_annotations(volume),
        f"Finalizers:\t[{' '.join(volume['metadata'].get('finalizers') or ())}]",
        f"StorageClass:\t{spec.get('storageClassName') or ''}",
        f"Status:\t{status.get('phase') or ''}",
        f"Claim:\t{claim.get('namespace', '')}/{claim['name']}" if claim else "Claim:\t",
        f"Reclaim Policy:\t{spec.get('persistentVolumeReclaimPolicy') or ''}",
        f"Access Modes:\t{_modes(spec)}",
        f"VolumeMode:\t{spec.get('volumeMode') or ''}",
        f"Capacity:\t{(spec.get('capacity') or {}).get('storage', '')}",
        f"Message:\t{status.get('message') or ''}",
    ]
    for kind in ("hostPath", "local"):
        if kind in spec:
            lines += ["Source:", f"    Type:\t{kind[0].upper()}{kind[1:]}", f"    Path:\t{spec[kind].get('path')}"]
    return lines
