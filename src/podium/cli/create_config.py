"""What `podium create configmap` and `podium create secret generic` create: entries from texts, files and folders."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from podium.cli.failure import Failure

Tree = dict[str, Any]


def config_map(name: str, options: dict[str, Any]) -> Tree:
    """A ConfigMap; what is no text becomes binary data."""
    result: Tree = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}}
    for key, content in _entries(f'ConfigMap "{name}"', options).items():
        try:
            result.setdefault("data", {})[key] = content.decode()
        except UnicodeDecodeError:
            result.setdefault("binaryData", {})[key] = b64encode(content).decode()
    return result


def secret(name: str, options: dict[str, Any]) -> Tree:
    result: Tree = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}}
    data = {key: b64encode(content).decode() for key, content in _entries(f'Secret "{name}"', options).items()}
    if data:
        result["data"] = data
    if options["secret_type"]:
        result["type"] = options["secret_type"]
    return result


def _entries(owner: str, options: dict[str, Any]) -> dict[str, bytes]:
    """What the flags give, no key twice. Failure."""
    if options["env_files"] and (options["files"] or options["literals"]):
        raise Failure("error: from-env-file cannot be combined with from-file or from-literal")
    found: dict[str, bytes] = {}
    for key, content in [*_literals(options), *_files(options), *_lines(options)]:
        if key in found:
            raise Failure(f'error: cannot add key "{key}", another key by that name already exists in Data for {owner}')
        found[key] = content
    return found


def _literals(options: dict[str, Any]) -> Iterator[tuple[str, bytes]]:
    for literal in options["literals"]:
        key, equals, value = literal.partition("=")
        if not equals or not key:
            raise Failure(f"error: invalid literal source {literal}, expected key=value")
        yield key, value.encode()


def _files(options: dict[str, Any]) -> Iterator[tuple[str, bytes]]:
    """`FILE`, `KEY=FILE`, or a folder, whose files' names are keys."""
    for source in options["files"]:
        key, equals, name = source.rpartition("=")
        path = Path(name)
        if path.is_dir() and equals:
            raise Failure("error: cannot give a key name for a directory path")
        if path.is_dir():
            yield from ((file.name, file.read_bytes()) for file in sorted(path.iterdir()) if file.is_file())
        else:
            yield key or path.name, path.read_bytes()


def _lines(options: dict[str, Any]) -> Iterator[tuple[str, bytes]]:
    """Lines KEY=VALUE; empty ones and those that begin with # say nothing."""
    for name in options["env_files"]:
        for line in Path(name).read_text().splitlines():
            if line.strip() and not line.lstrip().startswith("#"):
                key, _, value = line.lstrip().partition("=")
                yield key, value.encode()
