"""`podium port-forward`: ports of this machine that lead into a Pod. Each connection is a WebSocket of its own."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import click

from podium.cli import pods
from podium.cli.channels import Channels
from podium.cli.failure import Failure
from podium.cli.session import Session, connected

DATA, ERROR = 0, 1
CHUNK = 32 * 1024
_LAST_WORDS = 2.0
"""Seconds that the Pod may be silent once our side has ended: channels can't tell it that."""


@dataclass(frozen=True, slots=True)
class Ports:
    local: int
    """0: any free one."""
    remote: int


@click.command("port-forward")
@connected
@click.argument("target", metavar="POD|TYPE/NAME")
@click.argument("ports", metavar="[LOCAL:]REMOTE...", nargs=-1, required=True)
def command(session: Session, target: str, ports: tuple[str, ...]) -> None:
    """Let ports of this machine lead into a Pod: `port-forward web-1 8080:80`, `port-forward svc/web :80`."""
    chosen = pods.choose(session, target)
    wanted = [read_ports(text, chosen) for text in ports]
    phase = (chosen.pod.get("status") or {}).get("phase")
    if phase != "Running":
        raise Failure(f"error: unable to forward port because pod is not running. Current status={phase}")
    path = chosen.path(session, "portforward")
    listeners = []
    for each in wanted:
        try:
            listener = socket.create_server(("127.0.0.1", each.local))
        except OSError as problem:
            raise Failure(f"error: unable to listen on port {each.local}: {problem.strerror}") from None
        port = listener.getsockname()[1]
        click.echo(f"Forwarding from 127.0.0.1:{port} -> {each.remote}")
        listeners.append((listener, port, each.remote))
    threads = [threading.Thread(target=_accept, args=(session, path, *each), daemon=True) for each in listeners]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def read_ports(text: str, chosen: pods.Chosen) -> Ports:
    """`8080:80`, `80`, `:80`; a port may be a name, and a Service's leads to the port of its Pods. Failure."""
    local, colon, remote = text.partition(":")
    if not colon:
        remote = local
    number = _remote(remote, chosen)
    if not colon:
        local = local if local.isdigit() else str(number)
    if local and not (local.isdigit() and int(local) < 65536):
        raise Failure(f"error: invalid port format '{text}'")
    return Ports(int(local or 0), number)


def _remote(text: str, chosen: pods.Chosen) -> int:
    wanted: Any = text
    if chosen.by.get("kind") == "Service":
        for port in chosen.by["spec"].get("ports") or ():
            if text in (str(port["port"]), port.get("name")):
                wanted = port["port"] if chosen.by["spec"].get("clusterIP") == "None" else port.get("targetPort")
                break
        else:
            raise Failure(f"error: Service {chosen.by['metadata']['name']} does not have a service port {text}")
    for container in chosen.pod["spec"].get("containers") or ():
        for port in container.get("ports") or ():
            if port.get("name") == wanted:
                return int(port["containerPort"])
    if str(wanted).isdigit() and 0 < int(wanted) < 65536:
        return int(wanted)
    raise Failure(f"error: Pod '{chosen.name}' does not have a named port '{text}'")


def _accept(session: Session, path: str, listener: socket.socket, local: int, remote: int) -> None:
    while True:
        connection, _ = listener.accept()
        click.echo(f"Handling connection for {local}")
        threading.Thread(target=_forward, args=(session, path, connection, local, remote), daemon=True).start()


def _forward(session: Session, path: str, local: socket.socket, port: int, remote: int) -> None:
    with local:
        try:
            with Channels(session.connection, path, [("ports", str(remote))], "v4.channel.k8s.io") as channels:
                _copy(channels, local, port, remote)
        except Failure as failure:
            click.echo(failure.text, err=True)
        finally:
            with suppress(OSError):  # the program at our end has gone; otherwise it, and our other thread, learn of it
                local.shutdown(socket.SHUT_RDWR)


def _copy(channels: Channels, local: socket.socket, port: int, remote: int) -> None:
    """Both ways, until the Pod's side has ended, or ours and the Pod is silent."""
    ended = threading.Event()

    def send() -> None:
        with suppress(ConnectionError):  # the program at our end has gone
            while data := local.recv(CHUNK):
                if not channels.send(DATA, data):
                    return
        ended.set()

    greeted: set[int] = set()
    threading.Thread(target=send, daemon=True).start()
    while True:
        try:
            message = channels.receive(_LAST_WORDS)
        except TimeoutError:
            if ended.is_set():
                return
            continue
        if message is None:
            return
        channel, data = message
        if channel not in greeted:  # the first message of a channel names the port
            greeted.add(channel)
        elif channel == ERROR:
            click.echo(f"an error occurred forwarding {port} -> {remote}: {data.decode(errors='replace')}", err=True)
            return
        else:
            try:
                local.sendall(data)
            except ConnectionError:
                return
