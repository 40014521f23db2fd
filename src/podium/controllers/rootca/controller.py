"""The root CA publisher: keeps the ConfigMap kube-root-ca.crt in every Namespace; by it Pods trust the API server."""

from __future__ import annotations

from podium.client.queue import WorkQueue
from podium.controllers.context import Context, Key
from podium.controllers.replicaset.controller import is_namespace_terminating
from podium.controllers.worker import DONE, Result
from podium.machinery import errors
from podium.models import codec, core_v1, meta_v1

NAME = "kube-root-ca.crt"
_DESCRIPTION = "kubernetes.io/description"
_TEXT = (
    "Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints such as the "
    "internal service IP or kubernetes.default.svc. No other usage is guaranteed across distributions of Kubernetes "
    "clusters."
)


class RootCAPublisher:
    def __init__(self, context: Context, queue: WorkQueue[Key]) -> None:
        self._client = context.client
        self._queue = queue
        self._data = {"ca.crt": context.root_ca}
        if not context.root_ca:
            return
        self._namespaces = context.informers.of(core_v1.Namespace)
        self._maps = context.informers.of(core_v1.ConfigMap)
        context.on_change(self._namespaces, self._namespace_changed)
        context.on_change(self._maps, self._map_changed)

    def _namespace_changed(self, old: core_v1.Namespace | None, new: core_v1.Namespace | None) -> None:
        if new is not None:
            self._queue.add(("", new.metadata.name))

    def _map_changed(self, old: core_v1.ConfigMap | None, new: core_v1.ConfigMap | None) -> None:
        if old is not None and old.metadata.name == NAME:
            self._queue.add(("", old.metadata.namespace))

    async def reconcile(self, key: Key) -> Result:
        namespace = self._namespaces.get(*key)
        if namespace is None or namespace.status.phase == "Terminating":
            return DONE
        there = self._maps.get(namespace.metadata.name, NAME)
        if there is None:
            await self._create(namespace.metadata.name)
        elif there.data != self._data or there.metadata.annotations.get(_DESCRIPTION) != _TEXT:
            repaired = codec.copy(there)
            repaired.data = dict(self._data)
            repaired.metadata.annotations = {**there.metadata.annotations, _DESCRIPTION: _TEXT}
            await self._client.update(repaired)
        return DONE

    async def _create(self, namespace: str) -> None:
        metadata = meta_v1.ObjectMeta(name=NAME, namespace=namespace, annotations={_DESCRIPTION: _TEXT})
        try:
            await self._client.create(core_v1.ConfigMap(metadata=metadata, data=dict(self._data)))
        except errors.AlreadyExists:
            return
        except errors.StatusError as error:
            if not isinstance(error, errors.NotFound) and not is_namespace_terminating(error):
                raise
