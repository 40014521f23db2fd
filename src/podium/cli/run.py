"""`podium run`: run an image, as one Pod; with --replicas as the Deployment that the tutorial shows."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import click

from podium.cli import objects, writes
from podium.cli.create import create, deployment
from podium.cli.failure import Failure
from podium.cli.run_attached import attend
from podium.cli.session import Session, connected, dry_run, output, record


@click.command("run")
@click.argument("name")
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
@click.option("--image", required=True, help="The image to run.")
@click.option("-r", "--replicas", type=int, default=None, help="Make a Deployment with so many Pods.")
@click.option("--port", type=int, default=None, help="The port that the container listens on.")
@click.option("--image-pull-policy", default="", help="Always, IfNotPresent or Never.")
@click.option("--annotations", multiple=True, help="Annotations of the Pod, KEY=VALUE.")
@click.option("--env", multiple=True, help="Environment variables, KEY=VALUE.")
@click.option("-l", "--labels", default="", help="Labels of the Pod, KEY=VALUE,...")
@click.option("--restart", type=click.Choice(["Always", "OnFailure", "Never"]), default="Always")
@click.option("--command", "as_command", is_flag=True, help="The arguments are the command, not its arguments.")
@click.option("-i", "--stdin", is_flag=True, help="Attach to the Pod, and pass standard input on.")
@click.option("-t", "--tty", is_flag=True, help="With -i: give the container a terminal.")
@click.option("--attach", is_flag=True, help="Show what the Pod writes until it ends.")
@click.option("--rm", "remove", is_flag=True, help="With -i or --attach: delete the Pod at the end.")
@click.option("-q", "--quiet", is_flag=True, help="With -i or --attach: only what the container writes.")
@click.option("--overrides", default="", help="A patch, as JSON, of the document that is made.")
@click.option("--override-type", type=click.Choice(["merge", "strategic", "json"]), default="merge")
@output
@dry_run
@record
@connected
def command(session: Session, name: str, arguments: tuple[str, ...], **options: Any) -> None:
    """Run an image: `run web --image=nginx`, `run web --image=nginx --replicas=2 --port=80`."""
    attached = options["stdin"] or options["tty"] or options["attach"]
    _check(options, attached)
    labels = _pairs("labels", options["labels"].split(",")) or {"run": name}
    if options["replicas"] is not None:
        document = deployment(name, (options["image"],), options["replicas"], options["port"], labels)
        container = document["spec"]["template"]["spec"]["containers"][0]
        container["name"] = name
    else:
        container = {"name": name, "image": options["image"]}
        if options["port"] is not None:
            container["ports"] = [{"containerPort": options["port"]}]
        document = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": name, "labels": labels},
            "spec": {"containers": [container], "restartPolicy": options["restart"]},
        }
    if arguments:
        container["command" if options["as_command"] else "args"] = list(arguments)
    if options["env"]:
        container["env"] = [{"name": key, "value": value} for key, value in _pairs("env", options["env"]).items()]
    if options["image_pull_policy"]:
        container["imagePullPolicy"] = options["image_pull_policy"]
    if options["annotations"]:
        document["metadata"]["annotations"] = _pairs("annotations", options["annotations"])
    if options["stdin"]:
        container |= {"stdin": True, "stdinOnce": True}
    if options["tty"]:
        container["tty"] = True
    if options["overrides"]:
        document = _overridden(document, options["overrides"], options["override_type"])
    target = objects.of_document(session, document)
    if attached:
        if options["record"]:
            writes.with_change_cause(document)
        writes.send_new(session, target, document, writes.write_query("none"))
        flags = {name: options[name] for name in ("stdin", "tty", "remove", "quiet")}
        attend(session, target, **flags)
        return
    create(session, target, output=options["output"], dry_run=options["dry_run"], record=options["record"])


def _check(options: dict[str, Any], attached: bool) -> None:
    if options["tty"] and not options["stdin"]:
        raise Failure("error: -i/--stdin is required for containers with -t/--tty=true")
    if options["remove"] and not attached:
        raise Failure("error: --rm should only be used for attached containers")
    if attached and options["dry_run"] != "none":
        raise Failure(
            f"error: --dry-run={options['dry_run']} can't be used with attached containers options"
            " (--attach, --stdin, or --tty)"
        )
    if attached and options["replicas"] is not None:
        raise Failure("error: --replicas can't be used with attached containers options (--attach, --stdin, or --tty)")


def _overridden(document: dict[str, Any], text: str, patch_type: str) -> dict[str, Any]:
    try:
        return writes.patched_here(document, json.loads(text), patch_type)
    except ValueError as problem:
        raise Failure(f"error: --overrides is no JSON: {problem}") from None


def _pairs(what: str, texts: Sequence[str]) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for text in filter(None, texts):
        key, equals, value = text.partition("=")
        if not key or not equals:
            raise Failure(f"error: invalid {what}: {text}")
        pairs[key] = value
    return pairs
