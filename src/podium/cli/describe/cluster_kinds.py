"""Describing Nodes and Namespaces."""

from __future__ import annotations

from podium.cli.describe.policy import describe_limit_range, describe_resource_quota
from podium.cli.describe.text import (
    Tree,
    conditions,
    duration,
    head,
    labels_and_annotations,
    parse_time,
    time_text,
)
from podium.cli.rest import ServerError
from podium.cli.session import Session
from podium.clock import RealClock
from podium.models.quantity import add, thousandths, whole


def describe_namespace(session: Session, namespace: Tree) -> list[str]:
    lines = head(namespace) + labels_and_annotations(namespace)
    lines.append(f"Status:\t{(namespace.get('status') or {}).get('phase') or ''}")
    path = f"/api/v1/namespaces/{namespace['metadata']['name']}"
    quotas = session.api.tree("GET", f"{path}/resourcequotas").get("items") or []
    lines += ["", "Resource Quotas" if quotas else "No resource quota."]
    for quota in quotas:
        rows = [line for line in describe_resource_quota(session, quota) if not line.startswith("Namespace:")]
        lines += [f"  {line}".replace("\t----", "\t---") for line in rows]
    limits = session.api.tree("GET", f"{path}/limitranges").get("items") or []
    lines += ["", "Resource Limits" if limits else "No LimitRange resource."]
    for limit_range in limits:
        rows = [
            line for line in describe_limit_range(session, limit_range) if not line.startswith(("Name", "Namespace"))
        ]
        lines += [f" {line}" for line in rows]
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
    lines += _lease(session, node["metadata"]["name"])
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
    lines += ["System Info:", *(f"  {title}:\t{info.get(field) or ''}" for title, field in _SYSTEM)]
    if spec.get("podCIDR"):
        lines += [f"PodCIDR:\t{spec['podCIDR']}", f"PodCIDRs:\t{','.join(spec.get('podCIDRs') or ())}"]
    if spec.get("providerID"):
        lines.append(f"ProviderID:\t{spec['providerID']}")
    return lines + _pods_of(session, node)


_SYSTEM = (
    ("Machine ID", "machineID"),
    ("System UUID", "systemUUID"),
    ("Boot ID", "bootID"),
    ("Kernel Version", "kernelVersion"),
    ("OS Image", "osImage"),
    ("Operating System", "operatingSystem"),
    ("Architecture", "architecture"),
    ("Container Runtime Version", "containerRuntimeVersion"),
    ("Kubelet Version", "kubeletVersion"),
    ("Kube-Proxy Version", "kubeProxyVersion"),
)


def _lease(session: Session, name: str) -> list[str]:
    """What the node last said of itself; nothing where there is no Lease to see."""
    try:
        lease = session.api.tree("GET", f"/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/{name}")
    except ServerError:
        return []
    spec = lease.get("spec") or {}
    return [
        "Lease:",
        f"  HolderIdentity:\t{spec.get('holderIdentity') or '<unset>'}",
        f"  AcquireTime:\t{time_text(spec.get('acquireTime'))}",
        f"  RenewTime:\t{time_text(spec.get('renewTime'))}",
    ]


_COLUMNS = (("cpu", "requests"), ("cpu", "limits"), ("memory", "requests"), ("memory", "limits"))


def _pods_of(session: Session, node: Tree) -> list[str]:
    """The node's Pods that still run, what each asks for, and what they ask for together."""
    name, room = node["metadata"]["name"], (node.get("status") or {}).get("allocatable") or {}
    selector = f"spec.nodeName={name},status.phase!=Succeeded,status.phase!=Failed"
    pods = session.api.tree("GET", "/api/v1/pods", query={"fieldSelector": selector}).get("items") or []
    titles = ("Namespace", "Name", "", "CPU Requests", "CPU Limits", "Memory Requests", "Memory Limits", "Age")
    lines = [f"Non-terminated Pods:\t({len(pods)} in total)", "  " + "\t".join(titles)]
    lines.append("  " + "\t".join("-" * len(title) for title in titles))
    total = {(resource, field): "0" for resource in ("cpu", "memory", "ephemeral-storage") for field in _FIELDS}
    for pod in pods:
        own = dict.fromkeys(total, "0")
        for container in pod["spec"].get("containers") or ():
            for resource, field in own:
                amounts = (container.get("resources") or {}).get(field) or {}
                own[resource, field] = add(own[resource, field], amounts.get(resource, "0"))
        for key, amount in own.items():
            total[key] = add(total[key], amount)
        metadata = pod["metadata"]
        age = (RealClock().now() - parse_time(metadata["creationTimestamp"])).total_seconds()
        cells = [_share(own[key], key[0], room) for key in _COLUMNS]
        lines.append("  " + "\t".join((metadata["namespace"], metadata["name"], "", *cells, duration(age))))
    return [
        *lines,
        "Allocated resources:",
        "  (Total limits may be over 100 percent, i.e., overcommitted.)",
        "  Resource\tRequests\tLimits",
        "  --------\t--------\t------",
        *(
            "\t".join((f"  {resource}", *(_share(total[resource, field], resource, room) for field in _FIELDS)))
            for resource in ("cpu", "memory", "ephemeral-storage")
        ),
    ]


_FIELDS = ("requests", "limits")


def _share(amount: str, resource: str, room: Tree) -> str:
    """An amount, and how much of what the node has it is."""
    measure = thousandths if resource == "cpu" else whole
    have = measure(room.get(resource, "0"))
    return f"{amount} ({measure(amount) * 100 // have if have else 0}%)"
