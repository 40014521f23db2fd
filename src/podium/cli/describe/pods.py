"""Describing a Pod."""

from __future__ import annotations

from podium.cli.describe.pod_template import describe_node_choice, describe_pod_spec, describe_volumes
from podium.cli.describe.text import Tree, controlled_by, head, labels_and_annotations, time_text
from podium.cli.session import Session


def describe_pod(_session: Session, pod: Tree) -> list[str]:
    spec, status = pod["spec"], pod.get("status") or {}
    lines = head(pod)
    lines.append(f"Priority:\t{spec.get('priority', 0)}")
    if spec.get("priorityClassName"):
        lines.append(f"Priority Class Name:\t{spec['priorityClassName']}")
    lines.append(f"Service Account:\t{spec.get('serviceAccountName') or ''}")
    host = f"/{status['hostIP']}" if status.get("hostIP") else ""
    lines.append(f"Node:\t{spec['nodeName']}{host}" if spec.get("nodeName") else "Node:\t<none>")
    if status.get("startTime"):
        lines.append(f"Start Time:\t{time_text(status['startTime'])}")
    lines += labels_and_annotations(pod)
    deleted = pod["metadata"].get("deletionTimestamp")
    if deleted:
        lines.append(f"Status:\tTerminating (since {time_text(deleted)})")
        lines.append(f"Termination Grace Period:\t{pod['metadata'].get('deletionGracePeriodSeconds', 0)}s")
    else:
        lines.append(f"Status:\t{status.get('phase') or ''}")
    for title, field in (("Reason", "reason"), ("Message", "message")):
        if status.get(field):
            lines.append(f"{title}:\t{status[field]}")
    lines.append(f"IP:\t{status.get('podIP') or ''}")
    addresses = status.get("podIPs") or []
    lines += ["IPs:", *(f"  IP:\t{entry['ip']}" for entry in addresses)] if addresses else ["IPs:\t<none>"]
    lines += controlled_by(pod)
    statuses = {
        entry["name"]: entry
        for field in ("initContainerStatuses", "containerStatuses")
        for entry in status.get(field) or ()
    }
    lines += describe_pod_spec(spec, statuses)
    if status.get("conditions"):
        lines += ["Conditions:", "  Type\tStatus"]
        lines += [f"  {entry['type']} \t{entry['status']} " for entry in status["conditions"]]
    lines += describe_volumes(spec.get("volumes") or [])
    return [*lines, f"QoS Class:\t{status.get('qosClass') or ''}", *describe_node_choice(spec)]
