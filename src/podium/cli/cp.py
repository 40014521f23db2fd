"""`podium cp`: copy files to and from a container, as a tar archive that `tar` in the container reads or writes."""

from __future__ import annotations

import json
import os
import posixpath
import tarfile
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import click

from podium.cli import pods
from podium.cli.channels import Channels
from podium.cli.exec import CHUNK, ERROR, STDERR, STDIN, STDOUT, Status, Streams, end, opened, show_output
from podium.cli.failure import Failure
from podium.cli.session import Session, connected

_FORMAT = "error: filespec must match the canonical format: [[namespace/]pod:]file/path"


@dataclass(frozen=True, slots=True)
class Place:
    """One end of the copy: a path here, or in a Pod."""

    path: str
    pod: str = ""
    namespace: str = ""


@click.command("cp")
@click.argument("source")
@click.argument("destination")
@click.option("-c", "--container", default="", help="Which container, if there are several.")
@click.option("--no-preserve", is_flag=True, help="Files get the owner and mode that are usual in the container.")
@connected
def command(session: Session, source: str, destination: str, container: str, no_preserve: bool) -> None:
    """Copy files: `cp ./page.html web-1:/srv/page.html`, `cp web-1:/var/log ./log`. The container needs `tar`."""
    here, there = place(source), place(destination)
    if here.pod and there.pod:
        raise Failure("error: one of src or dest must be a local file specification")
    if not here.path or not there.path:
        raise Failure("error: filepath can not be empty")
    remote = here if here.pod else there
    if not remote.pod:
        raise Failure("error: one of src or dest must be a remote file specification")
    if there.pod and not os.path.lexists(here.path):
        raise Failure(f"error: {here.path} doesn't exist in local filesystem")
    path = session.catalog.find("pods").path(remote.namespace or session.namespace, remote.pod)
    pod = session.api.tree("GET", path)
    container_end = _Container(session, pods.Chosen(pod, pod), pods.container_of(pod, container))
    if here.pod:
        container_end.download(here.path, Path(there.path))
    else:
        container_end.upload(Path(here.path), there.path, no_preserve)


def place(text: str) -> Place:
    """Of "path", "pod:path" or "namespace/pod:path"."""
    pod, colon, path = text.partition(":")
    if not colon:
        return Place(text)
    namespace, _, name = pod.rpartition("/")
    if not pod or not name or "/" in namespace:
        raise Failure(_FORMAT)
    return Place(path, name, namespace)


class _Container:
    """The end of the copy that is in a container."""

    def __init__(self, session: Session, pod: pods.Chosen, name: str) -> None:
        self._session = session
        self._pod = pod
        self._name = name

    def _run(self, stdin: bool, *command_line: str) -> Channels:
        return opened(self._session, self._pod, "exec", Streams(self._name, stdin, False), command_line)

    def _is_folder(self, path: str) -> bool:
        status: Status = None
        with self._run(False, "test", "-d", path) as channels:
            while (message := channels.receive()) is not None:
                if message[0] == ERROR:
                    status = json.loads(message[1] or b"null")
        return status is not None and status.get("status") == "Success"

    def upload(self, source: Path, destination: str, no_preserve: bool) -> None:
        target = posixpath.normpath(destination)
        if self._is_folder(destination):
            target = posixpath.join(target, source.resolve().name)
        folder, name = posixpath.split(target)
        as_usual = ("--no-same-permissions", "--no-same-owner") if no_preserve else ()
        unpack = ("tar", *as_usual, "-xmf", "-", *(("-C", folder) if folder else ()))
        with self._run(True, *unpack) as channels:
            sender = threading.Thread(target=_send_archive, args=(channels, source, name), daemon=True)
            sender.start()
            status = show_output(channels)
        end(status)

    def download(self, source: str, destination: Path) -> None:
        with self._run(False, "tar", "cf", "-", source) as channels:
            output = _Output(channels)
            try:
                with tarfile.open(mode="r|", fileobj=cast(Any, output)) as archive:
                    unpack(archive, archive_prefix(source), destination)
            except tarfile.ReadError:
                end(output.rest())
                raise Failure("error: the container's tar didn't write an archive") from None
            status = output.rest()
        end(status)


def archive_prefix(source: str) -> str:
    """What all names in the archive of a path begin with: tar leaves out what leads out of where it begins."""
    parts = [part for part in posixpath.normpath(source).split("/") if part not in ("", ".", "..")]
    return "/".join(parts)


def _send_archive(channels: Channels, source: Path, name: str) -> None:
    with tarfile.open(mode="w|", fileobj=cast(Any, _Input(channels)), bufsize=CHUNK) as archive:
        archive.add(source, arcname=name)
    channels.end(STDIN)


class _Input:
    """What is written goes to the command."""

    def __init__(self, channels: Channels) -> None:
        self._channels = channels

    def write(self, data: bytes) -> int:
        self._channels.send(STDIN, bytes(data))
        return len(data)


class _Output:
    """What the command writes, to be read; its complaints go to standard error."""

    def __init__(self, channels: Channels) -> None:
        self._channels = channels
        self._waiting = b""
        self._status: Status = None

    def _more(self) -> bool:
        message = self._channels.receive()
        if message is None:
            return False
        channel, data = message
        if channel == STDOUT:
            self._waiting += data
        elif channel == STDERR and data:
            click.echo(data, nl=False, err=True)
        elif channel == ERROR and data:
            self._status = json.loads(data)
        return True

    def read(self, size: int) -> bytes:
        while len(self._waiting) < size and self._more():
            pass
        data, self._waiting = self._waiting[:size], self._waiting[size:]
        return data

    def rest(self) -> Status:
        """How the command ended."""
        while self._more():
            self._waiting = b""
        return self._status


def unpack(archive: tarfile.TarFile, prefix: str, destination: Path) -> None:
    """Write the archive's files and folders below the destination, and nowhere else; links are left out."""
    for entry in archive:
        name = entry.name.removeprefix("./")
        if name != prefix and not name.startswith(f"{prefix}/" if prefix else ""):
            raise Failure("error: tar contents corrupted")
        rest = name[len(prefix) :].lstrip("/")
        if ".." in rest.split("/"):
            click.echo(f'warning: file "{destination / rest}" is outside target destination, skipping', err=True)
            continue
        target = destination / rest if rest else destination
        try:
            _unpack(archive, entry, target)
        except OSError as problem:
            raise Failure(f"error: open {target}: {(problem.strerror or '').lower()}") from None


def _unpack(archive: tarfile.TarFile, entry: tarfile.TarInfo, target: Path) -> None:
    if entry.isdir():
        target.mkdir(parents=True, exist_ok=True)
    elif entry.issym() or entry.islnk():
        click.echo(f'warning: skipping symlink: "{target}" -> "{entry.linkname}"', err=True)
    elif (content := archive.extractfile(entry)) is not None:
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("wb") as file:
            while data := content.read(CHUNK):
                file.write(data)
        target.chmod(entry.mode & 0o777)
