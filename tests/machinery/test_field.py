"""Field errors: Kubernetes' exact texts."""

from __future__ import annotations

from typing import Any

import pytest

from podium.machinery import field
from podium.machinery.errors import FieldError, Invalid
from podium.machinery.field import Path
from podium.models import core_v1, meta_v1


@pytest.mark.parametrize(
    ("error", "reason", "text"),
    [
        (
            field.invalid("spec.replicas", -1, field.NOT_NEGATIVE),
            "FieldValueInvalid",
            "spec.replicas: Invalid value: -1: must be greater than or equal to 0",
        ),
        (field.invalid("a", 'x\n"y"', "no"), "FieldValueInvalid", 'a: Invalid value: "x\\n\\"y\\"": no'),
        (field.invalid("a", True, ""), "FieldValueInvalid", "a: Invalid value: true"),
        (field.invalid("a", None, "no"), "FieldValueInvalid", "a: Invalid value: null: no"),
        (
            field.invalid("a", {"b": "<", "a": 1}, "no"),
            "FieldValueInvalid",
            'a: Invalid value: {"a":1,"b":"\\u003c"}: no',
        ),
        (
            field.invalid("spec.selector", meta_v1.LabelSelector(matchLabels={"a": "b"}), field.IMMUTABLE),
            "FieldValueInvalid",
            'spec.selector: Invalid value: {"matchLabels":{"a":"b"}}: field is immutable',
        ),
        (field.type_invalid("a", 1, "must be string"), "FieldValueTypeInvalid", "a: Invalid value: 1: must be string"),
        (field.required("spec.selector"), "FieldValueRequired", "spec.selector: Required value"),
        (field.required("a", "why"), "FieldValueRequired", "a: Required value: why"),
        (
            field.not_supported("spec.type", "x", ["A", "B"]),
            "FieldValueNotSupported",
            'spec.type: Unsupported value: "x": supported values: "A", "B"',
        ),
        (field.not_supported("a", "x", []), "FieldValueNotSupported", 'a: Unsupported value: "x"'),
        (field.duplicate("a[1]", "x"), "FieldValueDuplicate", 'a[1]: Duplicate value: "x"'),
        (field.not_found("a", "x"), "FieldValueNotFound", 'a: Not found: "x"'),
        (field.forbidden("a", "may not"), "FieldValueForbidden", "a: Forbidden: may not"),
        (field.too_long("a", 63), "FieldValueTooLong", "a: Too long: may not be more than 63 bytes"),
        (field.too_long("a", 1), "FieldValueTooLong", "a: Too long: may not be more than 1 byte"),
        (field.too_short("a", 2), "FieldValueTooShort", "a: Too short: must be at least 2 characters"),
        (field.too_many("a", 5, 4), "FieldValueTooMany", "a: Too many: 5: must have at most 4 items"),
        (field.too_few("a", 0, 1), "FieldValueTooFew", "a: Too few: 0: must have at least 1 item"),
        (field.internal("a", "oops"), "InternalError", "a: Internal error: oops"),
    ],
)
def test_texts(error: FieldError, reason: str, text: str) -> None:
    assert (error.reason, str(error)) == (reason, text)


def test_paths() -> None:
    path = Path("spec").child("template", "spec").child("containers").index(0).child("env").key("A")
    assert path == "spec.template.spec.containers[0].env[A]"
    assert Path("").child("metadata") == "metadata"


@pytest.mark.parametrize(
    ("text", "quoted"),
    [
        ("a", '"a"'),
        ('"', '"\\""'),
        ("\\", '"\\\\"'),
        ("\t\x00é\u2028", '"\\t\\x00é\\u2028"'),
        ("\U000e0001", '"\\U000e0001"'),
    ],
)
def test_quotes_like_go(text: str, quoted: str) -> None:
    assert field.quote(text) == quoted


@pytest.mark.parametrize(
    ("value", "needed", "texts"),
    [
        ("A", True, []),
        ("", False, []),
        ("", True, ["f: Required value"]),
        ("x", False, ['f: Unsupported value: "x": supported values: "A", "B"']),
    ],
)
def test_one_of(value: str, needed: bool, texts: list[str]) -> None:
    assert [str(error) for error in field.one_of("f", value, ("B", "A"), needed=needed)] == texts


def test_shared_rules() -> None:
    assert [str(one) for one in field.no_duplicates(Path("f"), ["a", "b", "a"])] == ['f[2]: Duplicate value: "a"']
    assert field.immutable("f", 1, 1) == []
    assert [str(one) for one in field.immutable("f", 2, 1)] == ["f: Invalid value: 2: field is immutable"]
    values: list[Any] = [None, 0, 5]
    assert [field.not_negative("f", value) for value in values] == [[], [], []]
    assert len(field.not_negative("f", -1)) == 1
    assert [str(one) for one in field.each("f", "v", ["x", "y"])] == [
        'f: Invalid value: "v": x',
        'f: Invalid value: "v": y',
    ]


def test_the_status_names_every_field() -> None:
    errors = [field.required("spec.a"), field.invalid("spec.b", core_v1.Pod().kind, "no"), field.required("spec.a")]
    status = Invalid("Deployment.apps", "web", errors).status()
    assert status.message == (
        'Deployment.apps "web" is invalid: [spec.a: Required value, spec.b: Invalid value: "Pod": no]'
    )
    assert status.details is not None
    assert [cause.field for cause in status.details.causes] == ["spec.a", "spec.b", "spec.a"]
    assert (status.code, status.reason, status.details.group, status.details.kind) == (
        422,
        "Invalid",
        "apps",
        "Deployment",
    )
