"""Events: a good one, and what makes it a bad one."""

from __future__ import annotations

from .rules import as_is_errors, changed, errors, thing

EVENT = thing("v1", "Event", involvedObject={"kind": "Pod", "name": "p", "namespace": "default"})


def test_a_good_one_passes_and_stays_good() -> None:
    assert as_is_errors(EVENT) == []


def test_rejected() -> None:
    assert errors(changed(EVENT, "involvedObject.namespace", "other")) == [
        'involvedObject.namespace: Invalid value: "other": does not match event.namespace'
    ]
