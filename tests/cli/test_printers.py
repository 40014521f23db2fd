"""Output formats: golden texts for what people and scripts read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from podium.cli.describe.tabs import align
from podium.cli.failure import Failure
from podium.cli.printers import TableWriter, printer, table_text, to_yaml

POD: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "web-1", "managedFields": [{"manager": "x"}], "labels": {"app": "web", "on": "true"}},
    "data": {"text": "one\ntwo\n", "number": 5, "quoted": "5", "empty": ""},
}


def test_yaml_is_sorted_with_blocks_and_quotes_and_without_managed_fields() -> None:
    show = printer("yaml")
    assert show is not None
    assert show([POD], True) == (
        "apiVersion: v1\n"
        "data:\n"
        '  empty: ""\n'
        "  number: 5\n"
        '  quoted: "5"\n'
        "  text: |\n"
        "    one\n"
        "    two\n"
        "kind: Pod\n"
        "metadata:\n"
        "  labels:\n"
        "    app: web\n"
        '    "on": "true"\n'
        "  name: web-1\n"
    )


def test_several_objects_are_a_list() -> None:
    show = printer("jsonpath={.kind} {.items[*].kind}")
    assert show is not None
    assert show([POD, POD], False) == "List Pod Pod"
    assert show([POD], True) == "Pod "


def test_names_carry_the_group() -> None:
    show = printer("name")
    assert show is not None
    deployment = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}}
    assert show([POD, deployment], False) == "pod/web-1\ndeployment.apps/web\n"


def test_custom_columns() -> None:
    show = printer("custom-columns=NAME:.metadata.name,APP:.metadata.labels.app,NONE:.spec.x")
    assert show is not None
    assert show([POD], True) == "NAME    APP   NONE\nweb-1   web   <none>\n"


def test_custom_columns_show_maps_without_quotes() -> None:
    show = printer("custom-columns=DATA:.data,ALL:.nested,YES:.yes", headers=False)
    assert show is not None
    item = {"data": {"b": "2", "a": "1"}, "nested": [{"x": [1, None]}], "yes": True}
    assert show([item], True) == "map[a:1 b:2]   [map[x:[1 <nil>]]]   true\n"


def test_custom_columns_of_a_file(tmp_path: Path) -> None:
    file = tmp_path / "columns"
    file.write_text("NAME            APP\n.metadata.name  .metadata.labels.app\n")
    show = printer(f"custom-columns-file={file}")
    assert show is not None
    assert show([POD], True) == "NAME    APP\nweb-1   web\n"
    file.write_text("NAME APP\n.metadata.name\n")
    with pytest.raises(Failure, match=r"number of headers \(2\) and field specifications \(1\) don't match"):
        printer(f"custom-columns-file={file}")


def test_yaml_documents_are_told_apart() -> None:
    show = printer("yaml")
    assert show is not None
    assert [show([{"a": 1}], True), show([{"b": 2}], True)] == ["a: 1\n", "---\nb: 2\n"]


def test_managed_fields_on_request() -> None:
    show = printer("yaml", managed_fields=True)
    assert show is not None
    assert "managedFields" in show([{"metadata": {"managedFields": [{"manager": "x"}]}}], True)


def test_a_template_that_fails_says_which() -> None:
    show = printer("jsonpath={.items[0].kind}")
    assert show is not None
    with pytest.raises(Failure, match=r'error executing jsonpath "\{.items\[0\].kind\}": .* out of bounds'):
        show([], False)


@pytest.mark.parametrize(
    ("output", "problem"),
    [
        ("xml", "unable to match a printer"),
        ("jsonpath={.a", "unclosed action"),
        ("jsonpath=", "no template given"),
        ("custom-columns=NAME", "unexpected custom-columns spec"),
        ("custom-columns=", "no custom columns given"),
    ],
)
def test_a_wrong_output_format_says_what_is_wrong(output: str, problem: str) -> None:
    with pytest.raises(Failure, match=problem):
        printer(output)


TABLE = {
    "columnDefinitions": [
        {"name": "Name", "priority": 0},
        {"name": "Ready", "priority": 0},
        {"name": "Node", "priority": 1},
    ],
    "rows": [
        {"cells": ["web-1", "1/1", "n1"], "object": {"metadata": {"namespace": "default", "labels": {"app": "web"}}}},
        {"cells": ["database-1", "0/1", None], "object": {"metadata": {"namespace": "kube-system"}}},
    ],
}


@pytest.mark.parametrize(
    ("options", "arguments", "expected"),
    [
        ({"wide": False}, {}, "NAME         READY\nweb-1        1/1\ndatabase-1   0/1\n"),
        ({"wide": True}, {}, "NAME         READY   NODE\nweb-1        1/1     n1\ndatabase-1   0/1     <none>\n"),
        ({"wide": False, "headers": False}, {}, "web-1        1/1\ndatabase-1   0/1\n"),
        (
            {"wide": False, "namespaces": True},
            {},
            "NAMESPACE     NAME         READY\ndefault       web-1        1/1\nkube-system   database-1   0/1\n",
        ),
        (
            {"wide": False},
            {"labels": ["app"], "type_prefix": "pod"},
            "NAME             READY   APP\npod/web-1        1/1     web\npod/database-1   0/1\n",
        ),
    ],
)
def test_tables(options: dict[str, bool], arguments: dict[str, Any], expected: str) -> None:
    assert TableWriter(**options).text(TABLE, **arguments) == expected


def test_a_watch_keeps_its_columns_and_prints_no_second_header() -> None:
    writer = TableWriter(wide=False)
    writer.text(TABLE)
    later = {"columnDefinitions": [], "rows": [{"cells": ["a", "1/1", "n1"], "object": {}}]}
    assert writer.text(later) == "a            1/1\n"


def test_a_watch_says_what_happened_if_asked() -> None:
    text = TableWriter(wide=False, namespaces=True).text(TABLE, event="ADDED")
    assert text.splitlines()[:2] == [
        "EVENT      NAMESPACE     NAME         READY",
        "ADDED      default       web-1        1/1",
    ]


def test_the_header_comes_with_the_first_object() -> None:
    """A watch of what isn't there yet shows nothing, then the header and what has come."""
    writer = TableWriter(wide=False)
    assert writer.text({**TABLE, "rows": []}) == ""
    later = {"columnDefinitions": [], "rows": [{"cells": ["a", "1/1", "n1"], "object": {}}]}
    assert writer.text(later) == "NAME   READY\na      1/1\n"


def test_an_empty_table_is_no_text() -> None:
    assert table_text([]) == ""


def test_align_widens_columns_only_among_neighbours() -> None:
    lines = ["Name:\tweb", "Labels:\tapp=web", "\ttier=front", "Containers:", "  a:", "    Image:\tx", "Status:\tok"]
    assert align(lines) == (
        "Name:    web\nLabels:  app=web\n         tier=front\nContainers:\n  a:\n    Image:  x\nStatus:     ok\n"
    )


def test_to_yaml_keeps_text_that_looks_like_something_else_a_text() -> None:
    assert to_yaml({"a": "yes", "b": "1e3", "c": "null", "d": "2026-01-01", "e": "y"}) == (
        'a: "yes"\nb: "1e3"\nc: "null"\nd: "2026-01-01"\ne: "y"\n'
    )
