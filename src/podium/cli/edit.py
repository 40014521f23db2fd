"""`podium edit`: change an object in an editor; what the editor leaves is sent as a patch."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import click

from podium.cli import objects, writes
from podium.cli.failure import Failure
from podium.cli.printers import to_yaml, without_managed_fields
from podium.cli.session import Session, connected, filenames, output, record
from podium.machinery.documents import read_documents
from podium.machinery.errors import StatusError

_HEADER = (
    "# Please edit the object below. Lines beginning with a '#' will be ignored,\n"
    "# and an empty file will abort the edit. If an error occurs while saving this file will be\n"
    "# reopened with the relevant failures.\n#\n"
)


@click.command("edit")
@click.argument("words", nargs=-1)
@filenames
@output
@record
@connected
def command(session: Session, words: tuple[str, ...], filenames: tuple[str, ...], output: str, record: bool) -> None:
    """Change objects in $KUBE_EDITOR or $EDITOR: `edit deploy/web`."""
    for target in objects.select(session, words, filenames, everything=objects.only_a_type(words)):
        _edit(session, target, output, record)


def _edit(session: Session, target: objects.Target, output: str, record: bool) -> None:
    current = session.api.tree("GET", target.path)
    shown = without_managed_fields(json.loads(json.dumps(current)))
    text, trouble = _HEADER + to_yaml(shown), ""
    while True:
        edited_text = _in_editor(trouble + text)
        edited, problem = _read(edited_text)
        if (problem is None and edited == shown) or not edited_text.strip():
            click.echo("Edit cancelled, no changes made.", err=True)
            return
        if problem is None and edited is not None:
            try:
                changed = _send(session, target, shown, edited, record)
            except Failure as failure:
                problem = failure.text
            else:
                writes.report(target, "edited", changed, output)
                return
        if _without_comments(edited_text) == _without_comments(text):
            raise Failure(f"{_kept(text)}error: Edit cancelled, no valid changes were saved.\n{problem}")
        trouble = "".join(f"# {line}\n" for line in str(problem).splitlines())
        text = _without_comments(edited_text)


def _send(
    session: Session, target: objects.Target, shown: dict[str, Any], edited: dict[str, Any], record: bool
) -> dict[str, Any]:
    if record:
        writes.with_change_cause(edited)
    kind, change = writes.difference(shown, edited, shown)
    return writes.patch(session, target, change, kind)


def _read(text: str) -> tuple[dict[str, Any] | None, str | None]:
    try:
        found = list(read_documents(text.encode()))
    except StatusError as problem:
        return None, problem.message
    if len(found) != 1 or not isinstance(found[0], dict):
        return None, "the file must hold one object"
    return found[0], None


def _without_comments(text: str) -> str:
    return "".join(line for line in text.splitlines(keepends=True) if not line.startswith("#"))


def _kept(text: str) -> str:
    """What somebody has typed isn't lost because the server doesn't take it: says where it is."""
    handle, name = tempfile.mkstemp(prefix="podium-edit-", suffix=".yaml")
    with os.fdopen(handle, "w") as file:
        file.write(text)
    return f'A copy of your changes has been stored to "{name}"\n'


def _in_editor(text: str) -> str:
    editor = os.environ.get("KUBE_EDITOR") or os.environ.get("EDITOR") or "vi"
    handle, name = tempfile.mkstemp(prefix="podium-edit-", suffix=".yaml")
    path = Path(name)
    try:
        with os.fdopen(handle, "w") as file:
            file.write(text)
        # The editor may be a command with arguments, as for kubectl.
        try:
            status = subprocess.run([*shlex.split(editor), name], check=False).returncode  # noqa: S603
        except OSError:
            raise Failure(f'error: unable to launch the editor "{editor}"') from None
        if status:
            raise Failure(f'error: there was a problem with the editor "{editor}"')
        return path.read_text()
    finally:
        path.unlink(missing_ok=True)
