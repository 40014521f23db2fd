"""Becomes the container: network, view of the file system, host name, user, working directory, program.

Isolation is a convenience, not a wall: a container sees the machine's own files, with its volumes where it wants them.
The new root is a small tmpfs on which everything of the machine's root is mounted again; only directories in which a
volume needs a place that doesn't exist are made anew, and /dev, which gets what containers usually have.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
import signal
import sys
import termios
from pathlib import Path

from podium.agent.beneath import MOST_LINKS, open_beneath
from podium.agent.runtimes.process.shim import records

CLONE_NEWNS, CLONE_NEWUTS, CLONE_NEWNET = 0x00020000, 0x04000000, 0x40000000
MS_RDONLY, MS_REMOUNT, MS_BIND, MS_REC, MS_UNBINDABLE, MS_PRIVATE = 1, 32, 4096, 16384, 1 << 17, 1 << 18
PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36
DEVICES = ("null", "zero", "full", "random", "urandom", "tty", "pts", "shm", "mqueue", "ptmx")

_libc = ctypes.CDLL(None, use_errno=True)


def prctl(option: int, value: int) -> None:
    _check(_libc.prctl(option, value, 0, 0, 0), "prctl")


def become(config: records.Config) -> None:
    """Replace this process by the container's program; OSError with what failed."""
    if config["isolated"]:
        if config["namespace"]:
            _join(config["namespace"], CLONE_NEWNET)
        _check(_libc.unshare(CLONE_NEWNS | CLONE_NEWUTS), "unshare")
        hostname = os.fsencode(config["hostname"])
        _check(_libc.sethostname(hostname, len(hostname)), "sethostname")
        enter_root(config["root"], config["mounts"])
    run(config, config["argv"])


def execute(directory: Path, argv: list[str], *, terminal: bool = False) -> None:
    """Run a command where the container of the directory runs; `terminal`: the standard input is one."""
    config: records.Config = records.read(directory / records.CONFIG)
    (directory / records.COMMANDS).touch()
    if terminal:
        take_terminal(config)
    pid = records.read(directory / records.STARTED)["pid"]
    try:
        if config["isolated"]:
            namespaces = [os.open(f"/proc/{pid}/ns/{name}", os.O_RDONLY) for name in ("net", "uts", "mnt")]
            root = os.open(f"/proc/{pid}/root", os.O_RDONLY)
            for namespace in namespaces:
                _check(_libc.setns(namespace, 0), "setns")
                os.close(namespace)
            os.fchdir(root)
            os.chroot(".")
            os.chdir("/")
        run(config, argv)
    except OSError as error:
        sys.stderr.write(f"{argv[0]}: {error.strerror}\n")
        sys.exit(126 if isinstance(error, PermissionError) else 127)


def take_terminal(config: records.Config) -> None:
    """Make it this session's terminal, so that Ctrl-C and changes of its size reach what runs on it."""
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    if config["user"] is not None:
        os.fchown(0, config["user"], -1)
    config["environment"].setdefault("TERM", "xterm")


def run(config: records.Config, argv: list[str]) -> None:
    if config["working_dir"]:
        os.chdir(config["working_dir"])
    if config["groups"] or config["user"] is not None:  # the agent's own groups are not another user's
        os.setgroups(config["groups"])
    if config["group"] is not None:
        os.setgid(config["group"])
    if config["user"] is not None:
        os.setuid(config["user"])
    if sys.platform == "linux":
        prctl(PR_SET_PDEATHSIG, signal.SIGKILL)  # changing the user has taken it back
    os.execvpe(argv[0], argv, config["environment"])  # noqa: S606


def enter_root(new: str, mounts: list[records.MountConfig]) -> None:
    """Make the machine's files with the mounts on them the root of this process. `new` is an empty directory."""
    _mount("none", "/", MS_REC | MS_PRIVATE)
    sources = [(_source(mount), mount) for mount in mounts]
    _mount_tmpfs(new)
    _mount("none", new, MS_UNBINDABLE)  # so that it doesn't show up in itself
    _show("/", new, without=("dev",))
    made = {"/"}
    _devices(new + "/dev", made)
    for source, mount in sorted(sources, key=lambda pair: pair[1]["target"]):
        place = _place(new, mount["target"], made, directory=os.path.isdir(f"/proc/self/fd/{source}"))
        _mount(f"/proc/self/fd/{source}", place, MS_BIND | MS_REC)
        if mount["read_only"]:
            _mount("none", place, MS_BIND | MS_REMOUNT | MS_RDONLY)
        os.close(source)
        made.add(_inside(mount["target"]))
    os.chroot(new)
    os.chdir("/")


