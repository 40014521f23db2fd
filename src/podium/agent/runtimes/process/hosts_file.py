"""The /etc/hosts of a Pod: who it is itself, the aliases it asked for, and below a mark what Services are called.

The file is mounted into containers, so it is changed in place: a new file in its stead would never be seen.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from podium.agent.runtime import Line, Sandbox, SandboxConfig

HEADER = "# Kubernetes-managed hosts file."
MARK = "# Services and the Pods behind headless ones."
MACHINE = Path("/etc/hosts")


def content(sandbox: Sandbox, config: SandboxConfig) -> str:
    """What the file begins with. A Pod on the machine's network also knows what the machine knows."""
    if config.host_network:
        lines = [f"{HEADER[:-1]} (host network).", *MACHINE.read_text().splitlines()]
    else:
        lines = [HEADER, "127.0.0.1\tlocalhost", "::1\tlocalhost ip6-localhost ip6-loopback"]
        lines.append("\t".join((sandbox.ip, *(config.own_names or (config.hostname,)))))
    if config.host_aliases:
        lines += ["", "# Entries added by HostAliases."]
        lines += ["\t".join((address, *names)) for address, names in config.host_aliases]
    return "\n".join(lines) + "\n"


def with_names(text: str, names: Iterable[Line]) -> str:
    """The file with other names of Services in it."""
    own = text.partition(MARK)[0]
    lines = ["\t".join((address, *forms)) for address, forms in names]
    return own + "\n".join((MARK, *lines)) + "\n" if lines else own


def update(path: Path, names: Iterable[Line]) -> None:
    before = path.read_text()
    after = with_names(before, names)
    if after == before:
        return
    data = after.encode()
    file = os.open(path, os.O_WRONLY)
    try:
        os.pwrite(file, data, 0)  # at once: nobody reads an empty file
        os.ftruncate(file, len(data))
    finally:
        os.close(file)
