"""What an image may be called: the grammar of image references, and what the kubelet says of a name outside it.

reference  [domain[:port]/]path[:tag][@digest]      registry.example.com:5000/shop/web:v1
"""

from __future__ import annotations

import re
from functools import lru_cache

INVALID = "InvalidImageName"
_COMPONENT = r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*"
_LABEL = r"[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?"
_DOMAIN = rf"(?:{_LABEL}(?:\.{_LABEL})*|\[[a-fA-F0-9:]+\])(?::[0-9]+)?"
_DIGEST = r"[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}"
_REFERENCE = re.compile(
    rf"(?:{_DOMAIN}/)?{_COMPONENT}(?:/{_COMPONENT})*(?::[A-Za-z0-9_][A-Za-z0-9_.-]{{0,127}})?(?:@{_DIGEST})?", re.ASCII
)


@lru_cache(maxsize=1024)
def problem(image: str) -> str:
    """Why no image can be called so, as a container's status says it; "" if one can."""
    if _REFERENCE.fullmatch(image):
        return ""
    why = "invalid reference format"
    if _REFERENCE.fullmatch(image.lower()):
        path = image.partition("@")[0]
        head, slash, name = path.rpartition("/")
        repository = head + slash + name.partition(":")[0]
        why += f": repository name ({repository if slash else f'library/{repository}'}) must be lowercase"
    return f'Failed to apply default image tag "{image}": couldn\'t parse image name "{image}": {why}'
