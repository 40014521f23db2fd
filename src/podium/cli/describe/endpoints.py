"""Describing where a Service leads: EndpointSlices, and the older Endpoints."""

from __future__ import annotations

from collections.abc import Iterable

from podium.cli.describe.text import Tree, head, labels_and_annotations
from podium.cli.session import Session

UNSET = "<unset>"


def _ports(indent: str, ports: Iterable[Tree]) -> list[str]:
    rows = [(port.get("name") or UNSET, port.get("port", UNSET), port.get("protocol", UNSET)) for port in ports]
    return [
        f"{indent}Name\tPort\tProtocol",
        f"{indent}----\t----\t--------",
        *(f"{indent}{name}\t{number}\t{protocol}" for name, number, protocol in rows),
    ]


def describe_endpoints(_session: Session, endpoints: Tree) -> list[str]:
    lines = [*head(endpoints), *labels_and_annotations(endpoints), "Subsets:"]
    for subset in endpoints.get("subsets") or ():
        for title, field in (("Addresses", "addresses"), ("NotReadyAddresses", "notReadyAddresses")):
            addresses = ",".join(address["ip"] for address in subset.get(field) or ())
            lines.append(f"  {title}:\t{addresses or '<none>'}")
        if subset.get("ports"):
            lines += ["  Ports:", *_ports("    ", subset["ports"])]
        lines.append("")
    return lines


def describe_slice(_session: Session, found: Tree) -> list[str]:
    lines = [*head(found), *labels_and_annotations(found), f"AddressType:\t{found['addressType']}"]
    lines += ["Ports:", *_ports("  ", found["ports"])] if found.get("ports") else ["Ports: <unset>"]
    if not found.get("endpoints"):
        return [*lines, "Endpoints: <none>"]
    lines.append("Endpoints:")
    for endpoint in found["endpoints"]:
        ready = (endpoint.get("conditions") or {}).get("ready")
        lines += [
            f"  - Addresses:\t{','.join(endpoint.get('addresses') or ())}",
            "    Conditions:",
            f"      Ready:\t{UNSET if ready is None else str(ready).lower()}",
            f"    Hostname:\t{endpoint.get('hostname') or UNSET}",
        ]
        if target := endpoint.get("targetRef"):
            lines.append(f"    TargetRef:\t{target.get('kind')}/{target.get('name')}")
        lines += [f"    NodeName:\t{endpoint.get('nodeName') or UNSET}", f"    Zone:\t{endpoint.get('zone') or UNSET}"]
    return lines
