"""Which objects a command line means: documents, `TYPE NAME ...`, `TYPE/NAME ...`, or a type and a selector."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from glob import glob
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from podium.cli.catalog import Resource
from podium.cli.failure import Failure
from podium.cli.rest import ServerError
from podium.cli.session import Session
from podium.machinery.documents import read_documents
from podium.machinery.errors import StatusError

NOTHING_NAMED = """\
error: You must provide one or more resources by argument or filename.
Example resource specifications include:
   '-f rsrc.yaml'
   '--filename=rsrc.json'
   '<resource> <name>'
   '<resource>'"""
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
        for document in _read(source, data):
            yield source, document


def of_files(session: Session, filenames: Sequence[str], recursive: bool) -> list[Target | Failure]:
    """What the documents in files are about. In the place of what is of no use, be it a file or a document of a kind
    that the server doesn't have (yet), stands why, so that it keeps nobody from the others."""
    found: list[Target | Failure] = []
    for source, data in list(_sources(filenames, recursive)):
        try:
            members = list(_read(source, data))
        except Failure as problem:
            found.append(problem)
            continue
        for document in members:
            try:
                found.append(of_document(session, document, source))
            except Failure as problem:
                found.append(problem)
    return found


def _read(source: str, data: bytes) -> Iterator[Tree]:
    try:
        found = read_documents(data)
    except StatusError as problem:
        raise Failure(f"error: error parsing {source}: {problem.message}") from None
    for document in found:
        yield from _members(source, document)


def _members(source: str, document: Any) -> Iterator[Tree]:
    if not isinstance(document, dict):
        raise Failure(_invalid(source, "invalid object to validate"))
    for field in ("apiVersion", "kind"):
        if not document.get(field):
            raise Failure(_invalid(source, f"{field} not set"))
    if document["kind"].endswith("List") and isinstance(document.get("items"), list):
        for item in document["items"]:
            yield from _members(source, item)
    else:
        yield document


def _invalid(source: str, why: str) -> str:
    return (
        f'error: error validating "{source}": error validating data: {why};'
        " if you choose to ignore these errors, turn validation off with --validate=false"
    )


def _sources(filenames: Sequence[str], recursive: bool) -> Iterator[tuple[str, bytes]]:
    """`-f` may be given several times, and several files at once: a.yaml,b.yaml or a quoted pattern."""
    for filename in (name for group in filenames for name in group.split(",")):
        if filename == "-":
            yield "STDIN", sys.stdin.buffer.read()
        elif filename.startswith(("http://", "https://")):
            with urlopen(filename) as response:  # noqa: S310 - the user named the URL
                yield filename, response.read()
        else:
            matches = [] if Path(filename).exists() else sorted(glob(filename))
            for path in matches or [filename]:
                yield from _files(Path(path), recursive)


def _files(path: Path, recursive: bool) -> Iterator[tuple[str, bytes]]:
    if not path.exists():
        raise Failure(f'error: the path "{path}" does not exist')
    if path.is_dir():
        pattern = "**/*" if recursive else "*"
        found = [file for file in sorted(path.glob(pattern)) if file.suffix in _EXTENSIONS and file.is_file()]
        if not found:
            raise Failure(f"error: error reading [{path}]: recognized file extensions are [.json .yaml .yml]")
        for file in found:
            yield str(file), file.read_bytes()
    else:
        yield str(path), path.read_bytes()


def of_document(session: Session, document: Tree, source: str = "") -> Target:
    resource = session.catalog.of_document(document, source)
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
                    "error: there is no need to specify a resource type as a separate argument when passing arguments"
                    " in resource/name form (e.g. 'podium get resource/<resource_name>' instead of 'podium get resource"
                    " resource/<resource_name>'"
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
        if words:
            raise Failure(
                "error: when paths, URLs, or stdin is provided as input, you may not specify resource arguments as well"
            )
        return [of_document(session, document, source) for source, document in documents(filenames, recursive)]
    if not words:
        raise Failure(NOTHING_NAMED)
    chosen = bool(selector or field_selector)
    if chosen and any("/" in word for word in words):
        raise Failure("error: selectors and the all flag cannot be used when passing resource/name arguments")
    targets = named(session, words)
    if targets:
        if chosen:
            raise Failure("error: name cannot be provided when a selector is specified")
        return targets
    if not (chosen or everything):
        raise Failure("error: resource(s) were provided, but no name was specified")
    return [
        Target(resource, (item["metadata"].get("namespace") or ""), item["metadata"]["name"])
        for resource in session.catalog.find_all(words[0])
        for item in items(session, resource, selector, field_selector)
    ]


def only_a_type(words: Sequence[str]) -> bool:
    """Whether a command line names no objects, just what they are."""
    return len(words) == 1 and "/" not in words[0]


def query_of(selector: str = "", field_selector: str = "") -> dict[str, str]:
    chosen = {"labelSelector": selector, "fieldSelector": field_selector}
    return {key: value for key, value in chosen.items() if value}


def items(session: Session, resource: Resource, selector: str = "", field_selector: str = "") -> list[Tree]:
    """Every object of a resource in the session's scope, with kind and apiVersion."""
    namespace = "" if session.all_namespaces else session.namespace
    with about_selectors(resource, selector, field_selector):
        listing = session.api.tree("GET", resource.path(namespace), query=query_of(selector, field_selector))
    found: list[Tree] = listing.get("items") or []
    for item in found:
        item.setdefault("apiVersion", resource.api_version)
        item.setdefault("kind", resource.kind)
    return found


@contextmanager
def about_selectors(resource: Resource, selector: str, field_selector: str) -> Iterator[None]:
    """A selector that the server can't do anything with is named in its error."""
    try:
        yield
    except ServerError as problem:
        if problem.reason != "BadRequest" or not (selector or field_selector):
            raise
        raise problem.because(
            f'Unable to find "{resource.group}/{resource.version}, Resource={resource.plural}" that match label'
            f' selector "{selector}", field selector "{field_selector}": '
        ) from None
