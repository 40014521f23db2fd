"""The image catalogue: what an image's name stands for where containers are local processes.

A catalogue file is YAML; a name without a tag stands for every tag:

    images:
      registry.example.com/shop/web:v1:
        command: [python, -m, http.server]
        args: ["8080"]
        env: {MODE: demo}
        workingDir: /srv/shop

A relative workingDir begins at the file's folder. The file is `$PODIUM_IMAGES`, or `images.yaml` in the data directory,
and is read again when it changes.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from podium.agent.runtime import Image, ImageError

FLASKAPP = Path(__file__).parent / "catalogue" / "flaskapp" / "app.py"


@dataclass(frozen=True, slots=True)
class Entry:
    command: tuple[str, ...] = ()
    args: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    working_dir: str = ""
    needs: str = ""
    """A Python module without which it can't run."""


def _flaskapp(version: str) -> Entry:
    return Entry((sys.executable, str(FLASKAPP)), environment={"FLASKAPP_VERSION": version}, needs="flask")


BUILT_IN = {f"docker.io/sakuragaara/flaskapp:{version}": _flaskapp(version) for version in ("v1", "v2")}


BASES = {
    f"docker.io/library/{name}": Entry(args=(program,))
    for name, program in (
        ("alpine", "sh"),
        ("busybox", "sh"),
        ("debian", "bash"),
        ("python", "python3"),
        ("ubuntu", "bash"),
    )
}
"""Images, whatever their tag, that begin nothing of their own but what their arguments say."""


def normalized(image: str) -> str:
    """The full name of an image: registry, path, tag or digest ("nginx" is "docker.io/library/nginx:latest")."""
    first, slash, _ = image.partition("/")
    if not slash:
        image = f"docker.io/library/{image}"
    elif "." not in first and ":" not in first and first != "localhost":
        image = f"docker.io/{image}"
    name = image.rpartition("/")[2]
    return image if ":" in name or "@" in name else f"{image}:latest"


def untagged(image: str) -> str:
    path, slash, name = normalized(image).rpartition("/")
    return path + slash + name.partition("@")[0].partition(":")[0]


class Catalogue:
    def __init__(self, file: Path | None = None) -> None:
        self._file = file
        self._stamp: tuple[float, int] | None = None
        self._own: dict[str, Entry] = {}

    def find(self, image: str) -> Entry | None:
        """The entry of an image; ImageError when the catalogue file can't be read."""
        self._refresh()
        name = normalized(image)
        return self._own.get(name) or self._own.get(untagged(image)) or BUILT_IN.get(name) or BASES.get(untagged(image))

    def image(self, image: str, *, has_command: bool) -> Image:
        """What an image runs; ImageError that says what to do when nothing is known of it."""
        entry = self.find(image)
        if entry is None:
            if has_command:
                return Image(id=normalized(image))
            where = self._file or "the catalogue file"
            raise ImageError(
                f'failed to resolve reference "{normalized(image)}": images are names of local programs here: say what '
                f'"{image}" runs in {where}, or give the container a command'
            )
        if entry.needs and importlib.util.find_spec(entry.needs) is None:
            raise ImageError(
                f'"{image}" needs the Python package {entry.needs}, which is not installed: '
                f"{sys.executable} -m pip install {entry.needs}"
            )
        return Image(normalized(image), entry.command, entry.args, entry.environment, entry.working_dir)

    def _refresh(self) -> None:
        if self._file is None:
            return
        try:
            found = self._file.stat()
        except FileNotFoundError:
            self._stamp, self._own = None, {}
            return
        stamp = (found.st_mtime, found.st_size)
        if stamp != self._stamp:
            self._own = parse(self._file.read_text(), self._file)
            self._stamp = stamp


def parse(text: str, origin: Path) -> dict[str, Entry]:
    """The entries of a catalogue file by normalized name; ImageError that names the place of a mistake."""
    try:
        document = yaml.safe_load(text) or {}
    except yaml.YAMLError as error:
        raise ImageError(f"image catalogue {origin}: {error}") from error
    images = document.get("images", {}) if isinstance(document, dict) else None
    if not isinstance(images, dict):
        raise ImageError(f"image catalogue {origin}: images: must be a map of image names")
    return {_key(str(name)): _entry(value, origin, f"{origin}: images[{name}]") for name, value in images.items()}


def _key(name: str) -> str:
    tagged = ":" in name.rpartition("/")[2] or "@" in name
    return normalized(name) if tagged else untagged(name)


def _entry(value: Any, origin: Path, where: str) -> Entry:
    if not isinstance(value, dict):
        raise ImageError(f"image catalogue {where}: must be a map")
    unknown = set(value) - {"command", "args", "env", "workingDir"}
    if unknown:
        raise ImageError(f"image catalogue {where}: unknown field {sorted(map(str, unknown))[0]}")
    command, args, env = value.get("command") or [], value.get("args") or [], value.get("env") or {}
    if not isinstance(command, list) or not isinstance(args, list) or not isinstance(env, dict):
        raise ImageError(f"image catalogue {where}: command and args must be lists, env a map")
    return Entry(
        tuple(map(str, command)),
        tuple(map(str, args)),
        {str(key): str(text) for key, text in env.items()},
        str(origin.parent.absolute() / value["workingDir"]) if value.get("workingDir") else "",
    )
