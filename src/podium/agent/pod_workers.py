"""The driver of a node that runs something: a worker per Pod, and the end of what no Pod wants any more."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

from podium.agent.containers import everything
from podium.agent.driver import NodeContext, container_not_found
from podium.agent.logs import LogReader
from podium.agent.pod_worker import PodWorker
from podium.agent.runtime import ContainerRecord, Runtime, RuntimeFailure
from podium.agent.services.proxy import ServiceProxy
from podium.machinery import errors
from podium.machinery.streams import ClientStreams, Connection, LogOptions, OutputStream, StreamOptions
from podium.models.core_v1 import Pod

ORPHAN_GRACE = 2.0

_log = logging.getLogger(__name__)


class PodWorkers:
    def __init__(self, context: NodeContext, runtime: Runtime) -> None:
        self._context = context
        self._runtime = runtime
        self._proxy = ServiceProxy(context, runtime)
        self._workers: dict[str, PodWorker] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._stopping = False

    async def start(self) -> None:
        self._runtime.on_exit(self._exited)
        await self._context.interests.start()
        await self._proxy.start()

    def pod_changed(self, old: Pod | None, new: Pod | None) -> None:
        if new is None:
            if old is not None:
                self._context.statuses.forget(old.metadata.uid)
                if worker := self._workers.get(old.metadata.uid):
                    worker.remove()
            return
        uid = new.metadata.uid
        worker = self._workers.get(uid)
        if worker is not None:
            worker.update(new)
            return
        worker = self._workers[uid] = PodWorker(self._context, self._runtime, self._proxy, new)
        task = self._tasks[uid] = asyncio.get_running_loop().create_task(worker.run(), name=f"pod {new.metadata.name}")
        task.add_done_callback(lambda done: self._worker_ended(uid, done))

    async def remove_orphans(self) -> None:
        """End what runs for Pods that have left the API meanwhile."""
        for sandbox in self._runtime.sandboxes():
            if sandbox.uid not in self._workers:
                running = [r for r in self._runtime.containers(sandbox.uid) if r.state == "running"]
                await asyncio.gather(*(self._runtime.stop_container(r.id, ORPHAN_GRACE) for r in running))
                await self._runtime.remove_sandbox(sandbox.uid)

    async def logs(self, pod: Pod, options: LogOptions) -> AsyncGenerator[bytes, None]:
        name = options.container or pod.spec.containers[0].name
        runs = [record for record in self._runtime.containers(pod.metadata.uid) if record.name == name]
        record = self._run_to_read(pod, name, runs, options)
        reader = LogReader(
            self._runtime.log_path(record.id), options, self._context.clock, lambda: self._has_ended(pod, record)
        )
        async with aclosing(reader.read()) as pieces:
            async for piece in pieces:
                yield piece

    async def exec(self, pod: Pod, command: Sequence[str], options: StreamOptions, client: ClientStreams) -> int:
        record = self._running(pod, options.container)
        try:
            return await self._runtime.exec(record.id, command, options, client)
        except RuntimeFailure as failure:
            raise errors.InternalError(f"Internal error occurred: {failure}") from failure

    async def attach(self, pod: Pod, options: StreamOptions, client: ClientStreams) -> None:
        """As in Kubernetes, what a client types is not read if the container asks for no standard input."""
        record = self._running(pod, options.container)
        container = next((each for each in everything(pod) if each.name == options.container), None)
        if container is not None and (container.stdin or container.tty):
            try:
                await self._runtime.attach(record.id, options, client)
            except RuntimeFailure as failure:
                raise errors.InternalError(f"Internal error occurred: {failure}") from failure
            return
        path = self._runtime.log_path(record.id)
        wanted = LogOptions(options.container, follow=True, tail_lines=0)

        async def show(stream: OutputStream) -> None:
            reader = LogReader(
                path, wanted, self._context.clock, lambda: self._has_ended(pod, record), "" if options.tty else stream
            )
            async with aclosing(reader.read()) as pieces:
                async for piece in pieces:
                    await client.write(stream, piece)

        streams: dict[OutputStream, bool] = {"stdout": options.stdout, "stderr": options.stderr}
        await asyncio.gather(*(show(stream) for stream, asked in streams.items() if asked))

    async def connect(self, pod: Pod, port: int) -> Connection:
        sandbox = self._runtime.sandbox(pod.metadata.uid)
        if sandbox is None or sandbox.stopped:
            raise errors.InternalError(f'Internal error occurred: pod not running ("{pod.metadata.name}")')
        try:
            return await self._runtime.connect(pod.metadata.uid, port)
        except OSError as error:
            reason = os.strerror(error.errno).lower() if error.errno else str(error)
            raise errors.InternalError(
                f'failed to connect to localhost:{port} inside namespace "{pod.metadata.uid}": {reason}'
            ) from error

    async def stop(self) -> None:
        self._stopping = True
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._proxy.stop()

    def _running(self, pod: Pod, name: str) -> ContainerRecord:
        for record in reversed(self._runtime.containers(pod.metadata.uid)):
            if record.name == name and record.state == "running":
                return record
        raise container_not_found(name)

    def _run_to_read(self, pod: Pod, name: str, runs: list[ContainerRecord], options: LogOptions) -> ContainerRecord:
        if options.previous:
            ended = [record for record in runs[:-1] if record.state == "exited"]
            if not ended:
                raise errors.BadRequest(
                    f'previous terminated container "{name}" in pod "{pod.metadata.name}" not found'
                )
            return ended[-1]
        begun = [record for record in runs if record.state != "created"]
        if not begun:
            reason = next(
                (
                    status.state.waiting.reason
                    for status in (
                        *pod.status.initContainerStatuses,
                        *pod.status.containerStatuses,
                        *pod.status.ephemeralContainerStatuses,
                    )
                    if status.name == name and status.state.waiting is not None
                ),
                "ContainerCreating",
            )
            raise errors.BadRequest(f'container "{name}" in pod "{pod.metadata.name}" is waiting to start: {reason}')
        return begun[-1]

    def _has_ended(self, pod: Pod, record: ContainerRecord) -> bool:
        runs = self._runtime.containers(pod.metadata.uid)
        return not any(run.id == record.id and run.state == "running" for run in runs)

    def _exited(self, uid: str) -> None:
        if worker := self._workers.get(uid):
            worker.wake()

    def _worker_ended(self, uid: str, task: asyncio.Task[None]) -> None:
        worker = self._workers.pop(uid)
        del self._tasks[uid]
        if task.cancelled() or self._stopping:
            return
        if (error := task.exception()) is not None:
            metadata = worker.pod.metadata
            _log.error(
                "the worker of pod %s/%s failed and starts anew", metadata.namespace, metadata.name, exc_info=error
            )
            self._context.clock.call_later(ORPHAN_GRACE, lambda: self._again(worker.pod))

    def _again(self, pod: Pod) -> None:
        """Another worker for the Pod as it is now; if it has gone meanwhile, for what is left of it."""
        uid = pod.metadata.uid
        if self._stopping or uid in self._workers:
            return
        shown = self._context.informers.of(Pod).get(pod.metadata.namespace, pod.metadata.name)
        is_there = shown is not None and shown.metadata.uid == uid
        self.pod_changed(None, shown if is_there else pod)
        if not is_there:
            self._workers[uid].remove()
