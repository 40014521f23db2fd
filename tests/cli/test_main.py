"""What the command says of a command line that it can't understand, or of a file that it can't read."""

from __future__ import annotations

import errno
import os
import sys
from io import StringIO
from pathlib import Path

import pytest

from podium.cli.main import main


def said(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """What a command that fails says on standard error."""
    with pytest.raises(SystemExit) as ended:
        main(list(words))
    assert ended.value.code == 1
    return capsys.readouterr().err


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("get pods --nosuch", "error: unknown flag: --nosuch\nSee 'podium get --help' for usage.\n"),
        ("get pods -x", "error: unknown shorthand flag: 'x' in -x\nSee 'podium get --help' for usage.\n"),
        ("nosuch", 'error: unknown command "nosuch" for "podium"\nSee \'podium --help\' for usage.\n'),
        ("rollout go", 'error: unknown command "go" for "podium rollout"\nSee \'podium rollout --help\' for usage.\n'),
        ("autoscale deploy/web", 'error: required flag(s) "max" not set\n'),
        (
            "scale deploy/web --replicas=x",
            "error: invalid value for '--replicas': 'x' is not a valid integer\nSee 'podium scale --help' for usage.\n",
        ),
        # A flag that is misspelt must not become an argument of the container.
        ("run web --image=nginx --prot=80", "error: unknown flag: --prot\nSee 'podium run --help' for usage.\n"),
        ("run web --image=nginx --env=A", "error: invalid env: A\n"),
        ("run web --image=nginx -t", "error: -i/--stdin is required for containers with -t/--tty=true\n"),
        ("run web --image=nginx --overrides={", "error: --overrides is no JSON: "),
        ("run web --image=nginx --rm", "error: --rm should only be used for attached containers\n"),
        ("run web --image=nginx -i --dry-run=client", "error: --dry-run=client can't be used with attached containers"),
        ("delete pod web --now --grace-period=3", "error: --now and --grace-period cannot be specified together\n"),
        ("delete pod web --force --grace-period=3", "error: --force and --grace-period greater than 0 cannot be"),
        ("delete pod web -o yaml", "error: unexpected -o output mode: yaml. We only support '-o name'\n"),
        ("delete pod web --cascade=no", "error: invalid cascade value (no)."),
        ("apply -f x --server-side --dry-run=client", "error: --dry-run=client doesn't work with --server-side"),
        ("apply -f x --force-conflicts", "error: --force-conflicts only works with --server-side\n"),
        ("apply -f x --validate=maybe", 'error: invalid - validate option "maybe"; must be one of'),
        ("patch deploy/web -p {} --patch-file x", "error: cannot specify --patch and --patch-file together\n"),
        ("patch deploy/web --patch-file /nosuch", "error: open /nosuch: no such file or directory\n"),
        ("get pods -o jsonpath-file=/nosuch", "error: open /nosuch: no such file or directory\n"),
        ("wait pod/web --for=jsonpath={.a", "error: error parsing jsonpath {.a, unclosed action\n"),
        ("logs web c -c c", "error: only one of -c or an inline [CONTAINER] arg is allowed\n"),
        ("logs web -l a=b", "error: only a selector (-l) or a POD name is allowed\n"),
    ],
)
def test_failures(capsys: pytest.CaptureFixture[str], line: str, text: str) -> None:
    assert said(capsys, *line.split()).startswith(text)


def test_a_flag_without_its_value(capsys: pytest.CaptureFixture[str]) -> None:
    assert said(capsys, "get", "pods", "-o").startswith("error: flag needs an argument: 'o' in -o\n")
    assert said(capsys, "get", "pods", "--output").startswith("error: flag needs an argument: --output\n")


def test_a_full_disk_is_told(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    class Full(StringIO):
        def write(self, _: str) -> int:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(sys, "stdout", Full())
    assert said(capsys, "version", "--client") == "error: no space left on device\n"


def test_without_a_cluster_it_is_told_how_to_get_one(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("KUBECONFIG", "PODIUM_HOME"):
        monkeypatch.delenv(name, raising=False)
    text = f"error: no kubeconfig at {tmp_path}/.kube/config: `podium up` starts a cluster\n"
    assert said(capsys, "get", "pods") == text
