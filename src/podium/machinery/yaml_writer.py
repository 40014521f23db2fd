"""Plain trees as YAML the way Kubernetes writes it: keys sorted, block style, many-line strings as they are.

What Kubernetes would read as something else than a string ("yes", "y", "1e3", "0o7") is quoted, which PyYAML on its own
does only for what PyYAML would.
"""

from __future__ import annotations

from typing import Any

import yaml

from podium.machinery.yaml_reader import resolved


class _Dumper(yaml.CSafeDumper):
    def ignore_aliases(self, data: Any) -> bool:
        return True


def _text(dumper: Any, text: str) -> Any:
    style = "|" if "\n" in text else '"' if resolved(text) != text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)


def dump(tree: Any) -> str:
    return str(yaml.dump(tree, Dumper=_Dumper, default_flow_style=False, allow_unicode=True, width=2**20))
