"""What the registry is asked and what it answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from podium.models import codec
from podium.registry.unreadable import CorruptObject


@dataclass(frozen=True, slots=True)
class User:
    """Who asks, as authentication found out."""

    name: str
    groups: tuple[str, ...] = ()
    uid: str = ""
    extra: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


SYSTEM = User("system:apiserver", ("system:masters", "system:authenticated"))


def service_account(namespace: str, name: str, uid: str = "") -> User:
    """Who a ServiceAccount is as a user."""
    groups = ("system:serviceaccounts", f"system:serviceaccounts:{namespace}", "system:authenticated")
    return User(f"system:serviceaccount:{namespace}:{name}", groups, uid)


@dataclass(slots=True)
class Request:
    """One write, apart from its object: who asks and how it is to be carried out."""

    user: User = SYSTEM
    dry_run: bool = False
    field_manager: str = ""
    """Who is said to own what the write changes; "" for components in this process (see managed_fields)."""
    force: bool = False
    """Of an apply: take over what others own."""
    applies: bool = False
    """Set by an apply: who owns what has been worked out."""
    may_create: Callable[[], None] | None = None
    """Raises Forbidden when an apply or an update is about to create an object and its user may not."""
    created: bool = False
    """Set by an apply that created its object."""
    warnings: list[str] = field(default_factory=list)
    """What the client is to be warned of; the server sends each as a Warning header."""
    inspect: Callable[[Any], None] | None = None
    """Called with the tree that a patch makes, before it is decoded: the server's look at unknown fields."""
    removed: Entry | None = None
    """After a delete that removed the object at once: the object as it last was."""


class Entry:
    """An object at a revision: its JSON as clients see it (resourceVersion included), and the decoded struct.

    The struct is decoded when first asked for, and shared: nobody changes it.
    """

    __slots__ = ("_model", "_object", "data", "key", "revision")

    def __init__(self, key: str, revision: int, data: bytes, model: type[Any], decoded: Any = None) -> None:
        self.key = key
        self.revision = revision
        self.data = data
        self._model = model
        self._object = decoded

    @property
    def decoded(self) -> bool:
        """Whether the struct is at hand without decoding."""
        return self._object is not None

    @property
    def object(self) -> Any:
        if self._object is None:
            try:
                self._object = codec.decode(self.data, self._model)
            except ValueError as error:  # of the log: what is current has been read at the start
                raise CorruptObject(self.key, str(error)) from error
        return self._object


@dataclass(frozen=True, slots=True)
class ListOptions:
    """What a list is asked for. Selectors are given as the query string has them."""

    label_selector: str = ""
    field_selector: str = ""
    limit: int = 0
    continue_: str = ""
    resource_version: str = ""
    resource_version_match: str = ""


@dataclass(frozen=True, slots=True)
class Listing:
    entries: Sequence[Entry]
    revision: int
    continue_: str = ""
    remaining: int | None = None
    """How many more there are, if that is known (it isn't with selectors)."""


@dataclass(frozen=True, slots=True)
class WatchOptions:
    label_selector: str = ""
    field_selector: str = ""
    resource_version: str = ""
    resource_version_match: str = ""
    send_initial_events: bool | None = None
    allow_bookmarks: bool = False
    in_part: bool = False
    """Begin with what can be read, even if not all of it can."""
    periodic_bookmarks: bool = True
    """Of those: also one a minute, for clients that may lose their connection."""
    timeout_seconds: float | None = None


PatchType = Literal["json", "merge", "strategic", "apply"]
EventType = Literal["ADDED", "MODIFIED", "DELETED", "BOOKMARK"]


@dataclass(frozen=True, slots=True)
class WatchEvent:
    """A change, as one watcher sees it. A bookmark has no entry."""

    type: EventType
    entry: Entry | None
    revision: int
    initial_events_end: bool = False
    """On a bookmark: the initial events are complete."""
