"""What every test may rely on."""

import signal

import pytest


@pytest.fixture(scope="session", autouse=True)
def _ctrl_c_interrupts():
    """A process that was started in the background ignores Ctrl-C; tests that send it would wait for ever."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)
