"""Keeps the static Pods of a node as the files of its manifest directory say.

The kubelet runs them even without an API server. Here API server and agent are one process, so a static Pod is the Pod
in the API: who deletes that ends it, and it comes back.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from pathlib import Path

from podium.agent.driver import NodeContext
from podium.agent.static_pods import directory, manifest
from podium.client.informers import Informer
from podium.machinery import errors
from podium.models.core_v1 import Node, Pod
from podium.models.meta_v1 import DeleteOptions, Preconditions

RETRY_SECONDS = 20.0

_log = logging.getLogger(__name__)


class StaticPods:
    def __init__(self, context: NodeContext, manifests: Path, pods: Informer[Pod], node_index: str) -> None:
        """`node_index` names the index of the Pods by node."""
        self._context = context
        self._manifests = manifests
        self._pods = pods
        self._node_index = node_index
        self._wake = asyncio.Event()
        self._problems: dict[str, str] = {}
        """What has been said about files and Pods, so that it isn't said again."""

    async def run(self) -> None:
        """Until cancelled. A node without such a directory does without, until there is one."""
        end_pods = self._pods.on_index(self._node_index, self._context.node_name, self._pod_changed)
        try:
            while True:
                try:
                    await self._follow()
                except OSError as error:
                    self._say("", f"static Pods of {self._context.node_name}: {error}")
                    await self._context.clock.sleep(RETRY_SECONDS)
        finally:
            end_pods()

    async def _follow(self) -> None:
        """Until another directory is in the place of this one; OSError if there is none."""
        self._manifests.mkdir(parents=True, exist_ok=True)
        followed = directory.identity(self._manifests)
        end_files = directory.watch(self._manifests, self._wake.set)
        try:
            while directory.identity(self._manifests) == followed:
                self._wake.clear()
                again = None
                if not await self._try():
                    again = self._context.clock.call_later(RETRY_SECONDS, self._wake.set)
                try:
                    await self._wake.wait()
                finally:
                    if again is not None:
                        again.cancel()
        finally:
            end_files()

    def _pod_changed(self, _old: Pod | None, new: Pod | None) -> None:
        if new is None or manifest.is_static(new):
            self._wake.set()

    async def _try(self) -> bool:
        """Whether all is as it should be, or will be without another look. OSError if there is no directory."""
        try:
            return await self._reconcile()
        except errors.StatusError as error:
            self._say("", f"static Pods of {self._context.node_name}: {error}")
            return False

    async def _reconcile(self) -> bool:
        node = await self._context.client.get(Node, "", self._context.node_name)
        wanted = await asyncio.to_thread(self._read)
        there = self._pods.by_index(self._node_index, self._context.node_name)
        plan = manifest.plan(wanted, there, node, self._context.now())
        done = True
        for pod in plan.delete:
            options = DeleteOptions(preconditions=Preconditions(uid=pod.metadata.uid))
            with contextlib.suppress(errors.NotFound, errors.Conflict):
                await self._context.client.delete(Pod, pod.metadata.namespace, pod.metadata.name, options)
        for pod in plan.create:
            done = await self._create(pod) and done
        return done

    async def _create(self, pod: Pod) -> bool:
        where = f"{pod.metadata.namespace}/{pod.metadata.name}"
        try:
            await self._context.client.create(pod)
        except errors.AlreadyExists:  # one that isn't ours, or that the cache doesn't know yet
            return False
        except errors.StatusError as error:
            self._say(where, f"static Pod {where}: {error}")
            return False
        self._problems.pop(where, None)
        return True

    def _read(self) -> dict[manifest.Key, Pod]:
        """The Pods of all files; of two with one name the first file's."""
        found: dict[manifest.Key, Pod] = {}
        for path in sorted(self._manifests.iterdir()):
            if path.name.startswith(".") or not path.is_file():
                continue
            try:
                text = path.read_bytes()
                if not text:  # somebody begins to write it
                    continue
                pod = manifest.read(text, self._context.node_name)
            except (manifest.ManifestError, OSError) as error:
                self._say(path.name, f"manifest {path}: {error}")
                continue
            self._problems.pop(path.name, None)
            found.setdefault((pod.metadata.namespace, pod.metadata.name), pod)
        return found

    def _say(self, about: str, problem: str) -> None:
        if self._problems.get(about) != problem:
            _log.warning("%s", problem)
        self._problems[about] = problem
