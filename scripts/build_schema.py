"""Build step: put Kubernetes' schemas, with their descriptions, into the package.

The descriptions are Kubernetes' text, so they are never committed: they come from the build dependency
kubernetes-validate whenever a wheel or an editable install is made, as src/podium/models/schema.json.gz.
"""

from __future__ import annotations

import gzip
import json
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

ROOT = Path(__file__).parent.parent
TARGET = ROOT / "src" / "podium" / "models" / "schema.json.gz"


class SchemaHook(BuildHookInterface[Any]):  # type: ignore[misc]  # untyped without hatchling at hand
    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        write_schema()
        build_data["artifacts"].append("src/podium/models/schema.json.gz")


def write_schema() -> None:
    """The definitions of every served group version, as OpenAPI v3 component schemas, gzipped."""
    sys.path.insert(0, str(ROOT / "scripts"))
    from generate_models import GROUP_VERSIONS, definitions

    served = {}
    for name, schema in definitions().items():
        package = name.rpartition(".")[0]
        if package in GROUP_VERSIONS or package.startswith("io.k8s.apimachinery"):
            served[name] = schema
    # mtime 0: the same input gives the same bytes
    TARGET.write_bytes(gzip.compress(json.dumps(served, separators=(",", ":")).encode(), 9, mtime=0))


if __name__ == "__main__":
    write_schema()
