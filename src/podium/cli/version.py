"""`podium version`: the versions of client and server."""

from __future__ import annotations

import json
from importlib.metadata import version

import click

from podium.cli.session import Session, connected


@click.command("version")
@click.option("--client", "client_only", is_flag=True, help="Don't ask the server.")
@click.option("-o", "--output", type=click.Choice(["", "json"]), default="")
@connected
def command(session: Session, client_only: bool, output: str) -> None:
    """Show the versions of client and server."""
    own = version("podium")
    server = None if client_only else session.api.tree("GET", "/version")
    if output == "json":
        click.echo(json.dumps({"clientVersion": {"gitVersion": own}, "serverVersion": server}, indent=2))
        return
    click.echo(f"Client Version: {own}")
    if server:
        click.echo(f"Server Version: {server['gitVersion']}")
