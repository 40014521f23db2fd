"""/healthz, /livez and /readyz: whether the server is well, check by check.

`/readyz?verbose` lists the checks, `/readyz/<check>` asks for one, `?exclude=<check>` leaves one out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from podium.server.exchange import Answer

Check = Callable[[], str]
"""What is wrong, "" if nothing."""

_TEXT = "text/plain; charset=utf-8"


class Health:
    def __init__(self, live: Mapping[str, Check], ready: Mapping[str, Check]) -> None:
        everything = {**live, **ready}
        self._checks = {"livez": dict(live), "healthz": everything, "readyz": everything}

    def answer(self, path: str, query: dict[str, str]) -> Answer | None:
        """The answer to a path such as "/readyz/etcd"; None if it is none of ours."""
        endpoint, _, one = path.strip("/").partition("/")
        checks = self._checks.get(endpoint)
        if checks is None:
            return None
        if one:
            if one not in checks:
                return None
            problem = checks[one]()
            if problem:
                return Answer(f"internal server error: {problem}\n".encode(), _TEXT, 500)
            return Answer(b"ok", _TEXT)
        return _overall(endpoint, checks, query)


def _overall(endpoint: str, checks: Mapping[str, Check], query: dict[str, str]) -> Answer:
    lines, failed = [], False
    for name, check in checks.items():
        if name == query.get("exclude"):
            lines.append(f"[+]{name} excluded: ok")
        elif check():
            failed = True
            lines.append(f"[-]{name} failed: reason withheld")
        else:
            lines.append(f"[+]{name} ok")
    if failed:
        lines.append(f"{endpoint} check failed")
        return Answer(("\n".join(lines) + "\n").encode(), _TEXT, 500)
    if "verbose" not in query:
        return Answer(b"ok", _TEXT)
    lines.append(f"{endpoint} check passed")
    return Answer(("\n".join(lines) + "\n").encode(), _TEXT)
