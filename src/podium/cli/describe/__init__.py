"""`podium describe`: show objects in detail, with their events. How a kind is described is a row of DESCRIBERS."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from podium.cli import objects, writes
from podium.cli.describe import batch, cluster_kinds, configuration, endpoints, pods, policy, storage, workloads
from podium.cli.describe.generic import describe_generic
from podium.cli.describe.tabs import align
from podium.cli.describe.text import Tree, events_table
from podium.cli.failure import Failure
from podium.cli.printers import say
from podium.cli.session import Session, all_namespaces, connected, filenames, label_selector, recursive
from podium.clock import RealClock

Describer = Callable[[Session, Tree], list[str]]

DESCRIBERS: dict[str, Describer] = {
    "ConfigMap": configuration.describe_config_map,
    "CronJob": batch.describe_cron_job,
    "DaemonSet": workloads.describe_daemon_set,
    "Deployment": workloads.describe_deployment,
    "EndpointSlice": endpoints.describe_slice,
    "Endpoints": endpoints.describe_endpoints,
    "HorizontalPodAutoscaler": policy.describe_autoscaler,
    "Job": batch.describe_job,
    "LimitRange": policy.describe_limit_range,
    "Namespace": cluster_kinds.describe_namespace,
    "Node": cluster_kinds.describe_node,
    "PersistentVolume": storage.describe_volume,
    "PersistentVolumeClaim": storage.describe_claim,
    "Pod": pods.describe_pod,
    "PodDisruptionBudget": policy.describe_disruption_budget,
    "PriorityClass": policy.describe_priority_class,
    "ReplicaSet": workloads.describe_replica_set,
    "ReplicationController": workloads.describe_replica_set,
    "ResourceQuota": policy.describe_resource_quota,
    "Secret": configuration.describe_secret,
    "Service": configuration.describe_service,
    "ServiceAccount": configuration.describe_service_account,
    "StorageClass": storage.describe_storage_class,
    "StatefulSet": workloads.describe_stateful_set,
}
_WITHOUT_EVENTS = ("Secret", "Event", "ResourceQuota", "LimitRange", "Namespace")


@click.command("describe")
@click.argument("words", nargs=-1)
@filenames
@recursive
@label_selector
@all_namespaces
@click.option("--show-events/--no-show-events", default=True, help="End with the object's events.")
@connected
def command(session: Session, words: tuple[str, ...], show_events: bool, **options: Any) -> None:
    """Show objects in detail: `describe pod web-1`, `describe deploy`, `describe -f FILE`."""
    targets = objects.select(
        session,
        words,
        options["filenames"],
        recursive=options["recursive"],
        selector=options["selector"],
        everything=objects.only_a_type(words),
    )
    if not targets:
        where = "" if session.all_namespaces else f" in {session.namespace} namespace."
        click.echo(f"No resources found{where}", err=True)
        return
    first = True

    def one(target: objects.Target) -> None:
        nonlocal first
        try:
            documents = [session.api.tree("GET", target.path)]
        except Failure:
            documents = _by_prefix(session, target)
            if not documents:
                raise
        for document in documents:
            if not first:
                click.echo("\n")
            first = False
            say(describe(session, document, show_events))

    writes.each(targets, one)


def _by_prefix(session: Session, target: objects.Target) -> list[Tree]:
    """kubectl describes whatever begins with the name when nothing has just that name."""
    listing = session.api.tree("GET", target.collection)
    return [item for item in listing.get("items") or () if item["metadata"]["name"].startswith(target.name)]


def describe(session: Session, document: Tree, show_events: bool = True) -> str:
    describer = DESCRIBERS.get(document["kind"], describe_generic)
    lines = describer(session, document)
    if show_events and document["kind"] not in _WITHOUT_EVENTS:
        lines += events_table(events_of(session, document), RealClock().now)
    return align(lines)


def events_of(session: Session, document: Tree) -> list[Tree]:
    metadata = document["metadata"]
    chosen = {
        "involvedObject.name": metadata["name"],
        "involvedObject.kind": document["kind"],
        # Nodes report events under their name, since a kubelet doesn't know the uid.
        "involvedObject.uid": metadata.get("uid") if document["kind"] != "Node" else "",
    }
    query = {"fieldSelector": ",".join(f"{key}={value}" for key, value in chosen.items() if value)}
    namespace = metadata.get("namespace")
    path = f"/api/v1/namespaces/{namespace}/events" if namespace else "/api/v1/events"
    found: list[Tree] = session.api.tree("GET", path, query=query).get("items") or []
    return found
