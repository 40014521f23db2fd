"""The `podium` command: kubectl's verbs, and the cluster's own `up`, `down`, `status` and `demo`.

Each verb is a module of its own that is imported only when it is called, so that no command pays for the others.
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Any

import click

from podium.cli import flags
from podium.cli.failure import Failure

# verb: module in podium.cli and what `podium --help` says of it
VERBS: dict[str, tuple[str, str]] = {
    "up": ("cluster_up", "Start a cluster, or continue one"),
    "down": ("cluster_down", "Stop a cluster"),
    "status": ("cluster_status", "Say whether a cluster is running, and how it is"),
    "demo": ("demo", "Start a cluster that shows a ReplicaSet and a Deployment at work"),
    "annotate": ("annotate", "Change the annotations of objects"),
    "api-resources": ("api_resources", "List the resources that the server has"),
    "api-versions": ("api_versions", "List the group versions that the server has"),
    "attach": ("attach", "See what a container writes, and type into it"),
    "autoscale": ("autoscale", "Let an autoscaler set the number of replicas"),
    "apply": ("apply", "Make objects be what a document says"),
    "cordon": ("cordon", "Keep new Pods off nodes"),
    "cp": ("cp", "Copy files to and from containers"),
    "create": ("create", "Create objects from documents"),
    "delete": ("delete", "Delete objects"),
    "describe": ("describe", "Show objects in detail, with their events"),
    "drain": ("drain", "Move the Pods of nodes elsewhere"),
    "edit": ("edit", "Change objects in an editor"),
    "exec": ("exec", "Run a command in a container"),
    "explain": ("explain", "Tell what a resource's fields mean"),
    "expose": ("expose", "Make a Service for a workload"),
    "get": ("get", "Show objects"),
    "label": ("label", "Change the labels of objects"),
    "logs": ("logs", "Show what a container wrote"),
    "patch": ("patch", "Change fields of an object"),
    "port-forward": ("port_forward", "Let ports of this machine lead into a Pod"),
    "rollout": ("rollout", "Status, history, undo, pause, resume and restart of rollouts"),
    "run": ("run", "Run an image"),
    "scale": ("scale", "Set the number of replicas"),
    "set": ("set_", "Set the image of containers"),
    "taint": ("taint", "Keep Pods off nodes unless they tolerate it"),
    "top": ("top", "Show what nodes and Pods use"),
    "uncordon": ("uncordon", "Let Pods onto nodes again"),
    "version": ("version", "Show the versions of client and server"),
    "wait": ("wait", "Wait until objects are in a condition"),
}


class Verbs(click.Group):
    """A group whose commands are the rows of VERBS."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        return super().parse_args(ctx, flags.behind_verb(args))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name, command, rest = super().resolve_command(ctx, args)
        return name, command, flags.plain_switches(command, rest) if command else rest

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in VERBS:
            return None
        command: click.Command = import_module(f"podium.cli.{VERBS[cmd_name][0]}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(verb, summary) for verb, (_, summary) in VERBS.items()])


@click.group(cls=Verbs, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="podium", prog_name="podium")
def podium() -> None:
    """A whole Kubernetes in one process. The verbs and flags are kubectl's."""


def main(arguments: list[str] | None = None) -> Any:
    """The entry point. Errors of the server and of the user are one line on standard error and exit status 1."""
    try:
        return podium.main(args=arguments, prog_name="podium", standalone_mode=False)
    except click.exceptions.Exit as leave:
        sys.exit(leave.exit_code)
    except click.exceptions.NoArgsIsHelpError as problem:
        problem.show()
        sys.exit(1)
    except click.UsageError as problem:
        click.echo(usage_text(problem), err=True)
        sys.exit(1)
    except click.ClickException as problem:
        problem.show()
        sys.exit(1)
    except Failure as failure:
        click.echo(failure.text, err=True)
        sys.exit(failure.exit_code)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(130)
    except BrokenPipeError:  # the reader of our output has seen enough
        sys.stderr.close()
        sys.exit(0)
    except OSError as problem:  # a file that can't be read, a full disk
        where = f"open {problem.filename}: " if problem.filename else ""
        click.echo(f"error: {where}{(problem.strerror or str(problem)).lower()}", err=True)
        sys.exit(1)


def usage_text(problem: click.UsageError) -> str:
    """What is said of a command line that can't be understood, as kubectl would say it."""
    path = problem.ctx.command_path if problem.ctx else "podium"
    text = problem.format_message()
    if isinstance(problem, click.MissingParameter) and isinstance(problem.param, click.Option):
        return f'error: required flag(s) "{max(problem.param.opts, key=len).lstrip("-")}" not set'
    if isinstance(problem, click.NoSuchOption):
        name = problem.option_name
        text = f"unknown flag: {name}" if name.startswith("--") else f"unknown shorthand flag: {name[1:]!r} in {name}"
    elif isinstance(problem, click.BadOptionUsage):
        name = problem.option_name
        text = f"flag needs an argument: {name if name.startswith('--') else f'{name[1:]!r} in {name}'}"
    elif text.startswith("No such command "):
        text = f'unknown command "{text.split(chr(39))[1]}" for "{path}"'
    return f"error: {text[:1].lower()}{text[1:].rstrip('.')}\nSee '{path} --help' for usage."


if __name__ == "__main__":
    main()
