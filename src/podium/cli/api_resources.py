"""`podium api-resources`: list the resources that the server has."""

from __future__ import annotations

import click

from podium.cli.printers import say, table_text
from podium.cli.session import Session, connected


@click.command("api-resources")
@click.option("--api-group", default=None, help="Only of this group.")
@click.option("--namespaced", type=bool, default=None, help="true or false: only these.")
@click.option("--no-headers", is_flag=True, help="Leave the header out.")
@click.option("-o", "--output", default="", help="wide: with verbs and categories; name: only names.")
@connected
def command(session: Session, api_group: str | None, namespaced: bool | None, no_headers: bool, output: str) -> None:
    """List the resources that the server has."""
    rows = [] if no_headers else [["NAME", "SHORTNAMES", "APIVERSION", "NAMESPACED", "KIND"]]
    if output == "wide" and rows:
        rows[0] += ["VERBS", "CATEGORIES"]
    for resource in sorted(session.catalog.preferred, key=lambda resource: (resource.group, resource.plural)):
        if api_group not in (None, resource.group) or namespaced not in (None, resource.namespaced):
            continue
        if output == "name":
            rows.append([f"{resource.plural}.{resource.group}" if resource.group else resource.plural])
            continue
        row = [
            resource.plural,
            ",".join(resource.short_names),
            resource.api_version,
            str(resource.namespaced).lower(),
            resource.kind,
        ]
        rows.append([*row, ",".join(resource.verbs), ",".join(resource.categories)] if output == "wide" else row)
    say(table_text(rows[1:] if output == "name" and not no_headers else rows))
