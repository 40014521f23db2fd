"""Documents: JSON and YAML as Kubernetes reads them, and input that is meant to do harm."""

from __future__ import annotations

import tracemalloc
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podium.machinery import documents, yaml_writer
from podium.machinery.documents import DocumentError, Media


def read(text: str | bytes, media: Media = "yaml") -> Any:
    return documents.read(text.encode() if isinstance(text, str) else text, media).tree


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("true", True),
        ("Yes", True),
        ("on", True),
        ("y", True),
        ("off", False),
        ("N", False),
        ("yEs", "yEs"),
        ('"yes"', "yes"),
        ("'no'", "no"),
        ("~", None),
        ("", None),
        ("Null", None),
        ("0", 0),
        ("-12", -12),
        ("+3", 3),
        ("010", 8),
        ("0o17", 15),
        ("0x1F", 31),
        ("0b101", 5),
        ("1_000", 1000),
        ("08", 8),
        ("1.5", 1.5),
        ("1.0", 1),
        ("1e3", 1000),
        (".5", 0.5),
        ("1.", 1),
        ("-1.5e-3", -0.0015),
        ("12345678901234567890", 12345678901234567890),
        ("1:30", "1:30"),
        ("190:20:30", "190:20:30"),
        ("2024-01-01", "2024-01-01"),
        ("2024-01-01T10:00:00Z", "2024-01-01T10:00:00Z"),
        ("1.2.3", "1.2.3"),
        ("0.1.0", "0.1.0"),
        ("1Gi", "1Gi"),
        ("500m", "500m"),
        ("25%", "25%"),
        ("-", [None]),
        ("--x", "--x"),
        (".", "."),
        ("e3", "e3"),
        ("!!str 5", "5"),
        ("!!int '5'", 5),
        ("!!float 5", 5),
        ("!!binary aGk=", "hi"),
        ("! 5", "5"),
        ("!custom 5", "5"),
        ("|\n  a\n  b\n", "a\nb\n"),
        (">-\n  a\n  b\n", "a b"),
        ("[a, 1, {b: c}]", ["a", 1, {"b": "c"}]),
    ],
)
def test_what_yaml_means(text: str, value: Any) -> None:
    tree = read(f"x: {text}" if not text.startswith("-") or text[1:2].isdigit() or text == "--x" else f"x:\n{text}")
    assert tree == {"x": value}
    assert type(tree["x"]) is type(value)


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("yes: 1\n1: 2\n1.5: 3\n~: 4\n'a': 5", {"true": 1, "1": 2, "1.5": 3, "null": 4, "a": 5}),
        ("a: &x {b: 1}\nc: *x", {"a": {"b": 1}, "c": {"b": 1}}),
        ("a: &x {b: 1, d: 2}\nc:\n  <<: *x\n  b: 3", {"a": {"b": 1, "d": 2}, "c": {"b": 3, "d": 2}}),
        ("a: &x {b: 1}\nc:\n  b: 3\n  <<: *x", {"a": {"b": 1}, "c": {"b": 3}}),
        ("c:\n  <<: [{a: 1, b: 1}, {b: 2, c: 2}]", {"c": {"a": 1, "b": 1, "c": 2}}),
        ("a: <<", {"a": "<<"}),
        ("a: 1\na: 2", {"a": 2}),
        ("# only a comment", None),
    ],
)
def test_mappings(text: str, tree: Any) -> None:
    assert read(text) == tree


def test_aliases_share_nothing() -> None:
    tree = read("a: &x [1]\nb: *x")
    tree["a"].append(2)
    assert tree["b"] == [1]


