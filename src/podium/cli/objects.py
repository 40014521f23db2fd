"""Which objects a command line means: documents, `TYPE NAME ...`, `TYPE/NAME ...`, or a type and a selector."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from podium.cli.catalog import Resource
from podium.cli.failure import Failure
from podium.cli.session import Session
from podium.machinery.documents import read_documents
from podium.machinery.errors import StatusError

_EXTENSIONS = (".yaml", ".yml", ".json")
Tree = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Target:
    """One object that a command is about: where it is, and the document it was named by, if by one."""

    resource: Resource
    namespace: str
    name: str
    document: Tree | None = None
    source: str = ""
    """The file that the document is from."""

    @property
    def path(self) -> str:
        return self.resource.path(self.namespace, self.name)

    @property
    def collection(self) -> str:
        return self.resource.path(self.namespace)

    @property
    def title(self) -> str:
        """As results name it: "deployment.apps/web"."""
        return f"{self.resource.type_name}/{self.name}"


def documents(filenames: Sequence[str], recursive: bool) -> Iterator[tuple[str, Tree]]:
    """Every object in the files with its file, in their order; members of a List come one by one."""
    for source, data in _sources(filenames, recursive):
        try:
            found = read_documents(data)
        except StatusError as problem:
            raise Failure(f"error: error parsing {source}: {problem.message}") from None
        for document in found:
            yield from ((source, member) for member in _members(source, document))


def _members(source: str, document: Any) -> Iterator[Tree]:
    if not isinstance(document, dict):
        raise Failure(f"error: {source}: a document must be an object, not a {type(document).__name__}")
    for field in ("apiVersion", "kind"):
        if not document.get(field):
            raise Failure(f'error: error validating "{source}": {field} not set')
    if document["kind"] == "List" and isinstance(document.get("items"), list):
        for item in document["items"]:
            yield from _members(source, item)
    else:
        yield document


def _sources(filenames: Sequence[str], recursive: bool) -> Iterator[tuple[str, bytes]]:
    for filename in filenames:
        if filename == "-":
            yield "STDIN", sys.stdin.buffer.read()
        elif filename.startswith(("http://", "https://")):
            with urlopen(filename) as response:  # noqa: S310 - the user named the URL
                yield filename, response.read()
        else:
            yield from _files(Path(filename), recursive)


def _files(path: Path, recursive: bool) -> Iterator[tuple[str, bytes]]:
    if not path.exists():
        raise Failure(f'error: the path "{path}" does not exist')
    if path.is_dir():
        pattern = "**/*" if recursive else "*"
        for file in sorted(path.glob(pattern)):
            if file.suffix in _EXTENSIONS and file.is_file():
                yield str(file), file.read_bytes()
    else:
        yield str(path), path.read_bytes()


def of_document(session: Session, document: Tree, source: str = "") -> Target:
    resource = session.catalog.of_document(document)
    metadata = document.setdefault("metadata", {})
    namespace = ""
    if resource.namespaced:
        namespace, wanted = metadata.get("namespace") or session.namespace, session.explicit_namespace
        if wanted and namespace != wanted:
            raise Failure(
                f'error: the namespace from the provided object "{namespace}" does not match the namespace "{wanted}".'
                f" You must pass '--namespace={namespace}' to perform this operation."
            )
        metadata["namespace"] = namespace
    return Target(resource, namespace, metadata.get("name") or "", document, source)


def named(session: Session, words: Sequence[str]) -> list[Target]:
    """The objects that `TYPE NAME ...` or `TYPE/NAME ...` name, without asking whether they exist."""
    if any("/" in word for word in words):
        targets = []
        for word in words:
            kind, slash, name = word.partition("/")
            if not slash or not name:
                raise Failure(
                    "error: there is no need to specify a resource type as a separate argument when passing"
                    " arguments in resource/name form"
                )
            targets.append(_target(session, session.catalog.find(kind), name))
        return targets
    if len(words) < 2:
        return []
    return [_target(session, resource, name) for resource in session.catalog.find_all(words[0]) for name in words[1:]]


def _target(session: Session, resource: Resource, name: str) -> Target:
    return Target(resource, session.namespace if resource.namespaced else "", name)


def select(
    session: Session,
    words: Sequence[str],
    filenames: Sequence[str] = (),
    *,
    recursive: bool = False,
    selector: str = "",
    field_selector: str = "",
    everything: bool = False,
) -> list[Target]:
    """Every object that the command line means. A type alone needs a selector or `everything` (--all)."""
    if filenames:
        return [of_document(session, document, source) for source, document in documents(filenames, recursive)]
    if not words:
        raise Failure("error: you must specify a type of resource and a name, or documents with -f")
    targets = named(session, words)
    if targets:
        if selector:
            raise Failure("error: name cannot be provided when a selector is specified")
        return targets
    if not (selector or field_selector or everything):
        raise Failure("error: resource(s) were provided, but no name was specified")
    return [
        Target(resource, (item["metadata"].get("namespace") or ""), item["metadata"]["name"])
        for resource in session.catalog.find_all(words[0])
        for item in items(session, resource, selector, field_selector)
    ]


def query_of(selector: str = "", field_selector: str = "") -> dict[str, str]:
    chosen = {"labelSelector": selector, "fieldSelector": field_selector}
    return {key: value for key, value in chosen.items() if value}


def items(session: Session, resource: Resource, selector: str = "", field_selector: str = "") -> list[Tree]:
    """Every object of a resource in the session's scope, with kind and apiVersion."""
    namespace = "" if session.all_namespaces else session.namespace
    listing = session.api.tree("GET", resource.path(namespace), query=query_of(selector, field_selector))
    found: list[Tree] = listing.get("items") or []
    for item in found:
        item.setdefault("apiVersion", resource.api_version)
        item.setdefault("kind", resource.kind)
    return found
