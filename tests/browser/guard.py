"""Runs a command, and ends it and all it started when standard input closes.

The pipe to standard input closes when its other end dies, however it dies. So no server outlives the tests that
started it, not even after ``kill -9``. By hand: ``python -m tests.browser.guard sleep 60``, then Ctrl-D.
"""

import contextlib
import os
import signal
import subprocess
import sys
import threading

import psutil

PATIENCE = 3  # seconds before what does not end is killed


def main():
    """Run the command of the arguments until it ends, or standard input does."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):  # a terminal sends them to all of its processes
        signal.signal(number, lambda *_: None)  # unlike SIG_IGN this is not handed down to the command
    process = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL, start_new_session=True)
    ending = threading.Event()

    def follow():
        code = process.wait()
        if not ending.is_set():
            os._exit(code)

    threading.Thread(target=follow, daemon=True).start()
    sys.stdin.buffer.read()
    ending.set()
    end(process.pid)


def end(pid):
    """End a process and its descendants: kernels have sessions of their own, so a signal to a group is not enough."""
    with contextlib.suppress(psutil.NoSuchProcess):
        process = psutil.Process(pid)
        family = [*process.children(recursive=True), process]
        for number in (signal.SIGTERM, signal.SIGKILL):
            for member in family:
                with contextlib.suppress(psutil.NoSuchProcess):
                    member.send_signal(number)
            family = psutil.wait_procs(family, PATIENCE)[1]


if __name__ == "__main__":
    main()
