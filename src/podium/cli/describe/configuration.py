"""Describing ConfigMaps, Secrets, ServiceAccounts and Services."""

from __future__ import annotations

import base64

from podium.cli.describe.text import Tree, head, labels_and_annotations, pairs
from podium.cli.session import Session


def describe_config_map(_session: Session, config_map: Tree) -> list[str]:
    lines = [*head(config_map), *labels_and_annotations(config_map), "", "Data", "===="]
    for key, value in sorted((config_map.get("data") or {}).items()):
        lines += [f"{key}:", "----", *str(value).split("\n"), ""]
    lines += ["", "BinaryData", "===="]
    for key, value in sorted((config_map.get("binaryData") or {}).items()):
        lines.append(f"{key}: {len(base64.b64decode(value))} bytes")
    return [*lines, ""]


def describe_secret(_session: Session, secret: Tree) -> list[str]:
    """Names and sizes; never what is in it."""
    lines = [*head(secret), *labels_and_annotations(secret), "", f"Type:\t{secret.get('type')}", "", "Data", "===="]
    for key, value in sorted((secret.get("data") or {}).items()):
        lines.append(f"{key}:\t{len(base64.b64decode(value))} bytes")
    return lines


def describe_service_account(_session: Session, account: Tree) -> list[str]:
    lines = [*head(account), *labels_and_annotations(account)]
    names = [entry["name"] for entry in account.get("imagePullSecrets") or ()]
    lines.append(f"Image pull secrets:\t{names[0] if names else '<none>'}")
    return lines + [f"\t{name}" for name in names[1:]]


def describe_service(session: Session, service: Tree) -> list[str]:
    spec, metadata = service["spec"], service["metadata"]
    lines = [*head(service), *labels_and_annotations(service), *pairs("Selector", spec.get("selector"))]
    lines.append(f"Type:\t{spec.get('type') or ''}")
    for title, field in (("IP Family Policy", "ipFamilyPolicy"), ("IP Families", "ipFamilies"), ("IP", "clusterIP")):
        if spec.get(field):
            value = spec[field]
            lines.append(f"{title}:\t{','.join(value) if isinstance(value, list) else value}")
    lines.append(f"IPs:\t{','.join(spec.get('clusterIPs') or ()) or '<none>'}")
    slices = session.api.tree(
        "GET",
        f"/apis/discovery.k8s.io/v1/namespaces/{metadata['namespace']}/endpointslices",
        query={"labelSelector": f"kubernetes.io/service-name={metadata['name']}"},
    ).get("items")
    for port in spec.get("ports") or ():
        name = port.get("name") or "<unset>"
        lines.append(f"Port:\t{name}\t{port['port']}/{port.get('protocol', 'TCP')}")
        lines.append(f"TargetPort:\t{port.get('targetPort', port['port'])}/{port.get('protocol', 'TCP')}")
        if port.get("nodePort"):
            lines.append(f"NodePort:\t{name}\t{port['nodePort']}/{port.get('protocol', 'TCP')}")
        lines.append(f"Endpoints:\t{_endpoints(slices or [], port)}")
    lines.append(f"Session Affinity:\t{spec.get('sessionAffinity') or ''}")
    if spec.get("internalTrafficPolicy"):
        lines.append(f"Internal Traffic Policy:\t{spec['internalTrafficPolicy']}")
    return lines


def _endpoints(slices: list[Tree], port: Tree) -> str:
    found = [
        f"{address}:{entry['port']}"
        for piece in slices
        for entry in piece.get("ports") or ()
        if (entry.get("name") or "") == (port.get("name") or "") and entry.get("port")
        for endpoint in piece.get("endpoints") or ()
        if (endpoint.get("conditions") or {}).get("ready") is not False
        for address in endpoint["addresses"]
    ]
    more = f" + {len(found) - 3} more..." if len(found) > 3 else ""
    return ",".join(found[:3]) + more
