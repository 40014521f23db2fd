"""Headers on their way to another API server and back."""

from __future__ import annotations

import pytest
from multidict import CIMultiDict, CIMultiDictProxy

from podium.machinery.errors import BadRequest
from podium.registry.types import User
from podium.server.aggregation.headers import forwarded, identity, returned

ANN = User("ann", ("devs", "ops"), "7", {"Scopes/x": ("a", "b")})
WHO = [
    ("X-Remote-User", "ann"),
    ("X-Remote-Uid", "7"),
    ("X-Remote-Group", "devs"),
    ("X-Remote-Group", "ops"),
    ("X-Remote-Extra-scopes%2Fx", "a"),
    ("X-Remote-Extra-scopes%2Fx", "b"),
]


def sent(*headers: tuple[str, str]) -> list[tuple[str, str]]:
    return list(forwarded(CIMultiDictProxy(CIMultiDict(headers)), ANN).items())


@pytest.mark.parametrize(
    "name",
    [
        *("X-Remote-User", "x-remote-user", "X_Remote_User", "X-Remote_Group", "x_remote-extra-scopes", "X-REMOTE-UID"),
        *("X-Remote-Anything", "Impersonate-User", "impersonate_group", "Impersonate-Extra-A"),
        *("Authorization", "Proxy-Authorization", "Host", "Content-Length", "Expect"),
        *("Connection", "Keep-Alive", "TE", "Trailer", "Transfer-Encoding", "Transfer_Encoding", "Upgrade"),
    ],
)
def test_what_is_not_passed_on(name: str) -> None:
    assert sent((name, "root"), ("Accept", "*/*")) == [("Accept", "*/*"), *WHO]


def test_what_is_for_this_connection_only() -> None:
    headers = [("Connection", "close, X-Mine"), ("connection", "x-Other"), ("X-Mine", "1"), ("X_Other", "2")]
    assert sent(*headers) == WHO


def test_what_is_passed_on() -> None:
    headers = [("Accept", "a"), ("Accept", "b"), ("Cookie", "c"), ("If-None-Match", "d"), ("X-Removed-User", "e")]
    assert sent(*headers) == headers + WHO


@pytest.mark.parametrize("user", [User("a\nX-Remote-Group: system:masters"), User("a", ("b\r",)), User("a", (), "\0")])
def test_nobody_has_a_name_that_begins_another_header(user: User) -> None:
    with pytest.raises(BadRequest):
        identity(user)


def test_what_comes_back() -> None:
    headers = CIMultiDict(
        [
            *(("Connection", "x-mine"), ("X-Mine", "1"), ("Keep-Alive", "2"), ("Transfer-Encoding", "chunked")),
            *(("Date", "d"), ("Content-Length", "3"), ("ETag", "e"), ("Warning", "f"), ("Warning", "g")),
        ]
    )
    assert returned(CIMultiDictProxy(headers)) == [("ETag", "e"), ("Warning", "f"), ("Warning", "g")]
