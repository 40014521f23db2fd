"""What /version answers: the version of Kubernetes' API that this server speaks, and its own."""

from __future__ import annotations

import platform

from podium.models import codec

KUBERNETES = "v1.36.0"


def own_version() -> str:
    from importlib.metadata import PackageNotFoundError, version  # only needed when somebody asks

    try:
        return version("podium")
    except PackageNotFoundError:  # run from a source tree that was never installed
        return "0.0.0"


def git_version() -> str:
    return f"{KUBERNETES}+podium.{own_version()}"


def document() -> bytes:
    machine = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
    return codec.encode(
        {
            "major": "1",
            "minor": "36",
            "gitVersion": git_version(),
            "gitCommit": "",
            "gitTreeState": "clean",
            "buildDate": "1970-01-01T00:00:00Z",
            "goVersion": "",
            "compiler": "python",
            "platform": f"{platform.system().lower()}/{machine}",
        }
    )
