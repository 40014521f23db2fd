"""Which names images may have."""

from __future__ import annotations

import pytest

from podium.agent.image_names import problem


@pytest.mark.parametrize(
    "image",
    [
        "nginx",
        "nginx:1.27",
        "me/my_app__x--y.z:V1.2-rc_3",
        "localhost:5000/app",
        "registry.Example.com:5000/a/b:v1",
        "[::1]:5000/a",
        "app@sha256:" + "0" * 64,
        "registry.k8s.io/pause:3.10@sha256:" + "a" * 64,
    ],
)
def test_good(image: str) -> None:
    assert problem(image) == ""


@pytest.mark.parametrize(
    "image",
    ["", "nginx:", ":v1", "a b", "nginx:a b", "-a", "a..b", "/a", "a//b", "a:b:c", "nginx:" + "x" * 129, "a@sha256:12"],
)
def test_bad(image: str) -> None:
    start = f'Failed to apply default image tag "{image}": couldn\'t parse image name "{image}": '
    assert problem(image) == start + "invalid reference format"


@pytest.mark.parametrize(("image", "repository"), [("MyApp:V1", "library/MyApp"), ("me/MyApp", "me/MyApp")])
def test_capitals(image: str, repository: str) -> None:
    assert problem(image).endswith(f"invalid reference format: repository name ({repository}) must be lowercase")
