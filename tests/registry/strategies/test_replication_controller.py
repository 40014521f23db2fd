"""ReplicationControllers: what they leave out is taken from the template."""

from __future__ import annotations

from .rules import defaulted, errors
from .workloads import workload


def test_the_selector_is_taken_from_the_template() -> None:
    tree = workload("ReplicationController", "v1", selector={})
    made = defaulted(tree)
    assert made.spec.selector == made.metadata.labels == {"app": "web"}
    assert errors(tree) == []
