"""`podium expose`: make a Service that leads to the Pods of a workload."""

from __future__ import annotations

from typing import Any

import click

from podium.cli import objects, writes
from podium.cli.create import create
from podium.cli.failure import Failure
from podium.cli.session import Session, connected, dry_run, filenames, output

Tree = dict[str, Any]
_EXPOSABLE = ("Deployment", "Pod", "ReplicaSet", "ReplicationController", "Service")


@click.command("expose")
@click.argument("words", nargs=-1)
@filenames
@output
@dry_run
@click.option("--name", default="", help="The Service's name; default: that of what is exposed.")
@click.option("--port", default="", help="The Service's port, or several: 80,443; default: those of the containers.")
@click.option("--target-port", default="", help="Port or port name in the Pods; default: the Service's port.")
@click.option("--protocol", default="", help="TCP, UDP or SCTP; default: that of the container's port, or TCP.")
@click.option("--type", "service_type", default="", help="ClusterIP, NodePort or LoadBalancer.")
@click.option("--cluster-ip", default="", help="An address to ask for, or None for a headless Service.")
@click.option("--selector", default="", help="Labels of the Pods, KEY=VALUE,...; default: those of what is exposed.")
@click.option(
    "-l", "--labels", default="", help="The Service's labels, KEY=VALUE,...; default: those of what is exposed."
)
@click.option("--session-affinity", default="", help="None or ClientIP.")
@click.option("--external-ip", default="", help="One more address that leads to the Service.")
@connected
def command(session: Session, words: tuple[str, ...], **options: Any) -> None:
    """Make a Service for a workload: `expose deploy/web --port=80 --target-port=5000`."""

    def one(target: objects.Target) -> None:
        document = session.api.tree("GET", target.path)
        resource = target.resource
        if resource.kind not in _EXPOSABLE:
            raise Failure(f"error: cannot expose a {resource.kind}{f'.{resource.group}' if resource.group else ''}")
        service = objects.of_document(session, service_for(document, options))
        create(session, service, done="exposed", output=options["output"], dry_run=options["dry_run"])

    writes.each(objects.select(session, words, options["filenames"]), one)


def service_for(document: Tree, options: dict[str, Any]) -> Tree:
    """The Service for a workload, Pod or Service, with the flags of `expose`."""
    selector = _pairs(options["selector"]) or _labels(document)
    ports = _ports(document, options)
    if not ports:
        raise Failure("error: couldn't find port via --port flag or introspection")
    target = options["target_port"]
    protocols = _protocols(document)
    for port in ports:
        port["targetPort"] = (int(target) if target.isdigit() else target) if target else port["port"]
        port["protocol"] = options["protocol"] or protocols.get(port["port"], "TCP")
    spec: Tree = {"selector": selector, "ports": ports}
    if options["service_type"]:
        spec["type"] = options["service_type"]
    if options["cluster_ip"]:
        spec["clusterIP"] = options["cluster_ip"]
    if options["session_affinity"]:
        spec["sessionAffinity"] = options["session_affinity"]
    if options["external_ip"]:
        spec["externalIPs"] = [options["external_ip"]]
    metadata: Tree = {"name": options["name"] or document["metadata"]["name"]}
    labels = _pairs(options["labels"]) or document["metadata"].get("labels")
    if labels:
        metadata["labels"] = labels
    return {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec}


def _pairs(text: str) -> dict[str, str]:
    pairs = {}
    for pair in text.split(","):
        key, equals, value = pair.partition("=")
        if key and not equals:
            raise Failure(f"error: unexpected label spec: {pair}")
        if key:
            pairs[key] = value
    return pairs


def _labels(document: Tree) -> dict[str, str]:
    """The labels that the Pods of something have."""
    kind, spec = document["kind"], document.get("spec") or {}
    if kind == "Pod":
        found = document["metadata"].get("labels") or {}
    elif kind in ("Service", "ReplicationController"):
        found = spec.get("selector") or {}
    else:
        selector = spec.get("selector") or {}
        if selector.get("matchExpressions"):
            raise Failure("error: couldn't convert expressions to a map-based selector: give --selector")
        found = selector.get("matchLabels") or {}
    if not found:
        raise Failure(f"error: a {kind} without labels or selector can't be exposed: give --selector")
    return dict(found)


def _protocols(document: Tree) -> dict[int, str]:
    """The ports that there are already, and what each speaks."""
    spec = document.get("spec") or {}
    if document["kind"] == "Service":
        return {port["port"]: port.get("protocol") or "TCP" for port in spec.get("ports") or ()}
    pod = spec if document["kind"] == "Pod" else (spec.get("template") or {}).get("spec") or {}
    return {
        port["containerPort"]: port.get("protocol") or "TCP"
        for container in pod.get("containers") or ()
        for port in container.get("ports") or ()
    }


def _ports(document: Tree, options: dict[str, Any]) -> list[Tree]:
    asked = [text for text in options["port"].split(",") if text]
    if wrong := [text for text in asked if not text.isdecimal()]:
        raise Failure(f"error: a port is a number: {wrong[0]}")
    ports: list[Tree] = [{"port": number} for number in ([int(text) for text in asked] or _protocols(document))]
    if len(ports) > 1:
        for index, port in enumerate(ports):
            port["name"] = f"port-{index + 1}"
    return ports
