"""The API as Python functions: every verb on every resource, with admission, validation and conflicts.

The server puts it on the wire; components in the same process reach it through client.inprocess. Verbs are modules of
their own: create, update, patch, delete, lists, watching, and subresources/ for the actions on single kinds.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from random import Random
from typing import Any

from podium.clock import Clock
from podium.machinery import errors
from podium.machinery.usage import UsageAccess
from podium.models.meta_v1 import DeleteOptions
from podium.models.resources import METRICS
from podium.registry import aggregation, apply, bootstrap, create, delete, lists, patch, provided, update, watching
from podium.registry.admission import plugins
from podium.registry.admission.chain import Chain
from podium.registry.core import Core, TokenIssuer
from podium.registry.housekeeping import Housekeeping
from podium.registry.parts import part
from podium.registry.resources import Resource, row
from podium.registry.services import Services
from podium.registry.storage import Collection
from podium.registry.subresources import binding, eviction, token
from podium.registry.types import Entry, Listing, ListOptions, PatchType, Request, User, WatchEvent, WatchOptions
from podium.registry.views import viewed
from podium.store.port import Store

_Action = Callable[[Core, Request, Resource, str, str, Any], Awaitable[Entry]]

_ACTIONS: dict[tuple[str, str], _Action] = {
    ("pods", "binding"): binding.bind,
    ("pods", "eviction"): eviction.evict,
    ("serviceaccounts", "token"): token.issue,
}
"""What a POST to a subresource does, by (group resource, subresource)."""


class Registry:
    """Give it a store, a clock and a source of chance; start it; then everything else is its verbs."""

    def __init__(self, store: Store, clock: Clock, rng: Random, *, token_issuer: TokenIssuer | None = None) -> None:
        self.core = Core(store, clock, rng)
        self.core.admission = Chain(plugins.default())
        self.core.token_issuer = token_issuer
        self._housekeeping = Housekeeping(self.core)
        self._begun = False
        """Whether it is to have what every cluster begins with."""
        self._providers: dict[str, provided.Provider] = {}
        self.extensions: aggregation.Extensions | None = None
        """The way to API servers that extend this one, while there is one."""

    async def start(self, *, empty: bool = False) -> None:
        """Take over what the store has and create what every cluster begins with, unless it is to stay empty."""
        await self.core.load()
        self.core.allocators["services"] = Services(self.core.live("services"), self.core.rng)
        self._housekeeping.start()
        if not empty:
            await bootstrap.bootstrap(self.core)
        self._begun = not empty

    async def advertise(self, address: str, port: int) -> None:
        """Let the Service default/kubernetes lead to where the API is served."""
        await bootstrap.advertise(self.core, address, port)

    async def stop(self) -> None:
        """End all watches; the store is its owner's to close."""
        await self._housekeeping.stop()
        for watch in list(self.core.watches):
            watch.close()

    # The table and what is in memory

    def resource(self, group: str, version: str, plural: str) -> Resource | None:
        return self.core.resource(group, version, plural)

    def resources(self) -> Sequence[Resource]:
        return self.core.resources()

    def live(self, resource: Resource | str) -> Collection:
        """The current objects of a resource (its row, or a group resource such as "replicasets.apps")."""
        return self.core.live(resource)

    @property
    def revision(self) -> int:
        """The newest revision that reads show."""
        return self.core.revision

    # Reading

    async def reach(self, resource_version: str) -> None:
        """Return when reads show that revision; an error if they don't within some seconds."""
        await lists.wait_for(self.core, lists.revision_number(resource_version))

    async def get(self, res: Resource, namespace: str, name: str, subresource: str = "") -> Entry:
        _supports(res, "get", subresource)
        self.core.check()
        if res.provided:
            return await provided.get(self._provider(res), res, namespace, name)
        entry = self.core.live(res).get(namespace, name)
        if entry is None:
            shown = replace(res.type, plural=f"{res.plural}/scale") if subresource == "scale" else res
            raise errors.NotFound(shown.group_resource, name)
        return viewed(part(self.core.stored(res), subresource, res.view).read, entry)

    async def list(self, res: Resource, namespace: str, options: ListOptions) -> Listing:
        _supports(res, "list")
        if res.provided:
            return await provided.list_(self._provider(res), self.core, res, namespace, options)
        listing = await lists.list_(self.core, res, namespace, options)
        if res.view is None:
            return listing
        read = res.view.from_stored
        return replace(listing, entries=[viewed(read, entry) for entry in listing.entries])

    def watch(self, res: Resource, namespace: str, options: WatchOptions) -> AsyncGenerator[Sequence[WatchEvent], None]:
        """Checks the options at once. Changes come in batches; the watch ends with the timeout or `aclose`."""
        _supports(res, "watch")
        return watching.watch(self.core, res, namespace, options)

    def provide_metrics(self, access: UsageAccess) -> None:
        """Serve metrics.k8s.io from what the nodes' agents measure."""
        for kind in METRICS:
            self.core.add(row(kind))
        self._providers["nodes.metrics.k8s.io"] = provided.NodeMetricsProvider(self.core, access)
        self._providers["pods.metrics.k8s.io"] = provided.PodMetricsProvider(self.core, access)

    async def ask_extension(self, user: User, path: str, query: Mapping[str, str]) -> bytes:
        """What another API server that serves this path answers to a GET. PathNotFound if none does."""
        service = aggregation.extension(self.core, *aggregation.group_version(path))
        if service is None:
            raise errors.PathNotFound
        aggregation.require_available(service)
        if self.extensions is None:
            raise errors.ServiceUnavailable(aggregation.UNAVAILABLE)
        return await self.extensions.get(service, user, path, query)

    def _provider(self, res: Resource) -> provided.Provider:
        return self._providers[res.group_resource]

    # Writing

    async def create(
        self, request: Request, res: Resource, namespace: str, obj: Any, name: str = "", subresource: str = ""
    ) -> Entry:
        """The object as it was stored. With a subresource, `name` is whose, and the answer is the action's."""
        _supports(res, "create", subresource)
        if subresource:
            return await self._action(res, subresource)(self.core, request, res, namespace, name, obj)
        stored = self.core.stored(res)
        if res.view is None:
            return await create.create(self.core, request, stored, namespace, obj)
        entry = await create.create(self.core, request, stored, namespace, res.view.to_stored(obj))
        return viewed(res.view.from_stored, entry)

    def _action(self, res: Resource, subresource: str) -> _Action:
        action = _ACTIONS.get((res.group_resource, subresource))
        if action is None:
            raise errors.MethodNotAllowed(f"{res.group_resource}/{subresource}", "create")
        return action

    async def update(
        self, request: Request, res: Resource, namespace: str, name: str, obj: Any, subresource: str = ""
    ) -> Entry:
        _supports(res, "update", subresource)
        stored = self.core.stored(res)
        what = part(stored, subresource, res.view)
        return viewed(what.read, await update.update(self.core, request, stored, (namespace, name), obj, what))

    async def patch(
        self,
        request: Request,
        res: Resource,
        namespace: str,
        name: str,
        tree: Any,
        patch_type: PatchType,
        subresource: str = "",
    ) -> Entry:
        _supports(res, "patch", subresource)
        stored = self.core.stored(res)
        what = part(stored, subresource, res.view)
        if patch_type == "apply":
            target = apply.Target(namespace, name)
            entry = await apply.apply_config(self.core, request, res, target, tree, what)
        else:
            entry = await patch.patch(self.core, request, stored, (namespace, name), tree, patch_type, what)
        return viewed(what.read, entry)

    async def delete(
        self, request: Request, res: Resource, namespace: str, name: str, options: DeleteOptions | None
    ) -> Entry | None:
        """The object if something holds it; None if it is gone, then it is in `request.removed`."""
        _supports(res, "delete")
        stored = self.core.stored(res)
        entry = await delete.delete(self.core, request, stored, namespace, name, options)
        if entry is None and request.removed is None and self._begun:
            await bootstrap.bootstrap(self.core)  # nobody could read it: it may be what every cluster begins with
        return None if entry is None else viewed(res.view.from_stored if res.view else None, entry)

    async def delete_collection(
        self, request: Request, res: Resource, namespace: str, options: ListOptions, how: DeleteOptions | None
    ) -> Listing:
        """What was selected, as it was before; all of it is deleted or being deleted when this returns."""
        _supports(res, "deletecollection")
        listing = await self.list(replace(res, verbs=(*res.verbs, "list")), namespace, options)
        await delete.delete_all(self.core, request, self.core.stored(res), listing.entries, how)
        return listing


def _supports(res: Resource, verb: str, subresource: str = "") -> None:
    if not subresource:
        if verb not in res.verbs or (res.virtual and not res.provided):
            raise errors.MethodNotAllowed(res.group_resource, verb)
        return
    found = res.subresources.get(subresource)
    if found is None:
        raise errors.PathNotFound
    if verb not in found.verbs:
        raise errors.MethodNotAllowed(f"{res.group_resource}/{subresource}", verb)
