"""What the command line says of a server's warnings and errors."""

from __future__ import annotations

from typing import Any

import pytest

from podium.cli.rest import ServerError, warning_text


@pytest.mark.parametrize(
    ("header", "text"),
    [
        ('299 - "unknown field \\"spec.nope\\""', 'unknown field "spec.nope"'),
        ('299 - "plain"', "plain"),
        ('299 - "a back\\\\slash"', "a back\\slash"),
        ("299 - nothing quoted", ""),
    ],
)
def test_warnings(header: str, text: str) -> None:
    assert warning_text(header) == text


@pytest.mark.parametrize(
    ("status", "text"),
    [
        (
            {"reason": "Invalid", "message": "test failed"},
            "The request is invalid: test failed",
        ),
        (
            {
                "reason": "Invalid",
                "message": "long",
                "details": {"kind": "Deployment", "name": "web", "causes": [{"field": "spec.x", "message": "bad"}]},
            },
            'The Deployment "web" is invalid: spec.x: bad',
        ),
        (
            {
                "reason": "Invalid",
                "message": "long",
                "details": {"kind": "ConfigMap", "causes": [{"field": "metadata.name", "message": "Required value"}]},
            },
            'The ConfigMap "" is invalid: metadata.name: Required value',
        ),
        (
            {"reason": "Invalid", "message": "long", "details": {"causes": [{"field": "patch", "message": "bad"}]}},
            "The request is invalid: patch: bad",
        ),
        (
            {
                "reason": "Invalid",
                "message": "long",
                "details": {"kind": "Pod", "name": "a", "causes": [{"message": "b"}, {"field": "c", "message": "d"}]},
            },
            'The Pod "a" is invalid: \n* b\n* c: d',
        ),
        ({"reason": "NotFound", "message": "gone"}, "Error from server (NotFound): gone"),
    ],
)
def test_errors(status: dict[str, Any], text: str) -> None:
    assert ServerError(status).text == text