def _source(mount: records.MountConfig) -> int:
    root = os.open(mount["source"], os.O_PATH)
    if not mount["sub_path"]:
        return root
    try:
        return open_beneath(root, mount["sub_path"])
    finally:
        os.close(root)


def _show(directory: str, target: str, without: tuple[str, ...] = ()) -> None:
    """Mount everything that a directory has into another one, but for what somebody removes meanwhile."""
    for entry in os.scandir(directory):
        place = f"{target}/{entry.name}"
        if entry.name in without:
            continue
        try:
            if entry.is_symlink():
                os.symlink(os.readlink(entry.path), place)
            else:
                _bind(entry.path, place, directory=entry.is_dir())
        except FileNotFoundError:
            if os.path.lexists(entry.path):
                raise


def _bind(source: str, place: str, *, directory: bool) -> None:
    """Mount onto a new, empty directory or file, of which nothing stays if that can't be."""
    if directory:
        os.mkdir(place)
    else:
        os.close(os.open(place, os.O_CREAT | os.O_WRONLY, 0o666))
    try:
        _mount(source, place, MS_BIND | MS_REC)
    except OSError:
        (os.rmdir if directory else os.unlink)(place)
        raise


def _devices(dev: str, made: set[str]) -> None:
    os.mkdir(dev)
    _mount_tmpfs(dev)
    for name in DEVICES:
        source = f"/dev/{name}"
        if os.path.exists(source) and not os.path.islink(source):
            _bind(source, f"{dev}/{name}", directory=os.path.isdir(source))
    if not os.path.lexists(f"{dev}/ptmx"):
        os.symlink("pts/ptmx", f"{dev}/ptmx")
    for name, target in (("fd", ""), ("stdin", "/0"), ("stdout", "/1"), ("stderr", "/2")):
        os.symlink(f"/proc/self/fd{target}", f"{dev}/{name}")
    made.add("/dev")


def _place(new: str, target: str, made: set[str], *, directory: bool) -> str:
    """The path in the new root to mount on. What doesn't exist is made, in directories that are no longer the
    machine's own."""
    path = "/"
    parts = _inside(target).strip("/").split("/")
    for number, part in enumerate(parts):
        inner = f"{path.rstrip('/')}/{part}"
        links = 0
        while os.path.islink(new + inner):
            links += 1
            if links > MOST_LINKS:
                raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), target)
            inner = os.path.normpath(os.path.join(path, os.readlink(new + inner)))
        last = number == len(parts) - 1
        if not os.path.lexists(new + inner):
            if path not in made:
                _own(new + path)
                made.add(path)
            if last and not directory:
                os.close(os.open(new + inner, os.O_CREAT | os.O_WRONLY, 0o666))
            else:
                os.mkdir(new + inner)
                made.add(inner)
        path = inner
    return new + path


def _own(place: str) -> None:
    """Replace a directory that is the machine's by one of this container with the same things in it."""
    shown = os.open(place, os.O_PATH)
    _mount_tmpfs(place)
    _show(f"/proc/self/fd/{shown}", place)
    os.close(shown)


def _inside(target: str) -> str:
    return os.path.normpath("/" + target.lstrip("/"))


def _join(path: str, kind: int) -> None:
    namespace = os.open(path, os.O_RDONLY)
    _check(_libc.setns(namespace, kind), "setns")
    os.close(namespace)


def _mount_tmpfs(target: str) -> None:
    _check(_libc.mount(b"podium", os.fsencode(target), b"tmpfs", 0, b"mode=755"), f"mount tmpfs on {target}")


def _mount(source: str, target: str, flags: int) -> None:
    result = _libc.mount(os.fsencode(source), os.fsencode(target), None, flags, None)
    _check(result, f"mount {source} on {target}")


def _check(result: int, what: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
