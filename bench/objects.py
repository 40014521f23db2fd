"""The objects that the measurements use."""

from __future__ import annotations

from typing import Any

import orjson

NAMESPACE = "default"
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


def workload(kind: str, name: str, replicas: int) -> dict[str, Any]:
    """A small object of a kind that runs Pods: `replicas` of them, or completions, or one a node."""
    labels = {"app": name}
    template: dict[str, Any] = {
        "metadata": {"labels": labels},
        "spec": {"containers": [{"name": "web", "image": "web:1"}]},
    }
    selected: dict[str, Any] = {"selector": {"matchLabels": labels}, "template": template}
    job = {
        "completions": replicas,
        "parallelism": replicas,
        "template": {"spec": {**template["spec"], "restartPolicy": "Never"}},
    }
    specs: dict[str, tuple[str, dict[str, Any]]] = {
        "Deployment": ("apps/v1", {"replicas": replicas, **selected}),
        "StatefulSet": ("apps/v1", {"replicas": replicas, "serviceName": name, **selected}),
        "DaemonSet": ("apps/v1", selected),
        "Job": ("batch/v1", job),
        "CronJob": ("batch/v1", {"schedule": "0 3 * * *", "jobTemplate": {"spec": job}}),
    }
    api_version, spec = specs[kind]
    return {"apiVersion": api_version, "kind": kind, "metadata": {"name": name}, "spec": spec}
