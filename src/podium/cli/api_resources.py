"""`podium api-resources`: list the resources that the server has."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from podium.cli.catalog import Resource
from podium.cli.failure import Failure
from podium.cli.printers import say, table_text
from podium.cli.session import Session, connected

_ORDERS: dict[str, Callable[[Resource], Any]] = {
    "": lambda resource: (resource.group, resource.plural),
    "name": lambda resource: resource.plural,
    "kind": lambda resource: resource.kind,
}


@click.command("api-resources")
@click.option("--api-group", default=None, help="Only of this group.")
@click.option(
    "--namespaced", type=bool, is_flag=False, flag_value=True, default=None, help="true or false: only these."
)
@click.option("--no-headers", is_flag=True, help="Leave the header out.")
@click.option("-o", "--output", default="", help="wide: with verbs and categories; name: only names.")
@click.option("--verbs", default="", help="Only what has all of these, e.g. list,watch.")
@click.option("--categories", default="", help="Only what is in all of these, e.g. all.")
@click.option("--sort-by", type=click.Choice(["", "name", "kind"]), default="", help="Default: by group.")
@connected
def command(session: Session, no_headers: bool, output: str, **options: Any) -> None:
    """List the resources that the server has."""
    if output not in ("", "name", "wide"):
        raise Failure(f'error: unable to match a printer for the output format "{output}", allowed: name,wide')
    rows = [] if no_headers else [["NAME", "SHORTNAMES", "APIVERSION", "NAMESPACED", "KIND"]]
    if output == "wide" and rows:
        rows[0] += ["VERBS", "CATEGORIES"]
    for resource in sorted(session.catalog.preferred, key=_ORDERS[options["sort_by"]]):
        if not _wanted(resource, options):
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


def _wanted(resource: Resource, options: dict[str, Any]) -> bool:
    return (
        options["api_group"] in (None, resource.group)
        and options["namespaced"] in (None, resource.namespaced)
        and set(filter(None, options["verbs"].split(","))) <= set(resource.verbs)
        and set(filter(None, options["categories"].split(","))) <= set(resource.categories)
    )
