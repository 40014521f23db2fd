"""What every verb that talks to a server shares: the flags that choose server and namespace, and the connection."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from functools import cached_property, wraps
from pathlib import Path
from typing import Any, TypeVar

import click

from podium.cli.catalog import Catalog
from podium.cli.data_dir import home
from podium.cli.failure import Failure
from podium.cli.rest import Api
from podium.client.kubeconfig import Connection, KubeconfigError, load

F = TypeVar("F", bound=Callable[..., Any])


class Session:
    """A server and a namespace; connects when first used."""

    def __init__(
        self,
        kubeconfig: str,
        context: str,
        server: str,
        namespace: str,
        all_namespaces: bool,
        timeout: float | None = None,
    ) -> None:
        self._timeout = timeout
        self._kubeconfig = kubeconfig
        self._context = context
        self._server = server
        self._namespace = namespace
        self.all_namespaces = all_namespaces

    @cached_property
    def connection(self) -> Connection:
        """Of the kubeconfig that is named, or $KUBECONFIG, or Podium's own cluster, or ~/.kube/config."""
        paths = self._kubeconfig or os.environ.get("KUBECONFIG") or ""
        if not paths:
            own = home() / "kubeconfig"
            paths = str(own if own.exists() else Path.home() / ".kube" / "config")
        try:
            connection = load([Path(path) for path in paths.split(os.pathsep) if path], self._context)
        except KubeconfigError as problem:
            hint = "" if self._kubeconfig or os.environ.get("KUBECONFIG") else ": `podium up` starts a cluster"
            raise Failure(f"error: {problem}{hint}") from None
        return connection.at(self._server) if self._server else connection

    @cached_property
    def api(self) -> Api:
        return Api(self.connection, self._timeout)

    @cached_property
    def catalog(self) -> Catalog:
        return Catalog(self.api)

    @property
    def namespace(self) -> str:
        return self._namespace or self.connection.namespace or "default"

    @property
    def explicit_namespace(self) -> str:
        """The namespace that the command line names, which documents must then agree with."""
        return self._namespace


def timeout_of(text: str) -> float | None:
    """Of --request-timeout: whole seconds, or numbers with a unit; 0 is none."""
    if text.isdecimal():
        return float(text) or None
    if not re.fullmatch(r"([0-9]+(\.[0-9]+)?(ms|h|m|s))+", text):
        raise Failure(
            "error: Invalid timeout value. Timeout must be a single integer in seconds, or an integer followed by a"
            " corresponding time unit (e.g. 1s | 2m | 3h)"
        )
    units = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
    parts = re.findall(r"([0-9.]+)(ms|h|m|s)", text)
    return sum(float(number) * units[unit] for number, unit in parts) or None


def connected(function: F) -> F:
    """Gives a command the flags that choose a server, and a Session as its first argument."""
    options = (
        click.option("--kubeconfig", default="", help="Path to the kubeconfig file."),
        click.option("--context", default="", help="The kubeconfig's context to use."),
        click.option("-s", "--server", default="", help="Address and port of the API server."),
        click.option("-n", "--namespace", default="", help="The namespace to work in."),
        click.option("--request-timeout", default="0", help="How long to wait for an answer, e.g. 30s; 0: for ever."),
    )

    @wraps(function)
    def with_session(
        *args: Any,
        kubeconfig: str,
        context: str,
        server: str,
        namespace: str,
        request_timeout: str,
        all_namespaces: bool = False,
        **rest: Any,
    ) -> Any:
        limit = timeout_of(request_timeout)
        return function(Session(kubeconfig, context, server, namespace, all_namespaces, limit), *args, **rest)

    decorated: Any = with_session
    for option in reversed(options):
        decorated = option(decorated)
    result: F = decorated
    return result


all_namespaces = click.option("-A", "--all-namespaces", is_flag=True, help="In every namespace.")
label_selector = click.option("-l", "--selector", default="", help="Label selector, e.g. app=web,tier!=db.")
field_selector = click.option("--field-selector", default="", help="Field selector, e.g. status.phase=Running.")
output = click.option("-o", "--output", default="", help="wide, yaml, json, name, jsonpath=..., custom-columns=...")
filenames = click.option("-f", "--filename", "filenames", multiple=True, help="File, folder, URL or - with documents.")
recursive = click.option("-R", "--recursive", is_flag=True, help="Also the folders inside a folder.")
field_manager = click.option("--field-manager", default="podium", help="Name of the manager of the fields set.")
dry_run = click.option(
    "--dry-run",
    type=click.Choice(["none", "client", "server"]),
    default="none",
    is_flag=False,
    flag_value="client",
    help="client: send nothing. server: let the server check, but keep nothing.",
)
record = click.option(
    "--record",
    is_flag=True,
    help="Note this command as the change's cause (annotation kubernetes.io/change-cause).",
)
