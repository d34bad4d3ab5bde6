"""Processes for tests that kill them or let them work together, started in a hundredth of a second each.

They are forked from a server that has imported everything and computed nothing, so that no thread is copied. There is
one such server for all tests: were another test to start it with fewer modules, each process here would import PyTorch.
"""

import multiprocessing
import os
import threading
from pathlib import Path

import torch
from tqdm import tqdm

HERE = Path(__file__).resolve().parent
IMPORTED = [
    "torch._dynamo",  # by an optimizer's first step
    "i2v_lib.run",
    "tests.collect_checks",
    "test_kills",
    "test_distributed",
]

CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(IMPORTED)


def start(target, *arguments, environment=None):
    """Start ``target(*arguments)``, a function of one of the modules above, on one thread; return the process."""
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join(map(str, (HERE, HERE.parent)))  # the server, if it starts now, needs it
    try:
        process = CONTEXT.Process(target=_call, args=(target, arguments, environment or {}), daemon=True)
        process.start()
    finally:
        os.environ.pop("PYTHONPATH")
        if before is not None:
            os.environ["PYTHONPATH"] = before
    return process


def _call(target, arguments, environment):
    os.environ.update(environment)
    torch.set_num_threads(1)
    tqdm.set_lock(threading.RLock())  # its own would outlive a process that is killed
    target(*arguments)
