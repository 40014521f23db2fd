"""Plain trees as YAML the way Kubernetes writes it: keys sorted, block style, many-line strings as they are.

What Kubernetes would read as something else than a string ("yes", "y", "1e3", "0o7") is quoted, which PyYAML on its own
does only for what PyYAML would.
"""

from __future__ import annotations

import re
from typing import Any

import yaml

from podium.machinery.yaml_reader import resolved

# Dates, and numbers to base 60: nobody reads them as such any more, but they are quoted all the same.
_OLD = re.compile(
    r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}([Tt ][0-9]{1,2}:[0-9]{1,2}:[0-9]{1,2}(\.[0-9]+)?(Z|[-+][0-9]{2}:[0-9]{2})?)?"
    r"|[-+]?[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?"
)


class _Dumper(yaml.CSafeDumper):
    def ignore_aliases(self, data: Any) -> bool:
        return True


def _text(dumper: Any, text: str) -> Any:
    style = "|" if "\n" in text else '"' if resolved(text) != text or _OLD.fullmatch(text) else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)


def dump(tree: Any) -> str:
    return str(yaml.dump(tree, Dumper=_Dumper, default_flow_style=False, allow_unicode=True, width=2**20))
