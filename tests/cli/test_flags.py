"""Flags as kubectl takes them: before the verb, and with =true and =false."""

from __future__ import annotations

import click
import pytest

from podium.cli.flags import behind_verb, plain_switches
from podium.cli.main import podium


@pytest.mark.parametrize(
    ("line", "meant"),
    [
        ("get pods", "get pods"),
        ("-n web get pods", "get pods -n web"),
        ("-nweb get pods", "get pods -nweb"),
        ("--namespace=web --context c rollout status deploy/x", "rollout status deploy/x --namespace=web --context c"),
        ("-n web run x --image=i -- sh -n", "run x --image=i -n web -- sh -n"),
        ("--version", "--version"),
        ("-h", "-h"),
    ],
)
def test_flags_before_the_verb(line: str, meant: str) -> None:
    assert behind_verb(line.split()) == meant.split()


@pytest.mark.parametrize(
    ("verb", "line", "meant"),
    [
        ("delete", "pod x --wait=false --force=true", "pod x --no-wait --force"),
        ("delete", "pod x --all=false --now=t", "pod x --now"),
        ("create", "-f x --record=true --validate=false", "-f x --record --validate=false"),
        ("delete", "pod x --force=maybe", "pod x --force=maybe"),
        ("rollout", "status deploy/x --watch=false", "status deploy/x --no-watch"),
        ("get", "pods -o=yaml -l=a=b,c!=d -n=web -w=false -A=true", "pods -o yaml -l a=b,c!=d -n web -A"),
        ("rollout", "undo -f=x", "undo -f x"),
        ("run", "x --image=i -- --record=true", "x --image=i -- --record=true"),
    ],
)
def test_switches_with_a_value(verb: str, line: str, meant: str) -> None:
    command = podium.get_command(click.Context(podium), verb)
    assert command is not None
    assert plain_switches(command, line.split()) == meant.split()


def test_a_short_flag_with_an_empty_value() -> None:
    command = podium.get_command(click.Context(podium), "get")
    assert command is not None
    assert plain_switches(command, ["pods", "-l="]) == ["pods", "-l", ""]
