"""Which objects a list or a watch is about: a namespace, a label selector and a field selector, made ready to ask."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from podium.machinery import selectors
from podium.models.selectors import Selector
from podium.registry import fields
from podium.registry.resources import Resource
from podium.registry.storage import Collection, Values
from podium.registry.types import Entry

_INDEXED = ("spec.nodeName",)
"""Fields, besides name and namespace, of which a watch costs only the changes that it sees."""


class Selection:
    """What is selected of one resource."""

    def __init__(self, res: Resource, namespace: str, label_selector: str, field_selector: str) -> None:
        self.labels: Selector = selectors.parse_labels(label_selector)
        known = fields.of(res.group, res.kind)
        self.fields = selectors.parse_fields(field_selector, known)
        self._values = [(one, known[one.field]) for one in self.fields.requirements]
        self.namespace = namespace or (self.fields.exact("metadata.namespace") or "" if res.namespaced else "")
        self.name = self.fields.exact("metadata.name")
        self.filtered = not (self.labels.empty and self.fields.empty)
        self.res = res

    def matches(self, entry: Entry) -> bool:
        """Whether an object of the right namespace is selected."""
        if not self.filtered:
            return True
        obj = entry.object
        if self.res.view:
            obj = self.res.view.from_stored(obj)
        return self.labels.matches(obj.metadata.labels) and all(
            (value(obj) == one.value) is not one.negated for one, value in self._values
        )

    def candidates(self, collection: Collection) -> Iterable[Entry]:
        """The current objects among which the selected ones are, in no order."""
        if self.name is not None and (self.namespace or not self.res.namespaced):
            found = collection.get(self.namespace, self.name)
            return () if found is None else (found,)
        return collection.namespace(self.namespace).values() if self.namespace else collection.entries.values()

    def index(self, collection: Collection) -> tuple[str, str, Values | None]:
        """The narrowest index that holds all that is selected."""
        if self.name is not None and (self.namespace or not self.res.namespaced):
            return "key", collection.key(self.namespace, self.name), _key
        for field in () if self.res.view else _INDEXED:
            value = self.fields.exact(field)
            if value is not None:
                return field, value, _of_object(fields.of(self.res.group, self.res.kind)[field])
        if self.namespace:
            return "namespace", self.namespace, lambda entry: collection.namespace_of(entry.key)
        return "", "", None

    def covers(self, collection: Collection, entry: Entry) -> bool:
        """Whether an object is in the namespace (the index of a watch may be on something else) and selected."""
        if self.namespace and collection.namespace_of(entry.key) != self.namespace:
            return False
        return self.matches(entry)


def _key(entry: Entry) -> str:
    return entry.key


def _of_object(value: Callable[[Any], str]) -> Values:
    return lambda entry: value(entry.object)
