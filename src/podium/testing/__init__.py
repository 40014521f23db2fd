"""A cluster inside a test: in the test's own process, on the memory store, with a clock that the test moves.

plugin.py has the pytest fixture `podium_cluster`; virtual.py the same as a context manager, `virtual_cluster()`.
"""
