import os
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

from i2v_lib.search import resumable as module
from i2v_lib.search.neighbors import nearest_neighbors
from i2v_lib.search.resumable import sweep
from i2v_lib.system.files import IDLE

TASKS = np.arange(40)


def add_one(keys):
    """Work that shows how often each task was done."""

    def work(task):
        keys[task] += 1

    return work


def stop(task):
    """Work that fails at the sixth task."""
    if task == 5:
        raise OSError("broken")


@pytest.fixture
def impatient(monkeypatch):
    """Keep what is found after every task."""
    monkeypatch.setattr(module, "INTERVAL", 0)
    monkeypatch.setattr(module, "BATCH", 1)


@pytest.mark.parametrize("threads", [1, 2, 7])
def test_every_task_is_done_once(threads):
    keys = np.zeros((40, 1), np.int64)
    sweep(TASKS, add_one(keys), keys, [], threads)
    assert (keys == 1).all()
    sweep(TASKS[:0], add_one(keys), keys, [], threads)
    assert (keys == 1).all()


def test_goes_on_where_it_failed_and_leaves_nothing(tmp_path, impatient):
    keys = np.zeros((40, 1), np.int64)

    def fail(task):
        if task == 25:
            raise OSError("broken")
        add_one(keys)(task)

    with pytest.raises(OSError, match="broken"):
        sweep(TASKS, fail, keys, [1], folder=tmp_path / "kept")
    fresh, done = np.zeros((40, 1), np.int64), []
    sweep(TASKS, lambda task: (done.append(task), add_one(fresh)(task)), fresh, [1], 2, folder=tmp_path / "kept")
    assert sorted(done) == list(range(25, 40))
    assert (fresh == 1).all()
    assert not list((tmp_path / "kept").iterdir())


@pytest.mark.parametrize("inputs", [[2], [np.ones(3)], []])
def test_other_inputs_begin_anew(tmp_path, impatient, inputs):
    keys, done = np.zeros((40, 1), np.int64), []

    with pytest.raises(OSError, match="broken"):
        sweep(TASKS, stop, keys, [np.zeros(3)], folder=tmp_path)
    kept = list(tmp_path.iterdir())
    sweep(TASKS, done.append, keys, inputs, folder=tmp_path)
    assert done == list(range(40))
    assert list(tmp_path.iterdir()) == kept
    sweep(TASKS, done.append, keys, [np.zeros(3)], folder=tmp_path)
    assert done[40:] == list(range(5, 40))


def test_a_damaged_file_is_named(tmp_path, impatient):
    keys = np.zeros((40, 1), np.int64)

    with pytest.raises(OSError, match="broken"):
        sweep(TASKS, stop, keys, [], folder=tmp_path)
    (kept,) = tmp_path.iterdir()
    kept.write_bytes(kept.read_bytes()[:100])
    with pytest.raises(ValueError, match=rf"{kept.name} .*read .*; delete"):
        sweep(TASKS, stop, keys, [], folder=tmp_path)


KILLED = """
import os, signal, sys
import numpy as np
from i2v_lib.search import resumable
from i2v_lib.search.neighbors import nearest_neighbors
resumable.INTERVAL, resumable.BATCH = 0, 3
replace, written = os.replace, []
def die_the_third_time(*paths):
    written.extend(path for path in paths if str(path).endswith(".npz"))
    if len(written) == 3:
        os.kill(os.getpid(), signal.SIGKILL)  # the new file is written, but not in place
    replace(*paths)
os.replace = die_the_third_time
nearest_neighbors(np.random.default_rng(0).integers(0, 256, (1000, 16), np.uint8), 5, folder=sys.argv[1])
"""


def test_a_killed_search_goes_on(tmp_path, monkeypatch):
    killed = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path)])
    assert killed.returncode == -signal.SIGKILL
    assert len(list(tmp_path.iterdir())) == 2
    (unfinished,) = tmp_path.glob(".*.unfinished")
    os.utime(unfinished, (time.time() - IDLE,) * 2)  # long enough ago that nobody is still writing to it
    codes, loaded, load = np.random.default_rng(0).integers(0, 256, (1000, 16), np.uint8), [], module._load
    monkeypatch.setattr(module, "_load", lambda *arguments: loaded.append(load(*arguments)) or loaded[0])
    resumed = nearest_neighbors(codes, 5, folder=tmp_path)
    assert loaded[0] >= 6
    for found, expected in zip(resumed, nearest_neighbors(codes, 5), strict=True):
        np.testing.assert_array_equal(found, expected)
    assert not list(tmp_path.iterdir())


def test_an_interrupt_ends_it_within_a_second():
    keys, done = np.zeros((400, 1), np.int64), []

    def wait(task):
        time.sleep(0.05)
        done.append(task)

    timer = threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    start = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        sweep(np.arange(400), wait, keys, [], 2)
    assert time.monotonic() - start < 1.3
    assert 0 < len(done) < 100


def test_the_bar_counts_queries(capsys, monkeypatch):
    monkeypatch.setattr(module, "BATCH", 10)
    seen = []

    class Bar:
        n = 0

        def __enter__(self):
            return self

        def __exit__(self, *error):
            pass

        def update(self, count):
            self.n += count
            seen.append(self.n)

    monkeypatch.setattr(module, "progress_bar", lambda description, *_, **__: seen.append(description) or Bar())
    sweep(TASKS, lambda task: None, np.zeros((200, 1), np.int64), [], progress=True)
    assert seen == ["neighbors", 50, 100, 150, 200]
