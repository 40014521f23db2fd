"""Trees as YAML, the way Kubernetes writes it: keys sorted, block style."""

from __future__ import annotations

from typing import Any

import yaml


def dump(tree: Any) -> bytes:
    dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
    text: bytes = yaml.dump(
        tree, Dumper=dumper, encoding="utf-8", allow_unicode=True, default_flow_style=False, width=1000
    )
    return text
