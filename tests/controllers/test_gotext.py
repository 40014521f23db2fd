"""What Kubernetes' messages have as Go prints it."""

from __future__ import annotations

from podium.controllers import gotext
from podium.models import meta_v1


def test_a_label_selector() -> None:
    expression = meta_v1.LabelSelectorRequirement(key="tier", operator="In", values=("a", "b"))
    selector = meta_v1.LabelSelector(matchLabels={"b": "2", "a": "1"}, matchExpressions=(expression,))
    assert gotext.label_selector(selector) == (
        "&LabelSelector{MatchLabels:map[string]string{a: 1,b: 2,},MatchExpressions:[]LabelSelectorRequirement"
        "{LabelSelectorRequirement{Key:tier,Operator:In,Values:[a b],},},}"
    )
    assert gotext.label_selector(None) == "nil"
