"""The embedded store: the log in one SQLite file, durable before visible.

schema.py says what is in the file and opens it, writer.py commits (the one thread that writes), history.py reads what
was, store.py puts them together behind the port.
"""

from podium.store.sqlite.store import SqliteStore

__all__ = ["SqliteStore"]
