"""`podium create`: create objects from documents, or a namespace, Deployment or Job from its name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click

from podium.cli import create_config, create_job, objects, writes
from podium.cli.failure import Failure
from podium.cli.session import Session, connected, dry_run, field_manager, filenames, output, record, recursive


@click.command("create")
@click.argument("words", nargs=-1)
@filenames
@recursive
@output
@dry_run
@field_manager
@record
@click.option("--validate", default="strict", help="strict, warn or ignore: what unknown fields are.")
@click.option("--save-config", is_flag=True, help="Keep the document, as `apply` does.")
@click.option("--image", "images", multiple=True, help="For a Deployment or Job: the images of its containers.")
@click.option("-r", "--replicas", type=int, default=1, help="For a Deployment: how many Pods.")
@click.option("--port", type=int, default=None, help="For a Deployment: the port its container listens on.")
@click.option("--from-literal", "literals", multiple=True, help="For a ConfigMap or Secret: KEY=VALUE.")
@click.option("--from-file", "files", multiple=True, help="For a ConfigMap or Secret: FILE, KEY=FILE or FOLDER.")
@click.option("--from-env-file", "env_files", multiple=True, help="For a ConfigMap or Secret: a file of KEY=VALUE.")
@click.option("--type", "secret_type", default="", help="For a Secret: its type.")
@click.option("--from", "source", default="", help="For a Job: the CronJob to run once, as cronjob/NAME.")
@click.option("--schedule", default="", help="For a CronJob: when it runs, e.g. '0 3 * * *'.")
@click.option("--restart", default="OnFailure", help="For a CronJob: the restart policy of its Pods.")
@connected
def command(session: Session, words: tuple[str, ...], **options: Any) -> None:
    """Create objects: `create -f FILE`, `create namespace NAME`, `create deployment NAME --image=IMAGE`,
    `create job NAME --image=IMAGE -- COMMAND`, `create job NAME --from=cronjob/NAME`."""
    if options["filenames"]:
        targets: Sequence[objects.Target | Failure] = objects.of_files(
            session, options["filenames"], options["recursive"]
        )
        if not targets:
            raise Failure("error: no objects passed to create")
    elif len(words) >= 2 and words[0] in _JOBS:
        targets = [objects.of_document(session, _job(session, words, options))]
    elif len(words) >= 2:
        targets = [objects.of_document(session, _generated(words, options))]
    else:
        raise Failure("error: must specify one of -f, or a kind and a name, e.g. `create namespace web`")
    writes.each(targets, lambda target: create(session, target, **options))


def create(
    session: Session,
    target: objects.Target,
    *,
    output: str = "",
    dry_run: str = "none",
    field_manager: str = "podium",
    record: bool = False,
    validate: str = "strict",
    save_config: bool = False,
    done: str = "created",
    **_: Any,
) -> None:
    document = target.document or {}
    if save_config:
        annotations = document.setdefault("metadata", {}).setdefault("annotations", {})
        annotations[writes.LAST_APPLIED] = writes.last_applied(document)
    if record:
        writes.with_change_cause(document)
    if dry_run != "client":
        query = writes.write_query(dry_run, field_manager, writes.validation(validate))
        document = writes.send_new(session, target, document, query)
        target = objects.Target(target.resource, target.namespace, document["metadata"]["name"], document)
    writes.report(target, done, document, output, dry_run)


_JOBS = ("job", "cronjob", "cj")


def _job(session: Session, words: tuple[str, ...], options: dict[str, Any]) -> dict[str, Any]:
    """`job NAME` or `cronjob NAME`; what comes after the name is the command."""
    kind, name, *arguments = words
    if kind == "job":
        return create_job.job_for(session, name, options["images"], options["source"], arguments)
    return create_job.cron_job(name, options["images"], options["schedule"], options["restart"], arguments)


_PLAIN = {"namespace": "Namespace", "ns": "Namespace", "serviceaccount": "ServiceAccount", "sa": "ServiceAccount"}


def _generated(words: tuple[str, ...], options: dict[str, Any]) -> dict[str, Any]:
    kind, name, *rest = words
    if kind in ("deployment", "deploy"):
        if not options["images"]:
            raise Failure('error: required flag(s) "image" not set')
        result = deployment(name, options["images"], options["replicas"], options["port"], {"app": name})
        if rest:
            if len(options["images"]) > 1:
                raise Failure("error: cannot specify multiple --image options and command")
            result["spec"]["template"]["spec"]["containers"][0]["command"] = rest
        return result
    if kind == "secret":
        if name != "generic" or not rest:
            raise Failure("error: of Secrets, `create secret generic NAME` is known: write a document and use -f")
        name, *rest = rest
    if rest:
        raise Failure(f"error: exactly one NAME is required, got {1 + len(rest)}")
    if kind in _PLAIN:
        return {"apiVersion": "v1", "kind": _PLAIN[kind], "metadata": {"name": name}}
    if kind in ("configmap", "cm"):
        return create_config.config_map(name, options)
    if kind == "secret":
        return create_config.secret(name, options)
    raise Failure(f"error: unknown kind {kind!r}: write a document and use -f")


def deployment(
    name: str, images: tuple[str, ...], replicas: int, port: int | None, labels: dict[str, str]
) -> dict[str, Any]:
    """The Deployment that `create deployment` and `run --replicas` make."""
    containers: list[dict[str, Any]] = []
    for image in images:
        title = image.rpartition("/")[2].partition("@")[0].partition(":")[0].replace("_", "-").lower()
        containers.append({"name": title if len(images) > 1 or name != title else name, "image": image})
    if port is not None:
        containers[0]["ports"] = [{"containerPort": port}]
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "labels": labels},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": containers}},
        },
    }
