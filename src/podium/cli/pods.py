"""Which Pod a command line means: `web-1`, `pod/web-1`, `deploy/web`, `svc/web`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import click

from podium.cli import objects
from podium.cli.failure import Failure
from podium.cli.session import Session

Tree = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Chosen:
    """A Pod, and the object by which it was chosen (itself, if that was its name)."""

    pod: Tree
    by: Tree

    @property
    def name(self) -> str:
        return str(self.pod["metadata"]["name"])

    def path(self, session: Session, subresource: str) -> str:
        return session.catalog.find("pods").path(self.pod["metadata"]["namespace"], self.name, subresource)


def choose(session: Session, word: str) -> Chosen:
    """The Pod of that name, or a running one of what is named; Failure, ServerError."""
    pods = session.catalog.find("pods")
    if "/" not in word:
        pod = session.api.tree("GET", pods.path(session.namespace, word))
        return Chosen(pod, pod)
    target = objects.named(session, [word])[0]
    document = session.api.tree("GET", target.path)
    if target.resource.kind == "Pod":
        return Chosen(document, document)
    found = selected_by(session, target, document, "attach to")
    running = [pod for pod in found if (pod.get("status") or {}).get("phase") == "Running"]
    if not running:
        raise Failure(f"error: no running Pods found for {target.title}")
    return Chosen(running[0], document)


def selected_by(session: Session, target: objects.Target, document: Tree, doing: str) -> list[Tree]:
    """The Pods that a workload or Service selects."""
    selector = (document.get("spec") or {}).get("selector") or {}
    plain = target.resource.kind in ("Service", "ReplicationController")
    labels = selector if plain else selector.get("matchLabels")
    if not labels:
        raise Failure(f"error: cannot {doing} {target.title}: it selects no Pods")
    pods = session.catalog.find("pods")
    return objects.items(session, pods, ",".join(f"{key}={value}" for key, value in labels.items()))


def container_of(pod: Tree, asked: str) -> str:
    """The container that is asked for, or the first one, which is then said if there are several."""
    if asked:
        return asked
    names = [container["name"] for container in pod["spec"].get("containers") or ()]
    preferred: str = (pod["metadata"].get("annotations") or {}).get("kubectl.kubernetes.io/default-container", "")
    if preferred in names:
        return preferred
    if len(names) > 1:
        click.echo(f'Defaulted container "{names[0]}" out of: {", ".join(names)}', err=True)
    return str(names[0])
