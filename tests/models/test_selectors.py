"""Label selectors of objects: what they match, and their canonical form."""

from __future__ import annotations

import pytest

from podium.models import meta_v1, selectors

LABELS = {"app": "web", "tier": "front", "empty": ""}


def selector(
    labels: dict[str, str] | None = None, *expressions: tuple[str, str, tuple[str, ...]]
) -> meta_v1.LabelSelector:
    return meta_v1.LabelSelector(
        matchLabels=labels or {},
        matchExpressions=tuple(
            meta_v1.LabelSelectorRequirement(key=key, operator=operator, values=values)
            for key, operator, values in expressions
        ),
    )


@pytest.mark.parametrize(
    ("given", "matches", "text"),
    [
        (None, False, ""),
        (selector(), True, ""),
        (selector({"app": "web"}), True, "app=web"),
        (selector({"app": "web", "a": "b"}), False, "a=b,app=web"),
        (selector({"missing": ""}), False, "missing="),
        (selector({"empty": ""}), True, "empty="),
        (selector({}, ("app", "In", ("api", "web"))), True, "app in (api,web)"),
        (selector({}, ("app", "In", ("web",))), True, "app in (web)"),
        (selector({}, ("app", "In", ("api", "db"))), False, "app in (api,db)"),
        (selector({}, ("nope", "In", ("a", "b"))), False, "nope in (a,b)"),
        (selector({}, ("app", "NotIn", ("web", "api"))), False, "app notin (api,web)"),
        (selector({}, ("nope", "NotIn", ("web",))), True, "nope notin (web)"),
        (selector({}, ("app", "Exists", ())), True, "app"),
        (selector({}, ("nope", "Exists", ())), False, "nope"),
        (selector({}, ("app", "DoesNotExist", ())), False, "!app"),
        (selector({}, ("nope", "DoesNotExist", ())), True, "!nope"),
        (selector({"app": "web"}, ("tier", "In", ("back", "front"))), True, "app=web,tier in (back,front)"),
        (selector({"app": "web"}, ("tier", "NotIn", ("front",))), False, "app=web,tier notin (front)"),
    ],
)
def test_compile(given: meta_v1.LabelSelector | None, matches: bool, text: str) -> None:
    compiled = selectors.compile(given)
    assert compiled.matches(LABELS) is matches
    assert str(compiled) == text


def test_equal_selectors_compile_once() -> None:
    assert selectors.compile(selector({"a": "b"})) is selectors.compile(selector({"a": "b"}))


def test_an_unknown_operator() -> None:
    with pytest.raises(ValueError, match='"Near" is not a valid label selector operator'):
        selectors.compile(selector({}, ("app", "Near", ())))


def test_what_an_index_can_be_asked() -> None:
    compiled = selectors.compile(selector({"app": "web"}, ("tier", "In", ("a", "b")), ("zone", "In", ("z",))))
    assert (compiled.exact("app"), compiled.exact("tier"), compiled.exact("zone")) == ("web", None, "z")


@pytest.mark.parametrize(("labels", "empty"), [({}, True), ({"a": "b"}, False)])
def test_empty(labels: dict[str, str], empty: bool) -> None:
    assert selectors.of_labels(labels).empty is empty
    assert selectors.NOTHING.empty is False
