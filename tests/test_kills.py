"""Twenty times ``kill -9``, a third of them while a checkpoint is written: the same weights and the same optimizer."""

import hashlib
import os
import random
import signal

import pytest
import torch
from processes import start
from tiny_training import Accident, accident, checkpoints, newest, train

from i2v_lib.models import checkpoints as on_disk

KILLS = 20
LONG, LAST = 16, 63  # epochs, and the step before whose batch two trainings are compared
CALLS = ("save", "fsync", "rename")  # what writing a checkpoint is made of


@pytest.fixture(autouse=True)
def _one_thread():
    """As the killed ones have: another number of threads gives other last bits."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def sha256(path):
    """Of a checkpoint's tensors, weights and optimizer: all of the file but its header, which holds times."""
    raw = path.read_bytes()
    return hashlib.sha256(raw[8 + int.from_bytes(raw[:8], "little") :]).hexdigest()


def victim(folder, workers, step, call, number):
    """Train until it strikes: before the batch of a step, or in the middle of writing the ``number``-th checkpoint."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)

    def strike(*arguments, **options):
        os.kill(os.getpid(), signal.SIGKILL)

    if call is None:
        train(folder, {step: strike}, workers=workers, epochs=LONG)
        return
    target, name = {"save": (on_disk, "save_file"), "fsync": (os, "fsync"), "rename": (os, "replace")}[call]
    real, calls = getattr(target, name), []

    def count(*arguments):
        calls.append(arguments)
        if len(calls) == number:
            if call == "save":  # half of the file is written
                real(*arguments)
                os.truncate(arguments[1], os.path.getsize(arguments[1]) // 2)
            if call == "rename" and number % 2:  # already renamed, the folder not yet on the disk
                real(*arguments)
            strike()
        return real(*arguments)

    setattr(target, name, count)
    train(folder, workers=workers, epochs=LONG)


@pytest.mark.parametrize("workers", [0, 1, 4])
def test_twenty_kills_change_nothing(tmp_path, workers):
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    rng, half_written, reached = random.Random(workers), 0, [0]
    for kill in range(KILLS):
        call, step = rng.choice((None, None, *CALLS)), reached[-1] + rng.randint(1, 5)
        process = start(victim, killed, workers, step, call, rng.randint(1, 3))
        process.join(60)
        assert process.exitcode == -signal.SIGKILL, (kill, call, step)
        half_written += bool(list(killed.glob(".*.unfinished")))
        reached.append(max(steps_of(killed), default=0))
    assert reached == sorted(reached)  # no kill has cost a checkpoint that stood
    assert 10 < reached[-1] < LAST
    assert half_written >= 3
    for folder in (whole, killed):
        with pytest.raises(Accident):
            train(folder, {LAST: accident}, workers=workers, epochs=LONG)
    assert checkpoints(whole) == checkpoints(killed) == [60, 63]
    assert sha256(newest(killed)) == sha256(newest(whole))
    for folder in (whole, killed):
        train(folder, workers=workers, epochs=LONG)
    assert sha256(killed / "weights.safetensors") == sha256(whole / "weights.safetensors")


def test_the_comparison_sees_one_other_batch(tmp_path):
    def swap(batch):
        return batch._replace(targets=batch.targets.flip(0))

    for folder, accidents in ((tmp_path / "a", {}), (tmp_path / "b", {2: swap})):
        with pytest.raises(Accident):
            train(folder, {**accidents, 5: accident})
    assert sha256(newest(tmp_path / "a")) != sha256(newest(tmp_path / "b"))


def steps_of(folder):
    """Steps of the checkpoints that a killed process has left, whole under their names."""
    return [int(path.stem.split("-")[1]) for path in folder.glob("checkpoint-*.safetensors")]
