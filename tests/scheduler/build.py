"""Pods and nodes in one line each, for the scheduler's tests."""

from __future__ import annotations

from itertools import count
from random import Random
from typing import Any

from podium.models import codec, core_v1
from podium.scheduler.cache import Cache
from podium.scheduler.outcome import FitError, Placement
from podium.scheduler.pods import PodInfo
from podium.scheduler.schedule import Decider

_uids = count(1)


def node(name: str, *, cpu: str = "4", memory: str = "8Gi", pods: int = 110, **more: Any) -> core_v1.Node:
    """`more`: labels, zone, taints ("key=value:Effect"), unschedulable, images (name -> bytes), resources."""
    labels = {"kubernetes.io/hostname": name, **more.get("labels", {})}
    if "zone" in more:
        labels["topology.kubernetes.io/zone"] = more["zone"]
    allocatable = {"cpu": cpu, "memory": memory, "pods": str(pods), **more.get("resources", {})}
    images = [{"names": [image], "sizeBytes": size} for image, size in more.get("images", {}).items()]
    tree: dict[str, Any] = {
        "metadata": {"name": name, "labels": labels},
        "spec": {"taints": [taint(text) for text in more.get("taints", ())]},
        "status": {"allocatable": allocatable, "images": images},
    }
    if more.get("unschedulable"):
        tree["spec"]["unschedulable"] = True
    return codec.from_tree(tree, core_v1.Node)


def taint(text: str) -> dict[str, str]:
    key_value, effect = text.split(":")
    key, _, value = key_value.partition("=")
    return {"key": key, "value": value, "effect": effect}


def pod(name: str = "", *, cpu: str = "", memory: str = "", on: str = "", **more: Any) -> core_v1.Pod:
    """`more`: namespace, labels, owner (uid of a ReplicaSet), ports (host ports), priority, spec, status, metadata."""
    uid = f"uid-{next(_uids)}"
    requests = {key: value for key, value in (("cpu", cpu), ("memory", memory)) if value}
    container: dict[str, Any] = {"name": "c", "image": more.get("image", "app:1"), "resources": {"requests": requests}}
    container["ports"] = [{"containerPort": 80, "hostPort": port} for port in more.get("ports", ())]
    metadata: dict[str, Any] = {
        "name": name or uid,
        "namespace": more.get("namespace", "default"),
        "uid": uid,
        "labels": more.get("labels", {}),
        **more.get("metadata", {}),
    }
    if "owner" in more:
        owner = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "rs", "uid": more["owner"], "controller": True}
        metadata["ownerReferences"] = [owner]
    spec: dict[str, Any] = {"containers": [container], **more.get("spec", {})}
    if on:
        spec["nodeName"] = on
    if "priority" in more:
        spec["priority"] = more["priority"]
    return codec.from_tree({"metadata": metadata, "spec": spec, "status": more.get("status", {})}, core_v1.Pod)


def cluster(*nodes: core_v1.Node, pods: tuple[core_v1.Pod, ...] = ()) -> Cache:
    cache = Cache()
    for one in nodes:
        cache.set_node(one)
    for placed in pods:
        cache.set_pod(cache.templates.info(placed))
    return cache


def info(cache: Cache, one: core_v1.Pod) -> PodInfo:
    return cache.templates.info(one)


def decide(cache: Cache, one: core_v1.Pod, seed: int = 0) -> Placement | FitError:
    return Decider(cache, Random(seed)).decide(info(cache, one))


def placed_on(cache: Cache, one: core_v1.Pod) -> str:
    outcome = decide(cache, one)
    assert isinstance(outcome, Placement), outcome
    return outcome.node


def refused(cache: Cache, one: core_v1.Pod) -> str:
    """The message, without its beginning and the full stop."""
    outcome = decide(cache, one)
    assert isinstance(outcome, FitError), outcome
    return outcome.message.partition(": ")[2].rstrip(".")
