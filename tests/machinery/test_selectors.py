"""Selectors of query strings: syntax, matching, canonical form, and Kubernetes' words for what is wrong."""

from __future__ import annotations

import pytest

from podium.machinery import selectors
from podium.machinery.errors import BadRequest

LABELS = {"app": "web", "tier": "front", "n": "5", "empty": "", "example.com/x": "y"}


@pytest.mark.parametrize(
    ("text", "canonical", "matches"),
    [
        ("", "", True),
        ("app=web", "app=web", True),
        ("app==web", "app==web", True),
        ("app!=web", "app!=web", False),
        ("nope!=web", "nope!=web", True),
        ("app", "app", True),
        ("!app", "!app", False),
        ("! app", "!app", False),
        ("!nope", "!nope", True),
        ("app in (web)", "app in (web)", True),
        ("app in (web,api)", "app in (api,web)", True),
        ("app in ( web , api )", "app in (api,web)", True),
        ("app notin (web,api)", "app notin (api,web)", False),
        ("empty in ()", "empty in ()", True),
        ("empty in (a,)", "empty in (,a)", True),
        ("empty in (,a)", "empty in (,a)", True),
        ("empty=", "empty=", True),
        ("app=", "app=", False),
        ("empty=,app=web", "app=web,empty=", True),
        ("n>4", "n>4", True),
        ("n>5", "n>5", False),
        ("n<6", "n<6", True),
        ("app>4", "app>4", False),
        ("nope<4", "nope<4", False),
        ("tier=front,app=web", "app=web,tier=front", True),
        ("app=web,tier=back", "app=web,tier=back", False),
        (" app = web ,\ttier", "app=web,tier", True),
        ("example.com/x=y", "example.com/x=y", True),
        ("in in (in)", "in in (in)", False),
        ("notin=in", "notin=in", False),
    ],
)
def test_labels(text: str, canonical: str, matches: bool) -> None:
    selector = selectors.parse_labels(text)
    assert str(selector) == canonical
    assert selector.matches(LABELS) is matches
    assert selectors.parse_labels(canonical).matches(LABELS) is matches


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("=a", "found '=', expected: !, identifier, or 'end of string'"),
        (",a", "found ',', expected: !, identifier, or 'end of string'"),
        ("a,", "found '', expected: identifier after ','"),
        ("a,,b", "found ',', expected: identifier after ','"),
        ("a=b=c", "found '=', expected: ',' or 'end of string'"),
        ("!a=b", "found '=', expected: ',' or 'end of string'"),
        ("a=b)", "found ')', expected: ',' or 'end of string'"),
        ("!", "unable to parse requirement: found '', expected: identifier"),
        ("a b", "unable to parse requirement: found 'b', expected: in, notin, =, ==, !=, gt, lt"),
        ("a in b", "unable to parse requirement: found 'b' expected: '('"),
        ("a in (b", "unable to parse requirement: found '', expected: ',' or ')'"),
        ("a in (b c)", "unable to parse requirement: found 'c', expected: ',' or ')'"),
        ("a in (b,=)", "unable to parse requirement: found '=', expected: ',', or identifier"),
        ("a=(b)", "unable to parse requirement: found '(', expected: identifier"),
        (
            "n>x",
            'unable to parse requirement: values[0]: Invalid value: "x": '
            "for 'Gt', 'Lt' operators, the value must be an integer",
        ),
        (
            "-a=b",
            'unable to parse requirement: <nil>: Invalid value: "-a": name part must consist of alphanumeric '
            "characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. "
            "'MyName',  or 'my.name',  or '123-abc', regex used for validation is "
            "'([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')",
        ),
        (
            "a=b_",
            'unable to parse requirement: values[0][a]: Invalid value: "b_": a valid label must be an empty string or '
            "consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric "
            "character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is "
            "'(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')",
        ),
    ],
)
def test_labels_that_cannot_be_read(text: str, message: str) -> None:
    with pytest.raises(BadRequest) as caught:
        selectors.parse_labels(text)
    assert caught.value.message == message


def test_a_long_selector_is_read_in_a_moment() -> None:
    text = ",".join(f"k{number} in (a,b)" for number in range(5000))
    assert len(selectors.parse_labels(text).requirements) == 5000


FIELDS = {"metadata.name": "web-1", "status.phase": "Running", "spec.nodeName": "", "odd": "a,b=c\\"}
KNOWN = frozenset(FIELDS)


@pytest.mark.parametrize(
    ("text", "canonical", "matches"),
    [
        ("", "", True),
        ("metadata.name=web-1", "metadata.name=web-1", True),
        ("metadata.name==web-1", "metadata.name=web-1", True),
        ("metadata.name!=web-1", "metadata.name!=web-1", False),
        ("status.phase!=Pending,metadata.name=web-1", "status.phase!=Pending,metadata.name=web-1", True),
        ("spec.nodeName=", "spec.nodeName=", True),
        ("odd=a\\,b\\=c\\\\", "odd=a\\,b\\=c\\\\", True),
        ("metadata.name=web-1,", "metadata.name=web-1", True),
    ],
)
def test_fields(text: str, canonical: str, matches: bool) -> None:
    selector = selectors.parse_fields(text, KNOWN)
    assert str(selector) == canonical
    assert selector.matches(FIELDS) is matches


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("status.nope=x", "field label not supported: status.nope"),
        ("name", "invalid selector: 'name'; can't understand 'name'"),
        ("metadata.name=a=b", "invalid field selector: unescaped character in value: 61"),
        ("metadata.name=a\\x", "invalid field selector: invalid escape sequence: \\x"),
        ("metadata.name=a\\", "invalid field selector: invalid escape sequence: \\"),
    ],
)
def test_fields_that_cannot_be_read(text: str, message: str) -> None:
    with pytest.raises(BadRequest) as caught:
        selectors.parse_fields(text, KNOWN)
    assert caught.value.message == message


def test_kinds_without_fields_of_their_own() -> None:
    message = '"spec.x" is not a known field selector: only "metadata.name", "metadata.namespace"'
    with pytest.raises(BadRequest) as caught:
        selectors.parse_fields("spec.x=1")
    assert caught.value.message == message
    assert selectors.parse_fields("spec.x=1", None).fields == {"spec.x"}


def test_what_an_index_can_be_asked() -> None:
    selector = selectors.parse_fields("metadata.name=a,status.phase!=b", None)
    assert (selector.exact("metadata.name"), selector.exact("status.phase")) == ("a", None)