def test_repeated_keys_are_told_with_their_lines() -> None:
    found = documents.read(b"a: 1\nb:\n  c: 1\n  d: 2\n  c: 3\na: 2\n", "yaml")
    assert found.repeated_keys == ('line 5: key "c" already set in map', 'line 6: key "a" already set in map')


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: b: c", "yaml: line 1: mapping values are not allowed in this context"),
        ("a: 1\n b: 2", "yaml: line 2: mapping values are not allowed in this context"),
        ("a:\n  - b\n c: d", "yaml: line 3: did not find expected key"),
        ("a:\n\t- b", "yaml: line 2: found character that cannot start any token"),
        ("a: [1, 2", "yaml: line 2: did not find expected ',' or ']'"),
        ('a: 1\nb: "x', "yaml: line 2: found unexpected end of stream"),
        ("a: *nope", "yaml: unknown anchor 'nope' referenced"),
        ("? [a]\n: 1", "yaml: line 1: invalid map key: [a]"),
        ("a: .inf", "json: unsupported value: +Inf"),
        ("a: .nan", "json: unsupported value: NaN"),
        ("a: !!int x", "yaml: line 1: cannot decode `x` as a !!int"),
        ("a: !!binary '*'", "yaml: line 1: !!binary value contains invalid base64 data"),
        ("a:\n  <<: 5", "yaml: line 2: map merge requires map or sequence of maps as the value"),
        ("a: \x00", "yaml: control characters are not allowed"),
        (b"a: \xff", "yaml: "),
    ],
)
def test_yaml_that_cannot_be_read(text: str | bytes, message: str) -> None:
    with pytest.raises(DocumentError) as caught:
        read(text)
    assert caught.value.message.startswith(f"error converting YAML to JSON: {message}")


@pytest.mark.parametrize("cut", range(5, 100, 7))
def test_truncated_yaml_is_read_or_refused(cut: int) -> None:
    text = "apiVersion: v1\nkind: Pod\nmetadata: {name: a, labels: {x: 'y'}}\nspec:\n  containers:\n  - name: \"c\"\n"
    try:
        read(text[:cut])
    except DocumentError as error:
        problem = error.message
    else:
        problem = "yaml: line 0: none"
    assert "yaml: line " in problem


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "unexpected end of JSON input"),
        (b"  ", "unexpected end of JSON input"),
        (b'{"a":', "unexpected end of JSON input"),
        (b'{"a":}', "invalid character '}' (line 1, column 6)"),
        (b'{"a":1,\n "b" 2}', "invalid character '2' (line 2, column 6)"),
        (b"{'a':1}", "invalid character"),
        (b'{"a":NaN}', "invalid character 'N'"),
        (b'{"a":1}{', "invalid character '{'"),
        (b'{"a":"\xff"}', "invalid UTF-8 in string"),
    ],
)
def test_json_that_cannot_be_read(body: bytes, message: str) -> None:
    with pytest.raises(DocumentError) as caught:
        read(body, "json")
    assert caught.value.message.startswith(f"couldn't get version/kind; json parse error: {message}")


DEEP: list[tuple[bytes, Media]] = [
    (b"[" * 100_000, "json"),
    (b'{"a":' * 100_000, "json"),
    (b"[" * 500 + b"]" * 500, "json"),
    (b"[" * 100_000, "yaml"),
    (b"{a: " * 100_000, "yaml"),
    (b"".join(b" " * depth + b"a:\n" for depth in range(1000)), "yaml"),
    (b"- " * 100_000, "yaml"),
]


@pytest.mark.parametrize("number", range(len(DEEP)))
def test_deep_nesting_is_refused(number: int) -> None:
    body, media = DEEP[number]
    with pytest.raises(DocumentError, match="exceeded max depth"):
        documents.read(body, media)
    with pytest.raises(DocumentError, match=r"exceeded max depth|yaml"):
        documents.read_documents(body)


