"""The objects that the measurements use."""

from __future__ import annotations

from typing import Any

import orjson

LIST_NAMESPACE = "bench-list"
DEPLOYMENTS = "/apis/apps/v1/namespaces/default/deployments"
PODS = "/api/v1/namespaces/default/pods"


def config_map(name: str, size: int) -> bytes:
    """The JSON of a ConfigMap, of exactly that many bytes."""
    obj: dict[str, Any] = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"key": ""}}
    obj["data"]["key"] = "x" * (size - len(orjson.dumps(obj)))
    return orjson.dumps(obj)


def deployment(name: str, replicas: int, image: str) -> dict[str, Any]:
    labels = {"app": name}
    container = {"name": "web", "image": image, "ports": [{"containerPort": 80}]}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "labels": labels},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": "25%"}},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
        },
    }
