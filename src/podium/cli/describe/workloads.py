"""Describing what keeps Pods running: Deployments, ReplicaSets and their kin."""

from __future__ import annotations

from podium.cli.describe.pod_template import describe_pod_template
from podium.cli.describe.text import (
    Tree,
    conditions,
    controlled_by,
    head,
    labels_and_annotations,
    pairs,
    selector_text,
    time_text,
)
from podium.cli.rollout.history import replica_sets, template_of
from podium.cli.session import Session


def describe_deployment(session: Session, deployment: Tree) -> list[str]:
    spec, status = deployment["spec"], deployment.get("status") or {}
    strategy = spec.get("strategy") or {}
    lines = head(deployment)
    lines.append(f"CreationTimestamp:\t{time_text(deployment['metadata'].get('creationTimestamp'))}")
    lines += labels_and_annotations(deployment)
    lines.append(f"Selector:\t{selector_text(spec.get('selector'))}")
    lines.append(
        f"Replicas:\t{spec.get('replicas', 1)} desired | {status.get('updatedReplicas') or 0} updated |"
        f" {status.get('replicas') or 0} total | {status.get('availableReplicas') or 0} available |"
        f" {status.get('unavailableReplicas') or 0} unavailable"
    )
    lines.append(f"StrategyType:\t{strategy.get('type') or ''}")
    lines.append(f"MinReadySeconds:\t{spec.get('minReadySeconds') or 0}")
    if rolling := strategy.get("rollingUpdate"):
        lines.append(
            f"RollingUpdateStrategy:\t{rolling.get('maxUnavailable')} max unavailable,"
            f" {rolling.get('maxSurge')} max surge"
        )
    lines += describe_pod_template(spec["template"])
    lines += conditions(deployment, (("Type", "type"), ("Status", "status"), ("Reason", "reason")))
    own = replica_sets(session, deployment)
    newest = [item for item in own if template_of(item) == template_of(deployment)]
    old = [item for item in own if item not in newest]
    lines.append(f"OldReplicaSets:\t{', '.join(map(_replicas, old)) or '<none>'}")
    return [*lines, f"NewReplicaSet:\t{', '.join(map(_replicas, newest)) or '<none>'}"]


def _replicas(item: Tree) -> str:
    wanted, have = item["spec"].get("replicas", 0), (item.get("status") or {}).get("replicas", 0)
    return f"{item['metadata']['name']} ({have}/{wanted} replicas created)"


def describe_replica_set(session: Session, replica_set: Tree) -> list[str]:
    """ReplicaSets, and ReplicationControllers, whose selector is a plain map."""
    spec, status = replica_set["spec"], replica_set.get("status") or {}
    selector = spec.get("selector")
    lines = head(replica_set)
    if replica_set["kind"] == "ReplicationController":
        selector = {"matchLabels": selector}
    lines.append(f"Selector:\t{selector_text(selector)}")
    lines += labels_and_annotations(replica_set)
    lines += controlled_by(replica_set)
    lines.append(f"Replicas:\t{status.get('replicas') or 0} current / {spec.get('replicas', 1)} desired")
    lines.append(f"Pods Status:\t{_pods_status(session, replica_set)}")
    lines += describe_pod_template(spec["template"])
    return lines + conditions(replica_set, (("Type", "type"), ("Status", "status"), ("Reason", "reason")))


def _pods_status(session: Session, owner: Tree) -> str:
    namespace, uid = owner["metadata"]["namespace"], owner["metadata"]["uid"]
    counts = dict.fromkeys(("Running", "Pending", "Succeeded", "Failed"), 0)
    for pod in session.api.tree("GET", f"/api/v1/namespaces/{namespace}/pods").get("items") or ():
        owners = pod["metadata"].get("ownerReferences") or ()
        phase = (pod.get("status") or {}).get("phase")
        if phase in counts and any(entry.get("controller") and entry["uid"] == uid for entry in owners):
            counts[phase] += 1
    running, waiting, succeeded, failed = counts.values()
    return f"{running} Running / {waiting} Waiting / {succeeded} Succeeded / {failed} Failed"


def describe_daemon_set(session: Session, daemon_set: Tree) -> list[str]:
    spec, status = daemon_set["spec"], daemon_set.get("status") or {}
    counters = (
        ("Desired Number of Nodes Scheduled", "desiredNumberScheduled"),
        ("Current Number of Nodes Scheduled", "currentNumberScheduled"),
        ("Number of Nodes Scheduled with Up-to-date Pods", "updatedNumberScheduled"),
        ("Number of Nodes Scheduled with Available Pods", "numberAvailable"),
        ("Number of Nodes Misscheduled", "numberMisscheduled"),
    )
    return [
        *head(daemon_set),
        f"Selector:\t{selector_text(spec.get('selector'))}",
        *pairs("Node-Selector", spec["template"]["spec"].get("nodeSelector")),
        *labels_and_annotations(daemon_set),
        *(f"{title}: {status.get(field) or 0}" for title, field in counters),
        f"Pods Status:\t{_pods_status(session, daemon_set)}",
        *describe_pod_template(spec["template"]),
    ]


def describe_stateful_set(session: Session, stateful_set: Tree) -> list[str]:
    spec, status = stateful_set["spec"], stateful_set.get("status") or {}
    strategy = spec.get("updateStrategy") or {}
    lines = [
        *head(stateful_set),
        f"CreationTimestamp:\t{time_text(stateful_set['metadata'].get('creationTimestamp'))}",
        f"Selector:\t{selector_text(spec.get('selector'))}",
        *labels_and_annotations(stateful_set),
        f"Replicas:\t{spec.get('replicas', 1)} desired | {status.get('replicas') or 0} total",
        f"Update Strategy:\t{strategy.get('type') or ''}",
    ]
    if rolling := strategy.get("rollingUpdate"):
        lines.append(f"  Partition:\t{rolling.get('partition', 0)}")
    lines += [
        f"Pods Status:\t{_pods_status(session, stateful_set)}",
        *describe_pod_template(spec["template"]),
    ]
    claims = spec.get("volumeClaimTemplates") or ()
    lines.append("Volume Claims:" if claims else "Volume Claims:\t<none>")
    for claim in claims:
        wanted = ((claim["spec"].get("resources") or {}).get("requests") or {}).get("storage", "")
        lines += [
            f"  Name:\t{claim['metadata']['name']}",
            f"  StorageClass:\t{claim['spec'].get('storageClassName') or ''}",
            *(f"  {line}" for line in labels_and_annotations(claim)),
            f"  Capacity:\t{wanted}",
            f"  Access Modes:\t[{' '.join(claim['spec'].get('accessModes') or ())}]",
        ]
    return lines
