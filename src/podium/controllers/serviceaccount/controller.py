"""The ServiceAccount controller: creates "default" in every Namespace, again if somebody deletes it."""

from __future__ import annotations

from podium.client.queue import WorkQueue
from podium.controllers.context import Context, Key
from podium.controllers.replicaset.controller import is_namespace_terminating
from podium.controllers.worker import DONE, Result
from podium.machinery import errors
from podium.models import core_v1, meta_v1

NAME = "default"


class ServiceAccountController:
    def __init__(self, context: Context, queue: WorkQueue[Key]) -> None:
        self._client = context.client
        self._queue = queue
        self._namespaces = context.informers.of(core_v1.Namespace)
        self._accounts = context.informers.of(core_v1.ServiceAccount)
        context.on_change(self._namespaces, self._namespace_changed)
        context.on_change(self._accounts, self._account_changed)

    def _namespace_changed(self, old: core_v1.Namespace | None, new: core_v1.Namespace | None) -> None:
        if new is not None:
            self._queue.add(("", new.metadata.name))

    def _account_changed(self, old: core_v1.ServiceAccount | None, new: core_v1.ServiceAccount | None) -> None:
        if new is None and old is not None and old.metadata.name == NAME:
            self._queue.add(("", old.metadata.namespace))

    async def reconcile(self, key: Key) -> Result:
        namespace = self._namespaces.get(*key)
        if namespace is None or namespace.status.phase == "Terminating":
            return DONE
        name = namespace.metadata.name
        if self._accounts.get(name, NAME) is not None:
            return DONE
        account = core_v1.ServiceAccount(metadata=meta_v1.ObjectMeta(name=NAME, namespace=name))
        try:
            await self._client.create(account)
        except errors.AlreadyExists:
            return DONE
        except errors.StatusError as error:
            if isinstance(error, errors.NotFound) or is_namespace_terminating(error):
                return DONE
            raise
        return DONE
