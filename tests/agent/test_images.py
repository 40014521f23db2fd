"""The image catalogue."""

from __future__ import annotations

from pathlib import Path

import pytest

from podium.agent.images import FLASKAPP, Catalogue, normalized, parse
from podium.agent.runtime import ImageError


@pytest.mark.parametrize(
    ("image", "full"),
    [
        ("nginx", "docker.io/library/nginx:latest"),
        ("nginx:1.27", "docker.io/library/nginx:1.27"),
        ("me/app:v1", "docker.io/me/app:v1"),
        ("localhost/app", "localhost/app:latest"),
        ("registry.example.com:5000/a/b", "registry.example.com:5000/a/b:latest"),
        ("app@sha256:abc", "docker.io/library/app@sha256:abc"),
    ],
)
def test_names(image: str, full: str) -> None:
    assert normalized(image) == full


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_the_flask_app_is_there(version: str) -> None:
    found = Catalogue().image(f"sakuragaara/flaskapp:{version}", has_command=False)
    assert found.command[1] == str(FLASKAPP)
    assert FLASKAPP.is_file()
    assert found.environment == {"FLASKAPP_VERSION": version}


@pytest.mark.parametrize(("image", "runs"), [("busybox", ("sh",)), ("python:3.14-slim", ("python3",))])
def test_images_that_run_their_arguments(image: str, runs: tuple[str, ...]) -> None:
    found = Catalogue().image(image, has_command=False)
    assert (found.command, found.args) == ((), runs)


def test_an_unknown_image_needs_a_command() -> None:
    assert Catalogue().image("nginx", has_command=True).command == ()
    with pytest.raises(
        ImageError, match=r'say what "sakuragaara/flaskapp:v99" runs in .*, or give the container a command'
    ):
        Catalogue().image("sakuragaara/flaskapp:v99", has_command=False)


def test_a_catalogue_file_is_read_again_when_it_changes(tmp_path: Path) -> None:
    file = tmp_path / "images.yaml"
    catalogue = Catalogue(file)
    assert catalogue.find("web:v1") is None
    file.write_text("images: {web: {command: [serve], args: [8080], env: {A: 1}, workingDir: /srv}}")
    found = catalogue.image("web:v1", has_command=False)
    assert (found.command, found.args, found.environment) == (("serve",), ("8080",), {"A": "1"})
    assert found.working_dir == "/srv"
    file.write_text("images: {'web:v2': {command: [other-program], workingDir: apps/web}}")
    assert catalogue.find("web:v1") is None
    found = catalogue.image("web:v2", has_command=False)
    assert (found.command, found.working_dir) == (("other-program",), str(tmp_path / "apps" / "web"))


@pytest.mark.parametrize(
    "text", ["images: [a]", "images: {a: 1}", "images: {a: {cmd: [x]}}", "images: {a: {command: x}}", "images: {"]
)
def test_mistakes_in_a_catalogue_file_are_told(text: str) -> None:
    with pytest.raises(ImageError, match=r"image catalogue here"):
        parse(text, Path("here"))
