"""Which Pods are behind which Services, kept current change by change.

A Pod finds the Services that select it by one label of their selector, so a change of a Pod costs no more where there
are a thousand Services. The Pods of a namespace are looked through only when a Service's selector changes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from podium.client.informers import Informer
from podium.controllers import pods as pod_rules
from podium.controllers.context import Context, Key
from podium.models import core_v1
from podium.models.selectors import of_labels

_BY_LABEL = "selected-label"


def _selected_label(service: core_v1.Service) -> Iterable[str]:
    """Namespace, label and value of one requirement of the selector: every Pod of the Service has it."""
    if not has_selector(service):
        return ()
    key, value = min(service.spec.selector.items())
    return (_label(service.metadata.namespace, key, value),)


def _label(namespace: str, key: str, value: str) -> str:
    return f"{namespace}/{key}={value}"


def has_selector(service: core_v1.Service) -> bool:
    """Whether its endpoints are its Pods, and not what a user writes or nothing at all."""
    return bool(service.spec.selector) and service.spec.type != "ExternalName"


class Membership:
    """`changed` is called with the key of each Service whose endpoints may be others now."""

    def __init__(self, context: Context, changed: Callable[[Key], None]) -> None:
        self._changed = changed
        self._services: Informer[core_v1.Service] = context.informers.of(core_v1.Service)
        self._pods: Informer[core_v1.Pod] = context.informers.of(core_v1.Pod)
        self._services.add_index(_BY_LABEL, _selected_label)
        self._members: dict[Key, dict[str, core_v1.Pod]] = {}
        context.on_change(self._services, self._service_changed)
        context.on_change(self._pods, self._pod_changed)

    def pods(self, service: Key) -> Sequence[core_v1.Pod]:
        """The Pods that the Service selects, by name."""
        return [pod for _, pod in sorted(self._members.get(service, {}).items())]

    def _service_changed(self, old: core_v1.Service | None, new: core_v1.Service | None) -> None:
        either = new or old
        if either is None:
            return
        key = (either.metadata.namespace, either.metadata.name)
        if new is None or not has_selector(new):
            self._members.pop(key, None)
        elif old is None or not has_selector(old) or old.spec.selector != new.spec.selector:
            matcher = of_labels(new.spec.selector)
            pods = self._pods.list(new.metadata.namespace)
            self._members[key] = {pod.metadata.name: pod for pod in pods if matcher.matches(pod.metadata.labels)}
        self._changed(key)

    def _pod_changed(self, old: core_v1.Pod | None, new: core_v1.Pod | None) -> None:
        relevant = old is None or new is None or endpoint_changed(old, new)
        same = _same_labels(old, new)
        if same and not relevant:
            return  # most changes; the Pod as it was known serves as well
        before = self._services_of(old)
        after = before if same else self._services_of(new)
        for key in before:
            if key not in after and old is not None:
                self._members.get(key, {}).pop(old.metadata.name, None)
                self._changed(key)
        for key in after:
            if new is None:
                continue
            self._members.setdefault(key, {})[new.metadata.name] = new
            if relevant or key not in before:
                self._changed(key)

    def _services_of(self, pod: core_v1.Pod | None) -> Sequence[Key]:
        if pod is None:
            return ()
        namespace, labels = pod.metadata.namespace, pod.metadata.labels
        return [
            (namespace, service.metadata.name)
            for key, value in labels.items()
            for service in self._services.by_index(_BY_LABEL, _label(namespace, key, value))
            if of_labels(service.spec.selector).matches(labels)
        ]


def _same_labels(old: core_v1.Pod | None, new: core_v1.Pod | None) -> bool:
    return old is not None and new is not None and old.metadata.labels == new.metadata.labels


def endpoint_changed(old: core_v1.Pod, new: core_v1.Pod) -> bool:
    """Whether the change shows in endpoints: most changes of a Pod don't."""
    return (
        old.metadata.deletionTimestamp != new.metadata.deletionTimestamp
        or old.status.podIPs != new.status.podIPs
        or old.status.podIP != new.status.podIP
        or pod_rules.is_finished(old) != pod_rules.is_finished(new)
        or pod_rules.is_ready(old) != pod_rules.is_ready(new)
        or (old.spec.hostname, old.spec.subdomain) != (new.spec.hostname, new.spec.subdomain)
        or old.spec.nodeName != new.spec.nodeName
    )
