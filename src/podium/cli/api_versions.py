"""`podium api-versions`: list the group versions that the server has."""

from __future__ import annotations

import click

from podium.cli.session import Session, connected


@click.command("api-versions")
@connected
def command(session: Session) -> None:
    """List the group versions that the server has."""
    for version in sorted({resource.api_version for resource in session.catalog.resources}):
        click.echo(version)
