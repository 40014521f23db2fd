"""The process runtime: containers are processes of this machine, each watched over by a shim of its own.

All it knows is on disk, so that an agent that was killed finds everything again: sandboxes, containers and the ends of
those that ended meanwhile. Under the node's directory:

    pods/<uid>/sandbox.json                     the Pod's address, host name, network namespace
    pods/<uid>/containers/<name>/<attempt>/     one run: what the shim reads and writes (see `shim`)
    pods/<uid>/logs/<name>/<attempt>.log        its output
    pods/<uid>/volumes/<name>/                  volumes
"""

from __future__ import annotations

import asyncio
import logging
import shutil
import socket
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from random import Random

from podium.agent.addresses import AddressPool
from podium.agent.images import Catalogue
from podium.agent.runtime import (
    ContainerConfig,
    ContainerRecord,
    ExecResult,
    Image,
    Line,
    RuntimeFailure,
    Sandbox,
    SandboxConfig,
)
from podium.agent.runtimes.process import exec as exec_
from podium.agent.runtimes.process import hosts_file
from podium.agent.runtimes.process.attach import attach
from podium.agent.runtimes.process.connect import connect
from podium.agent.runtimes.process.container import SHIM, ProcessContainer
from podium.agent.runtimes.process.network import PodNetwork
from podium.agent.runtimes.process.shim import records
from podium.agent.runtimes.process.shim_config import Place, shim_config
from podium.agent.threads import in_thread
from podium.clock import Clock
from podium.machinery.streams import ClientStreams, Connection, StreamOptions

STOP_GRACE = 2.0
OUTPUT_LIMIT = 16 * 1024

_log = logging.getLogger(__name__)


