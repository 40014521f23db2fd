"""Query parameters as the registry's options."""

from __future__ import annotations

from podium.machinery import field, selectors
from podium.machinery.errors import BadRequest, Invalid
from podium.models.meta_v1 import DeleteOptions
from podium.models.numbers import natural
from podium.registry import managed_fields
from podium.registry.types import ListOptions, Request, WatchOptions
from podium.server.exchange import Exchange
from podium.server.requests import truth


def integer(query: dict[str, str], name: str) -> int | None:
    """An integer parameter, None if it is not given; BadRequest if it is no integer."""
    text = query.get(name)
    if not text:
        return None
    digits = text[1:] if text[0] in "+-" else text
    number = natural(digits)
    if number is None:
        why = "value out of range" if digits.isascii() and digits.isdigit() else "invalid syntax"
        raise BadRequest(f"strconv.ParseInt: parsing {field.quote(text)}: {why}")
    return -number if text[0] == "-" else number


def list_options(query: dict[str, str]) -> ListOptions:
    if not query:
        return ListOptions()
    if "sendInitialEvents" in query:
        forbidden = field.forbidden("sendInitialEvents", "sendInitialEvents is forbidden for list")
        raise Invalid("ListOptions.meta.k8s.io", "", [forbidden])
    return ListOptions(
        label_selector=query.get("labelSelector", ""),
        field_selector=query.get("fieldSelector", ""),
        limit=max(integer(query, "limit") or 0, 0),
        continue_=query.get("continue", ""),
        resource_version=query.get("resourceVersion", ""),
        resource_version_match=query.get("resourceVersionMatch", ""),
    )


def watch_options(query: dict[str, str], name: str, timeout: float) -> WatchOptions:
    """`name` is that of the single object that is watched: it is in a legacy path, or in the field selector itself."""
    initial = query.get("sendInitialEvents")
    field_selector = query.get("fieldSelector", "")
    if name and not field_selector:
        field_selector = f"metadata.name={selectors.escape(name)}"
    elif name and selectors.parse_fields(field_selector, None).exact("metadata.name") != name:
        raise BadRequest("fieldSelector metadata.name doesn't match requested name")
    return WatchOptions(
        label_selector=query.get("labelSelector", ""),
        field_selector=field_selector,
        resource_version=query.get("resourceVersion", ""),
        resource_version_match=query.get("resourceVersionMatch", ""),
        send_initial_events=None if initial is None else truth(initial),
        allow_bookmarks=truth(query.get("allowWatchBookmarks")),
        timeout_seconds=timeout,
    )


def write_request(exchange: Exchange, options_kind: str) -> Request:
    """The write apart from its object. Warnings reach the client through the exchange."""
    query = exchange.query
    dry_run = query.get("dryRun")
    if dry_run is not None and dry_run != "All":
        wrong = field.not_supported("dryRun", (dry_run,), ("All",))
        raise Invalid(f"{options_kind}.meta.k8s.io", "", [wrong])
    manager = query.get("fieldManager")
    wrong_name = managed_fields.name_errors(manager) if manager else []
    if wrong_name:
        raise Invalid(f"{options_kind}.meta.k8s.io", "", wrong_name)
    return Request(
        user=exchange.user,
        dry_run=dry_run == "All",
        field_manager=manager or _default_manager(exchange),
        warnings=exchange.warnings,
    )


def _default_manager(exchange: Exchange) -> str:
    """Kubernetes names a manager after the program that asks."""
    program = (exchange.headers.get("User-Agent") or "").partition("/")[0]
    name = "".join(character for character in program if character.isprintable())
    return name[: managed_fields.MAX_NAME] or "unknown"


def delete_options(query: dict[str, str]) -> DeleteOptions | None:
    """Options given as parameters; None if there are none."""
    orphan, grace = query.get("orphanDependents"), integer(query, "gracePeriodSeconds")
    policy, dry_run = query.get("propagationPolicy", ""), query.get("dryRun")
    if orphan is None and grace is None and not policy and dry_run is None:
        return None
    return DeleteOptions(
        orphanDependents=None if orphan is None else truth(orphan),
        gracePeriodSeconds=grace,
        propagationPolicy=policy,
        dryRun=(dry_run,) if dry_run is not None else (),
    )
