"""Describing PersistentVolumes and the claims on them."""

from __future__ import annotations

from podium.cli.describe.text import Tree, head, joined, labels_and_annotations
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
        *_node_affinity(spec.get("nodeAffinity") or {}),
        f"Message:\t{status.get('message') or ''}",
        "Source:",
    ]
    if "hostPath" in spec:
        source = spec["hostPath"]
        lines += ["    Type:\tHostPath (bare host directory volume)", f"    Path:\t{source.get('path')}"]
        lines.append(f"    HostPathType:\t{source.get('type') or ''}")
    elif "local" in spec:
        lines.append("    Type:\tLocalVolume (a persistent volume backed by local storage on a node)")
        lines.append(f"    Path:\t{spec['local'].get('path')}")
    else:
        lines.append("<unknown>")
    return lines


def _node_affinity(affinity: Tree) -> list[str]:
    terms = (affinity.get("required") or {}).get("nodeSelectorTerms") or ()
    if not terms:
        return ["Node Affinity:\t<none>"]
    lines = ["Node Affinity:\t", "  Required Terms:\t"]
    for number, term in enumerate(terms):
        rules = [_rule(rule) for rule in term.get("matchExpressions") or ()] or ["<none>"]
        lines += [f"    Term {number}:\t{rules[0]}", *(f"\t{rule}" for rule in rules[1:])]
    return lines


def _rule(rule: Tree) -> str:
    values = ", ".join(rule.get("values") or ())
    return f"{rule['key']} {rule['operator'].lower()}" + (f" [{values}]" if values else "")


def describe_storage_class(_session: Session, storage_class: Tree) -> list[str]:
    annotations = storage_class["metadata"].get("annotations") or {}
    default = annotations.get("storageclass.kubernetes.io/is-default-class") == "true"
    expands = storage_class.get("allowVolumeExpansion")
    options = storage_class.get("mountOptions") or ()
    return [
        f"Name:\t{storage_class['metadata']['name']}",
        f"IsDefaultClass:\t{'Yes' if default else 'No'}",
        *f"Annotations:\t{joined(annotations)}".split("\n"),
        f"Provisioner:\t{storage_class.get('provisioner')}",
        f"Parameters:\t{joined(storage_class.get('parameters'))}",
        f"AllowVolumeExpansion:\t{'<unset>' if expands is None else expands}",
        *(["MountOptions:", *(f"  {option}" for option in options)] if options else ["MountOptions:\t<none>"]),
        f"ReclaimPolicy:\t{storage_class.get('reclaimPolicy') or 'Delete'}",
        f"VolumeBindingMode:\t{storage_class.get('volumeBindingMode') or 'Immediate'}",
    ]
