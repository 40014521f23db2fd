"""`podium autoscale`: let a HorizontalPodAutoscaler set the replicas of a workload."""

from __future__ import annotations

from typing import Any

import click

from podium.cli import objects, writes
from podium.cli.create import create
from podium.cli.failure import Failure
from podium.cli.rest import ServerError
from podium.cli.session import Session, connected, dry_run, filenames, output

Tree = dict[str, Any]


@click.command("autoscale")
@click.argument("words", nargs=-1)
@filenames
@output
@dry_run
@click.option("--min", "lowest", type=int, default=None, help="The fewest replicas; default: 1.")
@click.option("--max", "highest", type=int, required=True, help="The most replicas.")
@click.option("--cpu-percent", type=int, default=None, help="Average CPU, in percent of what the Pods request.")
@click.option("--cpu", default="", help="Average CPU: 80% of the requests, or an amount such as 500m.")
@click.option("--memory", default="", help="Average memory: 70% of the requests, or an amount such as 200Mi.")
@click.option("--name", default="", help="The autoscaler's name; default: the workload's.")
@connected
def command(session: Session, words: tuple[str, ...], **options: Any) -> None:
    """Let an autoscaler set the replicas: `autoscale deploy/web --min=2 --max=10 --cpu=80%`."""

    def one(target: objects.Target) -> None:
        document = objects.of_document(session, autoscaler_for(target, options))
        _check_scalable(session, target)
        create(session, document, done="autoscaled", output=options["output"], dry_run=options["dry_run"])

    writes.each(objects.select(session, words, options["filenames"]), one)


def _check_scalable(session: Session, target: objects.Target) -> None:
    """Failure if the workload isn't there, or its kind has no replicas to set."""
    session.api.tree("GET", target.path)
    resource = target.resource
    try:
        session.api.tree("GET", resource.path(target.namespace, target.name, "scale"))
    except ServerError as problem:
        if problem.code != 404:
            raise
        version = resource.api_version if resource.group else f"/{resource.api_version}"
        where = f"{version}, Resource={resource.plural}"
        why = f"could not find scale subresource for {where} in discovery information"
        raise Failure(f"error: cannot autoscale a {resource.kind}: {why}") from None


def autoscaler_for(target: objects.Target, options: dict[str, Any]) -> Tree:
    lowest, highest = options["lowest"], options["highest"]
    if highest < 1:
        raise Failure("error: --max=MAXPODS is required and must be at least 1, max: " + str(highest))
    if lowest is not None and lowest > highest:
        raise Failure(f"error: --max=MAXPODS must be larger or equal to --min=MINPODS, max: {highest}, min: {lowest}")
    cpu = f"{options['cpu_percent']}%" if options["cpu_percent"] is not None else options["cpu"]
    metrics = [_metric(name, text) for name, text in (("cpu", cpu), ("memory", options["memory"])) if text]
    spec: Tree = {
        "scaleTargetRef": {
            "apiVersion": target.resource.api_version,
            "kind": target.resource.kind,
            "name": target.name,
        },
        "maxReplicas": highest,
    }
    if lowest is not None:
        spec["minReplicas"] = lowest
    if metrics:
        spec["metrics"] = metrics
    metadata = {"name": options["name"] or target.name}
    return {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": metadata, "spec": spec}


def _metric(name: str, text: str) -> Tree:
    if text.endswith("%"):
        if not text[:-1].isdigit() or text[:-1] == "0":
            raise Failure(f"error: invalid {name} target {text}: a positive percentage is needed")
        goal: Tree = {"type": "Utilization", "averageUtilization": int(text[:-1])}
    else:
        goal = {"type": "AverageValue", "averageValue": text}
    return {"type": "Resource", "resource": {"name": name, "target": goal}}
