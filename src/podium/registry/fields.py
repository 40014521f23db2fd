"""Which fields each kind can be selected by, and what their values are (API reference: field selectors)."""

from __future__ import annotations

from collections.abc import Callable
from operator import attrgetter
from typing import Any

_REFERENCE = ("kind", "namespace", "name", "uid", "apiVersion", "resourceVersion", "fieldPath")

Value = Callable[[Any], str]

METADATA: dict[str, Value] = {
    "metadata.name": attrgetter("metadata.name"),
    "metadata.namespace": attrgetter("metadata.namespace"),
}


def _flag(path: str) -> Value:
    get = attrgetter(path)
    return lambda obj: "true" if get(obj) else "false"


def _count(path: str) -> Value:
    get = attrgetter(path)
    return lambda obj: str(get(obj) or 0)


def _texts(*paths: str) -> dict[str, Value]:
    return {path: attrgetter(path) for path in paths}


def _regarding(name: str) -> Value:
    return lambda event: getattr(event.regarding, name) if event.regarding else ""


def _event_source(event: Any) -> str:
    """The component of an Event's source; the reporting component if it has none."""
    source = event.source.component if event.source else ""
    return source or event.reportingComponent


_POD: dict[str, Value] = {
    **_texts(
        "spec.nodeName",
        "spec.restartPolicy",
        "spec.schedulerName",
        "spec.serviceAccountName",
        "status.phase",
        "status.podIP",
        "status.nominatedNodeName",
    ),
    "spec.hostNetwork": _flag("spec.hostNetwork"),
    "status.podIPs": lambda pod: ",".join(address.ip for address in pod.status.podIPs),
}
_EVENT: dict[str, Value] = {
    **_texts(
        *(f"involvedObject.{name}" for name in _REFERENCE),
        "reason",
        "reportingComponent",
        "type",
    ),
    "source": _event_source,
}
_EVENTS_V1: dict[str, Value] = {
    **{f"regarding.{name}": _regarding(name) for name in _REFERENCE},
    **_texts("reason", "type"),
    "reportingController": attrgetter("reportingController"),
}

_FIELDS: dict[tuple[str, str], dict[str, Value]] = {
    ("", "Pod"): _POD,
    ("", "Event"): _EVENT,
    ("events.k8s.io", "Event"): _EVENTS_V1,
    ("", "Secret"): _texts("type"),
    ("", "Namespace"): _texts("status.phase"),
    ("", "Node"): {"spec.unschedulable": _flag("spec.unschedulable")},
    ("", "ReplicationController"): {"status.replicas": _count("status.replicas")},
    ("apps", "ReplicaSet"): {"status.replicas": _count("status.replicas")},
    ("batch", "Job"): {"status.successful": _count("status.succeeded")},
    ("certificates.k8s.io", "CertificateSigningRequest"): _texts("spec.signerName"),
    ("resource.k8s.io", "ResourceSlice"): _texts("spec.driver", "spec.nodeName"),
    ("", "Service"): _texts("spec.clusterIP", "spec.type"),
}
_ALL = {kind: {**METADATA, **values} for kind, values in _FIELDS.items()}


def of(group: str, kind: str) -> dict[str, Value]:
    """The fields that objects of a kind can be selected by."""
    return _ALL.get((group, kind), METADATA)
