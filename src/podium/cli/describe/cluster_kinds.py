"""Describing Nodes and Namespaces."""

from __future__ import annotations

from podium.cli.describe.text import Tree, conditions, head, labels_and_annotations, time_text
from podium.cli.session import Session
from podium.models.quantity import add


def describe_namespace(session: Session, namespace: Tree) -> list[str]:
    lines = head(namespace) + labels_and_annotations(namespace)
    lines.append(f"Status:\t{(namespace.get('status') or {}).get('phase') or ''}")
    kinds = (
        ("resourcequotas", "Resource Quotas", "No resource quota."),
        ("limitranges", "Resource Limits", "No LimitRange resource."),
    )
    for plural, title, none in kinds:
        found = session.api.tree("GET", f"/api/v1/namespaces/{namespace['metadata']['name']}/{plural}").get("items")
        names = ", ".join(item["metadata"]["name"] for item in found or ())
        lines += ["", f"{title}:\t{names}" if names else none]
    lines.append("")
    return lines


def describe_node(session: Session, node: Tree) -> list[str]:
    spec, status = node.get("spec") or {}, node.get("status") or {}
    labels = node["metadata"].get("labels") or {}
    roles = [label.partition("/")[2] for label in labels if label.startswith("node-role.kubernetes.io/")]
    lines = [*head(node), f"Roles:\t{','.join(sorted(roles)) or '<none>'}", *labels_and_annotations(node)]
    lines.append(f"CreationTimestamp:\t{time_text(node['metadata'].get('creationTimestamp'))}")
    taints = [
        f"{taint['key']}{'=' + taint['value'] if taint.get('value') else ''}:{taint['effect']}"
        for taint in spec.get("taints") or ()
    ]
    lines.append(f"Taints:\t{taints[0] if taints else '<none>'}")
    lines += [f"\t{taint}" for taint in taints[1:]]
    lines.append(f"Unschedulable:\t{str(bool(spec.get('unschedulable'))).lower()}")
    lines += conditions(
        node,
        (
            ("Type", "type"),
            ("Status", "status"),
            ("LastHeartbeatTime", "lastHeartbeatTime"),
            ("LastTransitionTime", "lastTransitionTime"),
            ("Reason", "reason"),
            ("Message", "message"),
        ),
    )
    lines += ["Addresses:", *(f"  {entry['type']}:\t{entry['address']}" for entry in status.get("addresses") or ())]
    for title, field in (("Capacity", "capacity"), ("Allocatable", "allocatable")):
        lines += [f"{title}:", *(f"  {name}:\t{amount}" for name, amount in sorted((status.get(field) or {}).items()))]
    info = status.get("nodeInfo") or {}
    lines += [
        "System Info:",
        *(f"  {name}:\t{value}" for name, value in sorted(info.items()) if isinstance(value, str)),
    ]
    for field in ("podCIDR", "providerID"):
        if spec.get(field):
            lines.append(f"{field[0].upper()}{field[1:]}:\t{spec[field]}")
    return lines + _pods_of(session, node)


def _pods_of(session: Session, node: Tree) -> list[str]:
    """The node's Pods that still run, and what they ask for together."""
    name = node["metadata"]["name"]
    selector = f"spec.nodeName={name},status.phase!=Succeeded,status.phase!=Failed"
    pods = session.api.tree("GET", "/api/v1/pods", query={"fieldSelector": selector}).get("items") or []
    lines = [f"Non-terminated Pods:\t({len(pods)} in total)", "  Namespace\tName\tCPU Requests\tMemory Requests"]
    lines.append("  ---------\t----\t------------\t---------------")
    total = {"cpu": "0", "memory": "0"}
    for pod in pods:
        own = {"cpu": "0", "memory": "0"}
        for container in pod["spec"].get("containers") or ():
            requests = (container.get("resources") or {}).get("requests") or {}
            for resource in own:
                own[resource] = add(own[resource], requests.get(resource, "0"))
        for resource in total:
            total[resource] = add(total[resource], own[resource])
        metadata = pod["metadata"]
        lines.append(f"  {metadata['namespace']}\t{metadata['name']}\t{own['cpu']}\t{own['memory']}")
    return [
        *lines,
        "Allocated resources:",
        "  Resource\tRequests",
        "  --------\t--------",
        *(f"  {resource}\t{amount}" for resource, amount in total.items()),
    ]