class ProcessRuntime:
    name = "podium"
    version = "0.1.0"

    def __init__(self, directory: Path, network: PodNetwork, catalogue: Catalogue, index: int = 0) -> None:
        """`directory` is the node's own; `index` numbers the nodes that share the network."""
        self._directory = directory.resolve()
        self._network = network
        self._catalogue = catalogue
        self._index = index
        self.mounts = network.isolated
        self.address = ""
        self.pod_cidr = ""
        self._sandboxes: dict[str, Sandbox] = {}
        self._containers: dict[str, ProcessContainer] = {}
        self._by_pod: dict[str, list[str]] = {}
        self._pulled: set[str] = set()
        self._exited: Callable[[str], None] | None = None
        self._starting: set[asyncio.Future[None]] = set()

    # --- coming and going

    async def start(self, clock: Clock, rng: Random) -> None:
        self._clock = clock
        self._rng = rng
        pods = self._directory / "pods"
        pods.mkdir(parents=True, exist_ok=True)
        everywhere = [path.name for path in self._directory.parent.glob("*/pods/*")]
        await asyncio.to_thread(self._network.start, everywhere)
        try:
            await self._take_up_all(sorted(pods.iterdir()))
        except BaseException:
            await self.stop()
            raise

    async def _take_up_all(self, pods: Sequence[Path]) -> None:
        self.pod_cidr = await asyncio.to_thread(self._network.node_cidr, self._index)
        self._addresses = AddressPool(self.pod_cidr)
        first = self.pod_cidr.rpartition(".")[0] + ".1"
        self.address = first if self._network.isolated else "127.0.0.1"
        for directory in pods:
            await self._take_up(directory)

    def on_exit(self, callback: Callable[[str], None]) -> None:
        self._exited = callback

    async def stop(self) -> None:
        await asyncio.gather(*self._starting, return_exceptions=True)
        await asyncio.gather(*(self._stop_containers(uid) for uid in self._by_pod))
        await asyncio.to_thread(self._network.stop)

    async def _stop_containers(self, uid: str) -> None:
        running = [record.id for record in self.containers(uid) if record.state == "running"]
        await asyncio.gather(*(self.stop_container(container, STOP_GRACE) for container in running))

    async def _take_up(self, directory: Path) -> None:
        """Remember a sandbox and its containers that an earlier run left behind."""
        found = records.read(directory / "sandbox.json")
        if found is None:  # it was only being made
            await asyncio.to_thread(self._network.detach, directory.name)
            shutil.rmtree(directory, ignore_errors=True)
            return
        sandbox = Sandbox(**found)
        self._sandboxes[sandbox.uid] = sandbox
        self._by_pod[sandbox.uid] = []
        has_address = sandbox.stopped or sandbox.ip == self.address or self._addresses.claim(sandbox.ip)
        if not has_address:
            self._save(replace(sandbox, stopped=True))
        elif not sandbox.stopped:
            await asyncio.to_thread(self._restore_network, sandbox)
        runs = sorted((directory / "containers").glob("*/*"), key=lambda path: int(path.name))
        for run in runs:
            self._take_up_container(sandbox.uid, run)
        if not has_address:  # the network was given to others while this cluster was down: the Pod gets another address
            await self._stop_containers(sandbox.uid)

    def _restore_network(self, sandbox: Sandbox) -> None:
        """The machine was started anew, or the agent stopped in good order: the namespace is gone."""
        if sandbox.network and not Path(sandbox.network).exists():
            self._network.attach(sandbox.uid, sandbox.ip)

    def _take_up_container(self, uid: str, directory: Path) -> None:
        config: records.Config | None = records.read(directory / records.CONFIG)
        # Who makes the claim owns the container: a shim that was just being started gives up if we are first.
        if config is None or records.claim(directory, {"pid": 0, "start": 0}):
            shutil.rmtree(directory, ignore_errors=True)
            return
        record = ContainerRecord(
            id=config["id"],
            name=directory.parent.name,
            attempt=int(directory.name),
            state="running",
            image=config["image"],
            image_id=config["image_id"],
        )
        container = self._remember(uid, directory, record, config)
        container.take_up()

    def _remember(self, uid: str, directory: Path, record: ContainerRecord, config: records.Config) -> ProcessContainer:
        container = ProcessContainer(uid, directory, record, config, self._clock, self._tell_ended)
        self._containers[record.id] = container
        self._by_pod[uid].append(record.id)
        return container

    # --- sandboxes

    def directory(self, uid: str) -> Path:
        return self._directory / "pods" / uid

    def sandbox(self, uid: str) -> Sandbox | None:
        return self._sandboxes.get(uid)

    def sandboxes(self) -> Sequence[Sandbox]:
        return tuple(self._sandboxes.values())

    async def run_sandbox(self, config: SandboxConfig) -> Sandbox:
        there = self._sandboxes.get(config.uid)
        if there is not None and not there.stopped:
            return there
        self.directory(config.uid).mkdir(parents=True, exist_ok=True)
        network = ""
        if config.host_network:
            ip = self.address
        else:
            ip = self._addresses.take()
            try:
                network = await in_thread(
                    lambda: self._network.attach(config.uid, ip), lambda _made: self._network.detach(config.uid)
                )
            except Exception as error:  # netlink has errors of its own
                self._addresses.give_back(ip)
                raise RuntimeFailure(f"failed to set up the network: {error}", "CreatePodSandboxError") from error
        sandbox = Sandbox(config.uid, config.namespace, config.name, ip, hostname=config.hostname, network=network)
        try:
            self._write_files(sandbox, config)
        except OSError as error:
            await self._give_back(sandbox)
            raise RuntimeFailure(f"failed to write its files: {error}", "CreatePodSandboxError") from error
        self._by_pod.setdefault(config.uid, [])
        return sandbox

    def _write_files(self, sandbox: Sandbox, config: SandboxConfig) -> None:
        directory = self.directory(config.uid)
        (directory / "hosts").write_text(
            hosts_file.with_names(hosts_file.content(sandbox, config), config.service_names)
        )
        # There is no name server: a look-up fails at once instead of waiting for an answer.
        (directory / "resolv.conf").write_text("options timeout:1 attempts:1\n")
        self._save(sandbox)

    async def stop_sandbox(self, uid: str) -> None:
        sandbox = self._sandboxes.get(uid)
        if sandbox is None or sandbox.stopped:
            return
        stopped = self._sandboxes[uid] = replace(sandbox, stopped=True)
        try:
            self._save(stopped)
        except OSError as error:  # a full disk must not keep a Pod from going: that may make room
            _log.warning("sandbox of pod %s/%s: %s", sandbox.namespace, sandbox.name, error)
        await self._give_back(sandbox)

    async def _give_back(self, sandbox: Sandbox) -> None:
        if sandbox.ip != self.address:
            await asyncio.to_thread(self._network.detach, sandbox.uid)
            self._addresses.give_back(sandbox.ip)

    async def remove_sandbox(self, uid: str) -> None:
        await self.stop_sandbox(uid)
        self._sandboxes.pop(uid, None)
        for container_id in self._by_pod.pop(uid, []):
            self._containers.pop(container_id, None)
        await asyncio.to_thread(shutil.rmtree, self.directory(uid), ignore_errors=True)

    async def set_names(self, uid: str, names: Sequence[Line]) -> None:
        path = self.directory(uid) / "hosts"
        if path.exists():
            await asyncio.to_thread(hosts_file.update, path, names)

    async def listen(self, address: str, port: int) -> socket.socket | None:
        return await in_thread(lambda: self._network.listen(address, port), _close)

    def _save(self, sandbox: Sandbox) -> None:
        records.write(self.directory(sandbox.uid) / "sandbox.json", asdict(sandbox))
        self._sandboxes[sandbox.uid] = sandbox

    # --- images

    async def image_status(self, image: str) -> Image | None:
        if self._catalogue.find(image) is not None:
            return self._catalogue.image(image, has_command=False)
        return self._catalogue.image(image, has_command=True) if image in self._pulled else None

    async def pull_image(self, image: str, has_command: bool) -> Image:
        found = self._catalogue.image(image, has_command=has_command)
        self._pulled.add(image)
        return found

    # --- containers

    async def create_container(self, uid: str, config: ContainerConfig) -> str:
        try:
            return self._create(uid, config)
        except OSError as error:
            raise RuntimeFailure(f"failed to create its files: {error}", "CreateContainerError") from error

    def _create(self, uid: str, config: ContainerConfig) -> str:
        sandbox = self._sandboxes[uid]
        directory = self.directory(uid) / "containers" / config.name / str(config.attempt)
        log = self.directory(uid) / "logs" / config.name / f"{config.attempt}.log"
        shutil.rmtree(directory, ignore_errors=True)
        (directory / "root").mkdir(parents=True)
        log.parent.mkdir(parents=True, exist_ok=True)
        message = directory / "termination-log"
        message.touch()
        message.chmod(0o666)
        container_id = f"{self._rng.getrandbits(256):064x}"
        place = Place(self.directory(uid), directory, log)
        host_network = sandbox.ip == self.address
        content = shim_config(container_id, sandbox, config, place, self._network, host_network)
        records.write(directory / records.CONFIG, content)
        record = ContainerRecord(
            id=container_id,
            name=config.name,
            attempt=config.attempt,
            state="created",
            image=config.image,
            image_id=config.image_id,
        )
        self._remember(uid, directory, record, content)
        return container_id

    async def start_container(self, container_id: str) -> None:
        """Whoever waits for it may give up: once begun, the start is completed, so that a stop finds what it made."""
        start = asyncio.ensure_future(self._containers[container_id].start())
        self._starting.add(start)
        start.add_done_callback(self._begun)
        await asyncio.shield(start)

    def _begun(self, start: asyncio.Future[None]) -> None:
        self._starting.discard(start)
        if not start.cancelled():
            start.exception()  # whoever waited for it was told; if nobody did, it is in the container's record

    async def stop_container(self, container_id: str, grace_seconds: float) -> None:
        container = self._containers.get(container_id)
        if container is None or container.record.state != "running":
            return
        await container.stop(grace_seconds)

    async def remove_container(self, container_id: str) -> None:
        container = self._containers.pop(container_id, None)
        if container is None:
            return
        self._by_pod[container.uid].remove(container_id)
        log = Path(container.config["log"])
        for path in log.parent.glob(f"{log.name}*"):
            path.unlink()
        shutil.rmtree(container.directory, ignore_errors=True)

    def containers(self, uid: str) -> Sequence[ContainerRecord]:
        return sorted((self._containers[i].record for i in self._by_pod.get(uid, ())), key=lambda r: r.attempt)

    async def exec_sync(self, container_id: str, command: Sequence[str], timeout: float | None) -> ExecResult:
        container = self._running(container_id)
        argv = [*SHIM, "exec", str(container.directory), *command]
        try:
            code, output = await exec_.run_to_end(argv, timeout, OUTPUT_LIMIT, self._clock, container.ended)
        except TimeoutError:
            raise TimeoutError(f"command {' '.join(command)!r} timed out") from None
        return ExecResult(code, output)

    async def exec(
        self, container_id: str, command: Sequence[str], options: StreamOptions, client: ClientStreams
    ) -> int:
        container = self._running(container_id)
        argv = [*SHIM, "terminal" if options.tty else "exec", str(container.directory), *command]
        return await exec_.run(argv, options, client, self._clock, container.ended)

    async def attach(self, container_id: str, options: StreamOptions, client: ClientStreams) -> None:
        container = self._running(container_id)
        config = container.config
        await attach(container.directory, options, client, stdin=config["stdin"], tty=config["tty"])

    def _running(self, container_id: str) -> ProcessContainer:
        container = self._containers.get(container_id)
        if container is None or container.record.state != "running":
            raise RuntimeFailure("container is not running")
        return container

    async def connect(self, uid: str, port: int) -> Connection:
        sandbox = self._sandboxes[uid]
        return await connect(sandbox, port, shared=sandbox.ip == self.address and self._network.isolated)

    def supervisor(self, container_id: str) -> int:
        container = self._containers[container_id]
        if container.record.state != "running":
            return 0
        claim = records.read(container.directory / records.CLAIM)
        return claim["pid"] if claim is not None else 0

    def log_path(self, container_id: str) -> Path:
        return Path(self._containers[container_id].config["log"])

    def termination_message(self, container_id: str) -> Path:
        return self._containers[container_id].directory / "termination-log"

    def _tell_ended(self, uid: str) -> None:
        if self._exited is not None:
            self._exited(uid)


def _close(listening: socket.socket | None) -> None:
    if listening is not None:
        listening.close()
