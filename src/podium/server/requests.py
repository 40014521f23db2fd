"""What a request asks for, read from its method, path and query (Kubernetes' RequestInfo).

Paths have one of these shapes, each also below a legacy `watch/` prefix:

    /api/v1/<resource>[/<name>[/<subresource>]]
    /api/v1/namespaces/<namespace>/<resource>[/<name>[/<subresource>]]
    /apis/<group>/<version>/...

Everything else is not about a resource: health, discovery, OpenAPI.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import parse_qsl, unquote

from podium.machinery import names, selectors
from podium.machinery.errors import BadRequest

_VERBS = {"GET": "get", "HEAD": "get", "POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}
_NAMESPACE_SUBRESOURCES = frozenset(("status", "finalize"))
_LONG_RUNNING = frozenset(("log", "exec", "attach", "portforward", "proxy"))


@dataclass(slots=True)
class RequestInfo:
    """One request. `verb` is RBAC's: get, list, watch, create, update, patch, delete, deletecollection.

    For paths that are no resource, `verb` is the method in lower case and `resource` is empty.
    """

    verb: str
    path: str
    is_resource: bool = False
    group: str = ""
    version: str = ""
    namespace: str = ""
    resource: str = ""
    subresource: str = ""
    name: str = ""
    trailing: bool = False
    """The path goes on after the subresource: no resource of ours has that."""

    @property
    def long_running(self) -> bool:
        return self.verb == "watch" or self.subresource in _LONG_RUNNING


def parse_query(query: str) -> dict[str, str]:
    """Parameter names to values; of a repeated one the first counts, as in Go. There may be any number: an exec has one
    for each word of its command."""
    if not query:
        return {}
    found: dict[str, str] = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        found.setdefault(name, value)
    return found


def truth(value: str | None) -> bool:
    """How Kubernetes reads a boolean parameter: present and anything but "0" or "false"."""
    return value is not None and value.lower() not in ("0", "false")


def parse(method: str, path: str, query: dict[str, str]) -> RequestInfo:
    """`path` as the request line has it, without the query. A path with empty or dot segments is no resource's."""
    if "%" in path:
        path = unquote(path)
    parts = path.split("/")
    if parts[0] != "" or len(parts) == 1:
        return RequestInfo(method.lower(), path)
    if parts[1] == "api" and len(parts) > 3:
        group, version, rest = "", parts[2], parts[3:]
    elif parts[1] == "apis" and len(parts) > 4:
        group, version, rest = parts[2], parts[3], parts[4:]
    else:
        return RequestInfo(method.lower(), path)
    if rest[-1] == "" and len(rest) > 1:
        rest.pop()
    if any(part in ("", ".", "..") for part in rest) or "\0" in path:
        return RequestInfo(method.lower(), path)
    return _resource_request(method, RequestInfo("", path, True, group, version), rest, query)


def _resource_request(method: str, info: RequestInfo, rest: list[str], query: dict[str, str]) -> RequestInfo:
    verb = _VERBS.get(method, method.lower())
    watch = rest[0] == "watch" and len(rest) > 1 and verb == "get"
    if watch:
        rest = rest[1:]
    if rest[0] == "namespaces":
        if len(rest) > 1:
            info.namespace = rest[1]
        if len(rest) > 2 and rest[2] not in _NAMESPACE_SUBRESOURCES:
            rest = rest[2:]
    info.resource = rest[0]
    info.name = rest[1] if len(rest) > 1 else ""
    info.subresource = rest[2] if len(rest) > 2 else ""
    info.trailing = len(rest) > 3
    if verb == "get" and (watch or not info.name):
        watch = method != "HEAD" and (watch or truth(query.get("watch")))
        verb = "watch" if watch else "list"
        if not info.name and "fieldSelector" in query:
            info.name = _selected_name(query["fieldSelector"])
    elif verb == "delete" and not info.name:
        verb = "deletecollection"
    info.verb = verb
    return info


def _selected_name(selector: str) -> str:
    """The one name that a field selector asks for, so that RBAC's resourceNames also work for list and watch.

    Read as it will be when it selects: whoever may see one object must not see others by escaping a comma."""
    try:
        name = selectors.parse_fields(selector, None).exact("metadata.name") or ""
    except BadRequest:
        return ""  # the handler says what is wrong with it
    return "" if names.path_segment(name) else name
