"""kubectl's JSONPath dialect, case by case; the expressions are those of the kubectl documentation and the like."""

from __future__ import annotations

from typing import Any

import pytest

from podium.cli import jsonpath

DATA: dict[str, Any] = {
    "kind": "List",
    "items": [
        {
            "kind": "None",
            "metadata": {"name": "127.0.0.1", "labels": {"kubernetes.io/hostname": "a"}},
            "status": {"capacity": {"cpu": "4"}, "addresses": [{"type": "LegacyHostIP", "address": "127.0.0.1"}]},
        },
        {
            "kind": "None",
            "metadata": {"name": "127.0.0.2"},
            "status": {
                "capacity": {"cpu": "8"},
                "addresses": [{"type": "LegacyHostIP", "address": "127.0.0.2"}, {"type": "another", "address": "x"}],
            },
        },
    ],
    "users": [
        {"name": "myself", "user": {}, "age": 30},
        {"name": "e2e", "user": {"username": "admin", "password": "secret"}, "age": 5},
    ],
    "on": True,
}


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("kind is {.kind}", "kind is List"),
        ("{['kind']}", "List"),
        ("{.items[0].metadata.name}", "127.0.0.1"),
        ("{.items[*].metadata.name}", "127.0.0.1 127.0.0.2"),
        ("{.items[-1:].metadata.name}", "127.0.0.2"),
        ("{.items[-1].metadata.name}", "127.0.0.2"),
        ("{.items[0:2].metadata.name}", "127.0.0.1 127.0.0.2"),
        ("{.items[*]['metadata.name','status.capacity']}", ""),
        ("{.items[*].metadata['name', 'labels']}", '127.0.0.1 {"kubernetes.io/hostname":"a"} 127.0.0.2'),
        ("{..name}", "127.0.0.1 127.0.0.2 myself e2e"),
        ('{.users[?(@.name=="e2e")].user.password}', "secret"),
        ("{.users[?(@.name=='e2e')].user.password}", "secret"),
        ("{.users[?(@.age > 10)].name}", "myself"),
        ("{.users[?(@.age<=5)].name}", "e2e"),
        ("{.users[?(@.user.username)].name}", "e2e"),
        ("{.users[?(@.name!='e2e')].name}", "myself"),
        (
            "{range .items[*]}[{.metadata.name}, {.status.capacity}] {end}",
            '[127.0.0.1, {"cpu":"4"}] [127.0.0.2, {"cpu":"8"}] ',
        ),
        ('{range .items[*]}{.metadata.name}{"\\t"}{.status.capacity.cpu}{"\\n"}{end}', "127.0.0.1\t4\n127.0.0.2\t8\n"),
        ("{range .users[*]}{range .user}{.username}{end};{end}", ";admin;"),
        ("{.items[0].metadata.labels.kubernetes\\.io/hostname}", "a"),
        ("{.items[0].metadata.labels['kubernetes.io/hostname']}", "a"),
        ("{.on}", "true"),
        ("{.nothing.here}", ""),
        ("{$.kind}", "List"),
        ("plain", "plain"),
        ("{.items[0].metadata.labels['kubernetes\\.io/hostname']}", "a"),
        ("{.users[?(.name=='e2e')].age}", "5"),
        ("{.users[?(@.tags[0])].age}", ""),
        ("{'a\\tb'}{'it\\'s'}{'\"'}", "a\tbit's\""),
        ("{.users[1].user}", '{"password":"secret","username":"admin"}'),
    ],
)
def test_render(template: str, expected: str) -> None:
    assert jsonpath.render(jsonpath.parse(template), DATA) == expected


@pytest.mark.parametrize(
    ("expression", "template"),
    [(".kind", "{.kind}"), ("kind", "{.kind}"), ("{.kind}", "{.kind}"), ("$.kind", "{$.kind}"), ("[0]", "{[0]}")],
)
def test_relaxed_expressions(expression: str, template: str) -> None:
    assert jsonpath.relaxed(expression) == template


@pytest.mark.parametrize(
    ("template", "problem"),
    [
        ("{.kind", "unclosed action"),
        ("{range .items[*]}{.kind}", "unclosed range"),
        ("{end}", "nothing to end"),
        ("{.items[0}", "unclosed action|unterminated array"),
        ('{"open}', "unclosed action"),
        ("{.a.}b", "a field name is missing"),
    ],
)
def test_what_cannot_be_read(template: str, problem: str) -> None:
    with pytest.raises(jsonpath.JSONPathError, match=problem):
        jsonpath.parse(template + ("" if template != "{.a.}b" else "{.b..}"))


def test_a_missing_key_can_be_an_error() -> None:
    with pytest.raises(jsonpath.JSONPathError, match="is not found"):
        jsonpath.render(jsonpath.parse("{.nothing}"), DATA, missing_ok=False)


@pytest.mark.parametrize(
    ("template", "problem"),
    [
        ("{.items[2].kind}", "array index out of bounds: index 2, length 2"),
        ("{.items[-3].kind}", "array index out of bounds: index -3, length 2"),
        ("{.items[0:5].kind}", "array index out of bounds: index 4, length 2"),
        ("{.users[?(@.user)].age}{.items[9]}", "array index out of bounds: index 9, length 2"),
    ],
)
def test_what_is_beyond_the_end_of_a_list_is_an_error(template: str, problem: str) -> None:
    """`{.items[0]}` of an empty list must not look like an object whose name is empty."""
    with pytest.raises(jsonpath.JSONPathError, match=problem):
        jsonpath.render(jsonpath.parse(template), DATA)
