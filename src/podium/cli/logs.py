"""`podium logs`: show what a container wrote."""

from __future__ import annotations

import re
import sys
from threading import Thread
from typing import Any

import click

from podium.cli import objects
from podium.cli.failure import Failure
from podium.cli.pods import selected_by
from podium.cli.rest import ServerError
from podium.cli.session import Session, connected, label_selector

_UNITS = {"h": 3600, "m": 60, "s": 1}


@click.command("logs")
@click.argument("words", nargs=-1)
@label_selector
@click.option("-c", "--container", default="", help="Which container, if there are several.")
@click.option("--all-containers", is_flag=True, help="Every container of the Pod.")
@click.option("-f", "--follow", is_flag=True, help="Go on until the container ends.")
@click.option("-p", "--previous", is_flag=True, help="Of the container before its last restart.")
@click.option("--tail", type=int, default=None, help="Only the last so many lines; -1: all. With -l: 10.")
@click.option("--since", default="", help="Only what is younger, e.g. 5m, 1h30m.")
@click.option("--since-time", default="", help="Only what was written after this time (RFC 3339).")
@click.option("--timestamps", is_flag=True, help="Show when each line was written.")
@click.option("--limit-bytes", type=int, default=0, help="At most so many bytes.")
@click.option("--all-pods", is_flag=True, help="Every Pod of a workload, each line with its Pod and container.")
@click.option("--max-log-requests", type=int, default=5, help="With -f: of how many containers at most.")
@click.option("--prefix", is_flag=True, help="Begin each line with Pod and container.")
@connected
def command(session: Session, words: tuple[str, ...], **options: Any) -> None:
    """Show what a container wrote: `logs web-1`, `logs deploy/web -f`, `logs -l app=web`."""
    _check(words, options)
    if len(words) == 2:
        options["container"] = words[1]
    if options["all_pods"]:
        options["prefix"] = True
    if options["tail"] is None:
        options["tail"] = 10 if options["selector"] else -1
    if options["tail"] < -1:
        raise Failure("error: --tail must be greater than or equal to -1")
    pods = _pods(session, words, options)
    sources = [(pod, container) for pod in pods for container in _containers(pod, options)]
    if options["follow"] and len(sources) > options["max_log_requests"]:
        raise Failure(
            f"error: you are attempting to follow {len(sources)} log streams,"
            f" but maximum allowed concurrency is {options['max_log_requests']},"
            " use --max-log-requests to increase the limit"
        )
    if options["follow"] and len(sources) > 1:
        _follow(session, sources, options)
        return
    for pod, container in sources:
        show(session, pod, container, options)


def _check(words: tuple[str, ...], options: dict[str, Any]) -> None:
    """Failure if the words and flags contradict each other."""
    if options["selector"] and words:
        raise Failure("error: only a selector (-l) or a POD name is allowed")
    if len(words) == 2 and options["container"]:
        raise Failure("error: only one of -c or an inline [CONTAINER] arg is allowed")
    if options["all_containers"] and (options["container"] or len(words) == 2):
        name = options["container"] or words[1]
        raise Failure(f"error: --all-containers=true should not be specified with container name {name}")
    if options["since"] and options["since_time"]:
        raise Failure("error: at most one of `sinceTime` or `sinceSeconds` may be specified")


def _pods(session: Session, words: tuple[str, ...], options: dict[str, Any]) -> list[dict[str, Any]]:
    pods = session.catalog.find("pods")
    if options["selector"]:
        found = objects.items(session, pods, options["selector"])
        if not found:
            click.echo(f"No resources found in {session.namespace} namespace.", err=True)
        return found
    if not words:
        raise Failure("error: expected 'logs [-f] [-p] (POD | TYPE/NAME) [-c CONTAINER]'.")
    name = words[0]
    if "/" not in name:
        return [_get(session, pods.path(session.namespace, name))]
    target = objects.named(session, [name])[0]
    document = _get(session, target.path)
    if target.resource.kind == "Pod":
        return [document]
    found = selected_by(session, target, document, "get the logs from")
    if not found:
        raise Failure(f"error: no Pods found for {target.title}")
    if options["all_pods"]:
        return found
    if len(found) > 1:
        click.echo(f"Found {len(found)} pods, using pod/{found[0]['metadata']['name']}", err=True)
    return found[:1]


def _get(session: Session, path: str) -> dict[str, Any]:
    try:
        found: dict[str, Any] = session.api.tree("GET", path)
    except ServerError as problem:
        if problem.reason != "NotFound":
            raise
        message = problem.status.get("message")
        text = f'error: error from server (NotFound): {message} in namespace "{session.namespace}"'
        raise Failure(text) from None
    return found


def _containers(pod: dict[str, Any], options: dict[str, Any]) -> list[str]:
    spec = pod["spec"]
    names = [container["name"] for container in spec.get("containers") or ()]
    before = [container["name"] for container in spec.get("initContainers") or ()]
    if options["all_containers"]:
        return before + names
    if wanted := options["container"]:
        if wanted not in before + names:
            raise Failure(f"error: container {wanted} is not valid for pod {pod['metadata']['name']}")
        return [str(wanted)]
    preferred: str = (pod["metadata"].get("annotations") or {}).get("kubectl.kubernetes.io/default-container", "")
    if preferred in names:
        return [preferred]
    if len(names) + len(before) > 1:
        others = [*names, *(f"{name} (init)" for name in before)]
        click.echo(f'Defaulted container "{names[0]}" out of: {", ".join(others)}', err=True)
    return names[:1]


def _follow(session: Session, sources: list[tuple[dict[str, Any], str]], options: dict[str, Any]) -> None:
    """All at once: each goes on for as long as its container, so one after the other would show only the first."""
    failures: list[Failure] = []

    def one(pod: dict[str, Any], container: str) -> None:
        try:
            show(session, pod, container, options)
        except Failure as problem:
            failures.append(problem)

    threads = [Thread(target=one, args=source, daemon=True) for source in sources]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]


def show(session: Session, pod: dict[str, Any], container: str, options: dict[str, Any]) -> None:
    metadata = pod["metadata"]
    query = {"container": container}
    for flag in ("follow", "previous", "timestamps"):
        if options[flag]:
            query[flag] = "true"
    if options["tail"] >= 0:
        query["tailLines"] = str(options["tail"])
    if options["since"]:
        query["sinceSeconds"] = str(seconds(options["since"]))
    if options["since_time"]:
        query["sinceTime"] = options["since_time"]
    if options["limit_bytes"]:
        query["limitBytes"] = str(options["limit_bytes"])
    path = session.catalog.find("pods").path(metadata["namespace"], metadata["name"], "log")
    prefix = f"[pod/{metadata['name']}/{container}] ".encode() if options["prefix"] else b""
    for line in session.api.stream(path, query=query, accept="*/*"):
        sys.stdout.buffer.write(prefix + line)
        sys.stdout.buffer.flush()


def seconds(duration: str) -> int:
    """A Go duration ("1h30m", "90s") in whole seconds, at least one."""
    if not re.fullmatch(r"(\d+(\.\d+)?[hms])+", duration):
        raise Failure(f'error: invalid duration "{duration}"')
    total = sum(float(number) * _UNITS[unit] for number, _, unit in re.findall(r"(\d+(\.\d+)?)([hms])", duration))
    return max(1, round(total))
