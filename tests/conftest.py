"""For all tests."""

from __future__ import annotations

import signal

from hypothesis import HealthCheck, settings


def pytest_configure() -> None:
    """Whoever runs the tests in the background has keys ignored, and so would every program that a test starts.

    And random cases may take as long as they do: a machine that is slow or stands still for a moment breaks no rule.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    patient = [HealthCheck.too_slow]
    settings.register_profile("patient", settings.default, deadline=None, suppress_health_check=patient)
    settings.load_profile("patient")
