"""What kubectl's command lines may say and click's don't: flags before the verb, and `--flag=true` or `--flag=false`.

podium -n web get pods          is    podium get pods -n web
podium delete -f x --wait=false is    podium delete -f x --no-wait
podium get pods -o=yaml         is    podium get pods -o yaml
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import click

GLOBAL = ("--kubeconfig", "--context", "--server", "--namespace", "--request-timeout")
"""Flags of every verb that talks to a server; each takes a value."""
GLOBAL_SHORT = ("-s", "-n")
_TRUE = ("1", "t", "T", "true", "TRUE", "True")
_FALSE = ("0", "f", "F", "false", "FALSE", "False")


def behind_verb(arguments: Sequence[str]) -> list[str]:
    """The flags that stand before the verb, moved behind all that belongs to it."""
    rest, moved = list(arguments), list[str]()
    while rest and (taken := _global(rest[0])):
        moved += rest[:taken]
        del rest[:taken]
    end = rest.index("--") if "--" in rest else len(rest)
    return rest[:end] + moved + rest[end:]


def _global(word: str) -> int:
    """How many words the flag takes; 0 if it is none of every verb's."""
    if word in GLOBAL or word in GLOBAL_SHORT:
        return 2
    name, equals, _ = word.partition("=")
    return 1 if (equals and name in GLOBAL) or (word[:2] in GLOBAL_SHORT and not word.startswith("--")) else 0


def plain_switches(command: click.Command, arguments: Sequence[str]) -> list[str]:
    """The arguments with every `--switch=true`, `--switch=false` and `-x=value` as click knows them."""
    switches = {name: option for option in _options(command) if option.is_flag for name in option.opts}
    short = {name for option in _options(command) if not option.is_flag for name in option.opts if name[1] != "-"}
    end = arguments.index("--") if "--" in arguments else len(arguments)
    said: list[str] = []
    for word in arguments[:end]:
        name, equals, value = word.partition("=")
        if equals and name in short:
            said += [name, value]
        elif not equals or name not in switches or value not in _TRUE + _FALSE:
            said.append(word)
        elif value in _TRUE:
            said.append(name)
        else:
            said += switches[name].secondary_opts[:1]
    return said + list(arguments[end:])


def _options(command: click.Command) -> Iterator[click.Option]:
    """Of a command and of those below it."""
    yield from (parameter for parameter in command.params if isinstance(parameter, click.Option))
    if isinstance(command, click.Group):
        for below in command.commands.values():
            yield from _options(below)
