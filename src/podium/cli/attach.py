"""`podium attach`: see what a container writes, and type into it."""

from __future__ import annotations

import click

from podium.cli import pods
from podium.cli.exec import Streams, converse, end, has_terminal, opened
from podium.cli.failure import Failure
from podium.cli.session import Session, connected


@click.command("attach")
@click.option("-c", "--container", default="", help="Which container, if there are several.")
@click.option("-i", "--stdin", is_flag=True, help="Pass standard input on.")
@click.option("-t", "--tty", is_flag=True, help="Standard input is a terminal.")
@click.option("-q", "--quiet", is_flag=True, help="Only what the container writes.")
@connected
@click.argument("pod")
def command(session: Session, pod: str, container: str, stdin: bool, tty: bool, quiet: bool) -> None:
    """Attach to a running container: `attach web-1`, `attach -it deploy/shell`."""
    chosen = pods.choose(session, pod)
    phase = (chosen.pod.get("status") or {}).get("phase")
    if phase in ("Succeeded", "Failed"):
        raise Failure(f"error: cannot attach a container in a completed pod; current phase is {phase}")
    name = pods.container_of(chosen.pod, container)
    found = [one for one in _containers(chosen.pod) if one["name"] == name]
    if not found:
        raise Failure(f"error: cannot attach to the container: container {name} not found in pod {chosen.name}")
    has_tty = bool(found[0].get("tty"))
    if tty and not has_tty:
        click.echo(f"error: Unable to use a TTY - container {name} did not allocate one", err=True)
    tty = has_tty and (not tty or has_terminal(stdin))
    if not quiet:
        click.echo(
            "All commands and output from this session will be recorded in container logs, including credentials and"
            " sensitive information passed through the command prompt.",
            err=True,
        )
        click.echo("If you don't see a command prompt, try pressing enter.", err=True)
    streams = Streams(name, stdin, tty)
    with opened(session, chosen, "attach", streams) as channels:
        status = converse(channels, streams)
    if stdin and tty and chosen.pod["spec"].get("restartPolicy", "Always") == "Always":
        again = f"podium attach {chosen.name} -c {name} -i -t"
        click.echo(f"Session ended, resume using '{again}' command when the pod is running")
    end(status)


def _containers(pod: pods.Tree) -> list[pods.Tree]:
    spec = pod["spec"]
    kinds = ("containers", "initContainers", "ephemeralContainers")
    return [container for kind in kinds for container in spec.get(kind) or ()]
