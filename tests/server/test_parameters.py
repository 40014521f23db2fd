"""What the parameters of a request mean."""

from __future__ import annotations

import pytest

from podium.machinery.errors import BadRequest, Invalid
from podium.server.handlers.parameters import integer, list_options, watch_options


def test_only_a_watch_can_ask_for_initial_events() -> None:
    with pytest.raises(Invalid) as caught:
        list_options({"sendInitialEvents": "true"})
    expected = (
        'ListOptions.meta.k8s.io "" is invalid: sendInitialEvents: Forbidden: sendInitialEvents is forbidden for list'
    )
    assert str(caught.value.message) == expected


def test_a_limit_below_zero_is_none() -> None:
    assert list_options({"limit": "-1"}).limit == 0


@pytest.mark.parametrize(("text", "number"), [("7", 7), ("-7", -7), ("+7", 7), ("", None), (str(2**63 - 1), 2**63 - 1)])
def test_integers(text: str, number: int | None) -> None:
    assert integer({"limit": text}, "limit") == number


@pytest.mark.parametrize(
    ("text", "why"),
    [
        *((bad, "invalid syntax") for bad in ("soon", "1_0", " 5", "\N{ARABIC-INDIC DIGIT ONE}", "--1", "-")),
        (str(2**63), "value out of range"),
        ("-" + "9" * 400, "value out of range"),
    ],
)
def test_what_is_no_integer(text: str, why: str) -> None:
    with pytest.raises(BadRequest, match=why):
        integer({"limit": text}, "limit")


@pytest.mark.parametrize("selector", ["metadata.name=b", "status.phase=Running", "metadata.name!=a"])
def test_a_selector_does_not_widen_the_watch_of_one_object(selector: str) -> None:
    with pytest.raises(BadRequest, match=r"fieldSelector metadata\.name doesn't match requested name"):
        watch_options({"fieldSelector": selector}, "a", 1.0)


@pytest.mark.parametrize(
    ("name", "query", "selector"),
    [
        ("a", {}, "metadata.name=a"),
        ("a", {"fieldSelector": ""}, "metadata.name=a"),
        ("a,b=c", {}, r"metadata.name=a\,b\=c"),
        ("a", {"fieldSelector": "metadata.name=a,status.phase=Running"}, "metadata.name=a,status.phase=Running"),
        ("", {"fieldSelector": "status.phase=Running"}, "status.phase=Running"),
    ],
)
def test_the_watch_of_one_object(name: str, query: dict[str, str], selector: str) -> None:
    assert watch_options(query, name, 1.0).field_selector == selector