def bomb() -> bytes:
    """Nine levels of ten aliases: a billion values in a few hundred bytes."""
    lines = [b"a: &a [x,x,x,x,x,x,x,x,x,x]"]
    for name in range(ord("b"), ord("k")):
        aliases = b",".join([b"*%c" % (name - 1)] * 10)
        lines.append(b"%c: &%c [%b]" % (name, name, aliases))
    return b"\n".join(lines)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (bomb(), "document contains excessive aliasing"),
        (b"a: &a [" + b"x," * 100_000 + b"]\nb: [*a, *a, *a]", "document contains excessive aliasing"),
        (b"[" + b"a," * 5_000_000 + b"a]", "document contains more than 250000 values"),
        (b"- a\n" * 300_000, "document contains more than 250000 values"),
    ],
)
def test_harmful_yaml_takes_no_memory(body: bytes, message: str) -> None:
    tracemalloc.start()
    try:
        with pytest.raises(DocumentError, match=message):
            documents.read(body, "yaml")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 100_000_000


def test_many_objects_are_refused() -> None:
    with pytest.raises(DocumentError, match="more than 250000 objects and arrays"):
        documents.read(b"[" + b"{}," * 300_000 + b"{}]", "json")


def test_a_long_string_is_no_harm() -> None:
    text = "x" * 3_000_000
    assert read(f"a: {text}") == {"a": text}
    assert read(b'{"a":"%b"}' % text.encode(), "json") == {"a": text}
    assert read(b'{"a":"%b"}' % (b"{" * 300_000), "json") == {"a": "{" * 300_000}


@pytest.mark.parametrize(
    ("data", "trees"),
    [
        (b"", []),
        (b"---\n", []),
        (b"a: 1\n---\nb: 2\n...\n", [{"a": 1}, {"b": 2}]),
        (b"---\n# nothing\n---\na: 1\n---\n", [{"a": 1}]),
        (b'{"a":1}\n{"b":2}', [{"a": 1}, {"b": 2}]),
        (b'{"a":1}{"b":[2]} ', [{"a": 1}, {"b": [2]}]),
        (b"{a: 1}\n---\n{b: 2}", [{"a": 1}, {"b": 2}]),
        (b'[{"a":1}]', [[{"a": 1}]]),
        (b"a: &x 1\n---\nb: 2", [{"a": 1}, {"b": 2}]),
    ],
)
def test_files_of_many_documents(data: bytes, trees: list[Any]) -> None:
    assert documents.read_documents(data) == trees


def test_an_anchor_ends_with_its_document() -> None:
    with pytest.raises(DocumentError, match="unknown anchor 'x' referenced"):
        documents.read_documents(b"a: &x 1\n---\nb: *x")


TEXT = st.text("aéyn:#- '\"\n{}[]!&*%@`019.e~<=_,ox", max_size=6) | st.sampled_from(
    ["yes", "No", "true", "null", "off"]
)
TREES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text("abc", min_size=1), TREES))
def test_what_is_written_is_read(tree: dict[str, Any]) -> None:
    assert read(yaml_writer.dump(tree)) == tree


def test_what_is_written() -> None:
    tree = {"b": "y", "a": {"list": [1, "1e3", {"x": "a\nb\n"}], "none": None, "long": "w " * 100 + "w"}}
    assert yaml_writer.dump(tree) == (
        f'a:\n  list:\n  - 1\n  - "1e3"\n  - x: |\n      a\n      b\n  long: {"w " * 100}w\n  none: null\nb: "y"\n'
    )


@given(st.binary(max_size=200), st.sampled_from(["json", "yaml"]))
def test_any_bytes_are_read_or_refused(body: bytes, media: Media) -> None:
    for attempt in (lambda: documents.read(body, media, repeated=True), lambda: documents.read_documents(body)):
        try:
            attempt()
        except DocumentError:
            continue


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b"", "<empty>"),
        (b'{"a":1}', '{"a":1}'),
        (b"{" + b"x" * 40, "{" + "x" * 29 + " ..."),
        (b"ab", "6162"),
        (b"a" * 31, "61" * 30 + " ..."),
    ],
)
def test_summary(body: bytes, text: str) -> None:
    assert documents.summary(body) == text
