"""What the parameters of a request mean."""

from __future__ import annotations

import pytest

from podium.machinery.errors import Invalid
from podium.server.handlers.parameters import list_options


def test_only_a_watch_can_ask_for_initial_events() -> None:
    with pytest.raises(Invalid) as caught:
        list_options({"sendInitialEvents": "true"})
    expected = (
        'ListOptions.meta.k8s.io "" is invalid: sendInitialEvents: Forbidden: sendInitialEvents is forbidden for list'
    )
    assert str(caught.value.message) == expected


def test_a_limit_below_zero_is_none() -> None:
    assert list_options({"limit": "-1"}).limit == 0
