"""Sets of completion indexes: their text, their sums, and which index is next."""

from __future__ import annotations

import pytest

from podium.controllers.job import indexes
from podium.controllers.job.indexes import Intervals
from tests.controllers.job.build import pod


@pytest.mark.parametrize(
    ("text", "completions", "expected", "again"),
    [
        ("", 10, (), ""),
        ("3", 10, ((3, 3),), "3"),
        ("1,3-5,7", 10, ((1, 1), (3, 5), (7, 7)), "1,3-5,7"),
        ("1,2", 10, ((1, 2),), "1,2"),
        ("1-3", 10, ((1, 3),), "1-3"),
        ("1,2,3", 10, ((1, 3),), "1-3"),
        ("0-9", 5, ((0, 4),), "0-4"),  # an elastic Job became smaller
        ("2,7-9", 5, ((2, 2),), "2"),
        ("1,x,4", 10, ((1, 1), (4, 4)), "1,4"),
        ("1,4-y,6", 10, ((1, 1), (6, 6)), "1,6"),
        ("1," + "9" * 5000 + ",2-\N{SUPERSCRIPT TWO},6", 10, ((1, 1), (6, 6)), "1,6"),
    ],
)
def test_text(text: str, completions: int, expected: Intervals, again: str) -> None:
    assert indexes.parse(text, completions) == expected
    assert indexes.text(expected) == again


def test_merging_and_counting() -> None:
    one = indexes.parse("0-2,6", 10)
    merged = indexes.with_indexes(one, {4, 3, 8})
    assert indexes.text(merged) == "0-4,6,8"
    assert indexes.total(merged) == 7
    assert [index for index in range(10) if indexes.has(merged, index)] == [0, 1, 2, 3, 4, 6, 8]
    assert not indexes.has((), 0)
    assert indexes.overlap(merged, indexes.parse("1,4-6,8-9", 10)) == 4
    assert indexes.with_indexes(one, ()) is one


@pytest.mark.parametrize(
    ("taken", "count", "completions", "expected"),
    [
        ("", 2, 5, [0, 1]),
        ("0,2", 2, 5, [1, 3]),
        ("0-3", 5, 5, [4]),
        ("0-4", 5, 5, []),
        ("1-9", 3, 5, [0]),
        ("", 0, 5, []),
    ],
)
def test_the_lowest_that_is_missing(taken: str, count: int, completions: int, expected: list[int]) -> None:
    assert indexes.missing(indexes.parse(taken, 100), count, completions) == expected


def test_the_index_of_a_pod() -> None:
    assert indexes.of_pod(pod("a", index=7)) == 7
    assert indexes.of_pod(pod("a")) is None
    odd = pod("a")
    for text in ("-1", "x", "", "1.0", "٣"):
        odd.metadata.annotations = {indexes.INDEX: text}
        assert indexes.of_pod(odd) is None


def test_one_pod_an_index_and_none_without() -> None:
    pods = [pod("a", index=0), pod("b", index=0), pod("c", index=1), pod("d", index=9), pod("e"), pod("f", index=0)]
    order = {one.metadata.uid: position for position, one in enumerate(reversed(pods))}  # f goes first
    remove, left = indexes.redundant(pods, 3, order)
    assert sorted(one.metadata.name for one in remove) == ["b", "d", "e", "f"]
    assert [one.metadata.name for one in left] == ["a", "c"]
