"""For all tests."""

from __future__ import annotations

import signal


def pytest_configure() -> None:
    """Whoever runs the tests in the background has keys ignored, and so would every program that a test starts."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
