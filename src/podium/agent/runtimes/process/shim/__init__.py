"""The shim: a small process that watches over one container and outlives the node agent.

It writes the container's output to a log in CRI's format and its end to a file, so that an agent that was killed finds
both when it comes back. It is a program of its own: it imports nothing but the standard library (and that sparingly),
and it asks the operating system for the time itself.

`shim run DIR` runs the container that DIR/config.json describes. Files in DIR:

| file | written | content |
|---|---|---|
| config.json | by the agent, before the shim starts | see `records.Config` |
| shim.json | by the shim first of all; whoever makes it owns the container | pid and start time of the shim |
| started.json | when the container's program runs | its pid, start time, and when |
| commands | when a command was run in the container, for the first time | nothing |
| exit.json | when all of the container has ended | exit code, reason, message, and when |

`shim exec DIR COMMAND...` runs a command in the running container of DIR, on the caller's standard streams;
`shim terminal DIR COMMAND...` does so on a terminal, which has to be the standard input.

Signals to the shim: SIGTERM passes the container's stop signal on to its process group, SIGUSR1 kills the container.
"""
