"""What the tests of workloads share: a template, a workload of it, what is said when the selector doesn't match."""

from __future__ import annotations

from typing import Any

from podium.models import codec

from .rules import changed, defaulted, update_errors

TEMPLATE = {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "c", "image": "nginx:1"}]}}
LABEL = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with "
    "an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is "
    "'[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
)
MISMATCH = 'spec.template.metadata.labels: Invalid value: {"app":"web"}: `selector` does not match template `labels`'
OTHER_SELECTOR = 'spec.selector: Invalid value: {"matchLabels":{"app":"b"}}: field is immutable'


def workload(kind: str, api_version: str = "apps/v1", **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": api_version,
        "kind": kind,
        "metadata": {"name": "web", "namespace": "default", "uid": "u"},
        "spec": {"selector": {"matchLabels": {"app": "web"}}, "template": TEMPLATE, **spec},
    }


def spec_of(tree: dict[str, Any]) -> dict[str, Any]:
    spec = codec.to_tree(defaulted(tree))["spec"]
    return {name: value for name, value in spec.items() if name not in ("selector", "template", "jobTemplate")}


def other_selector_errors(tree: dict[str, Any]) -> list[str]:
    """What is wrong with selecting other Pods, and labelling them so."""
    other = changed(changed(tree, "spec.selector.matchLabels.app", "b"), "spec.template.metadata.labels.app", "b")
    return update_errors(tree, other)
