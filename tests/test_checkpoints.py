"""Checkpoints and weights on disk: the last two and the best, whatever disk or power did to them."""

import errno
import os
import resource
import shutil
import subprocess
from collections import namedtuple
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from tiny_training import TAGS, TARGETS, Accident, accident, checkpoints, identical, newest, train, weights

from i2v_lib.__main__ import main
from i2v_lib.models import checkpoints as checkpoints_module
from i2v_lib.models.checkpoints import load_weights, read_metadata, save_weights
from i2v_lib.models.networks import VGGNIN


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """Folder of a training that was never interrupted."""
    folder = tmp_path_factory.mktemp("finished")
    train(folder)
    return folder


def cut_short(folder, step=7, **options):
    """Train up to a step; checkpoints of steps 4 and 6 are left."""
    with pytest.raises(Accident):
        train(folder, {step: accident}, **options)


def goes_on_to_the_same_end(folder, finished):
    train(folder)
    assert not checkpoints(folder)
    return identical(weights(folder), weights(finished))


def test_the_last_two_are_kept(tmp_path):
    for step, expected in ((2, []), (3, [3]), (5, [3, 4]), (7, [4, 6]), (10, [8, 9])):
        cut_short(tmp_path / str(step), step)
        assert checkpoints(tmp_path / str(step)) == expected


def damage(path, how):
    raw = bytearray(path.read_bytes())
    if how == "one bit of a weight":
        raw[-5] ^= 1
    elif how == "header":
        raw[20:40] = b"\xff" * 20
    path.write_bytes({"emptied": b"", "cut short": raw[: len(raw) // 2]}.get(how, raw))


@pytest.mark.parametrize("how", ["cut short", "emptied", "header", "one bit of a weight"])
def test_the_previous_one_is_used_where_the_newest_is_damaged(finished, tmp_path, how):
    cut_short(tmp_path)
    damage(newest(tmp_path), how)
    with pytest.warns(UserWarning, match="checkpoint-00000006.safetensors is damaged.*going on from the one before"):
        assert goes_on_to_the_same_end(tmp_path, finished)


def test_a_damaged_one_does_not_push_out_the_one_before(tmp_path):
    """It stands in the way of no good one: of three, the damaged one goes first."""
    cut_short(tmp_path)
    damage(newest(tmp_path), "emptied")
    with pytest.warns(UserWarning, match="damaged"):
        cut_short(tmp_path, 5, checkpoint_every=5)
    assert checkpoints(tmp_path) == [4, 5]


def test_two_damaged_ones_are_an_error_with_a_cure_and_nothing_is_lost(tmp_path):
    cut_short(tmp_path)
    for path in tmp_path.glob("checkpoint-*"):
        damage(path, "cut short")
    with (
        pytest.warns(UserWarning, match="damaged"),
        pytest.raises(ValueError, match=r"checkpoint.*delete"),
    ):
        train(tmp_path)
    assert checkpoints(tmp_path) == [4, 6]


def test_the_best_epoch_is_kept_beside_the_last(tmp_path):
    scores = iter([{"a": 0.2, "b": 0.4}, {"a": 0.3, "b": float("nan")}, {"a": 0.25, "b": 0.3}])
    seen = []

    def validate(network):
        seen.append({name: tensor.clone() for name, tensor in network.state_dict().items()})
        return next(scores)

    train(tmp_path, validate=validate)
    best = load_file(tmp_path / "best.safetensors")
    assert identical(best, seen[0])  # .3; the second is .3 again, the third .275
    assert len(read_metadata(tmp_path / "best.safetensors")["history"]) == 1
    assert identical(weights(tmp_path), seen[2])


def test_a_changed_dataset_is_refused(tmp_path):
    cut_short(tmp_path)
    other = TARGETS.copy()
    other[0, 0] ^= 1
    with pytest.raises(ValueError, match=r"dataset .*'\w{16}'.*'\w{16}'"):
        train(tmp_path, targets=other)


# --- disks


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_write_that_fails_is_tried_again_at_the_next_checkpoint(finished, tmp_path, monkeypatch, call):
    calls, real = [], getattr(os, call)

    def fail_twice(*arguments):
        calls.append(arguments)
        if len(calls) <= 2:
            raise OSError(errno.EIO, "Input/output error")
        return real(*arguments)

    cut_short(tmp_path)
    monkeypatch.setattr(os, call, fail_twice)
    with (
        pytest.warns(UserWarning, match=r"no checkpoint of step 8.*2 more before training stops"),
        pytest.warns(UserWarning, match=r"log\.jsonl"),
    ):
        assert goes_on_to_the_same_end(tmp_path, finished)


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_the_third_failing_write_stops_and_the_last_checkpoint_is_intact(finished, tmp_path, monkeypatch, call):
    cut_short(tmp_path, 3)
    before = newest(tmp_path).read_bytes()

    def fail(*arguments):
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, call, fail)
    with (
        pytest.warns(UserWarning, match="no checkpoint of step [46]"),
        pytest.warns(UserWarning, match=r"log\.jsonl"),
        pytest.raises(OSError, match=r"written.*checkpoint-00000008") as error,
    ):
        train(tmp_path)
    assert error.value.errno == errno.EIO
    monkeypatch.undo()
    assert checkpoints(tmp_path) == [3]
    assert newest(tmp_path).read_bytes() == before
    assert goes_on_to_the_same_end(tmp_path, finished)


def test_a_write_cut_short_leaves_the_weights_before(tmp_path):
    path, network = tmp_path / "weights.safetensors", VGGNIN(TAGS, width=1 / 8)
    save_weights(path, network, {"version": 1})
    before, limits = path.read_bytes(), resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))  # the kernel refuses to write on
    try:
        with pytest.raises(OSError, match=r"written .*weights\.safetensors"):
            save_weights(path, network, {"version": 2})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_a_full_disk_is_named_with_its_bytes_before_the_first_step(tmp_path, monkeypatch):
    usage = namedtuple("usage", "free")(1234)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    with pytest.raises(OSError, match=r"full: [\d,]{7,} bytes .*1,234 free") as error:
        train(tmp_path, {0: accident})
    assert error.value.errno == errno.ENOSPC
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def mounted(tmp_path):
    """Mount a file system of memory; skips where that is not allowed."""
    folder = tmp_path / "mounted"
    folder.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", folder], capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"needs a file system of its own, which only root may mount: {done.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


def test_a_disk_that_fills_up_in_training_keeps_the_last_checkpoint(finished, mounted):
    """A real full disk: two checkpoints fit; then something else takes the room, and at last gives it back."""
    filler = mounted / "filler"

    def fill(batch):
        size = shutil.disk_usage(mounted).free - 200_000
        filler.write_bytes(bytes(size))
        return batch

    with (
        pytest.warns(UserWarning, match=r"no checkpoint of step [68]: .*full: [\d,]{7,} bytes needed, [\d,]+ free"),
        pytest.raises(OSError, match="disk is full") as error,
    ):
        train(mounted, {5: fill})
    assert error.value.errno == errno.ENOSPC
    assert checkpoints(mounted) == [3, 4]
    filler.unlink()
    assert goes_on_to_the_same_end(mounted, finished)


def test_a_run_folder_that_cannot_be_written_stops_at_once_with_the_cure(mounted, monkeypatch, capsys):
    subprocess.run(["mount", "-o", "remount,ro", mounted], check=True)
    monkeypatch.setenv("I2V_HOME", str(mounted))
    assert main(["train", "smoke"]) == 2
    assert "set I2V_HOME" in capsys.readouterr().err


def test_a_full_disk_exits_with_its_own_code(monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("I2V_HOME", str(tmp_path))
    usage = namedtuple("usage", "free total")(1234, 5678)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    assert main(["train", "smoke", "--set", "pictures=40", "minimum_positives=1", "width=0.03"]) == 74
    assert "disk is full" in capsys.readouterr().err


def test_attempts_are_counted_in_a_row(finished, tmp_path, monkeypatch):
    """A disk that fails now and then does not add up to an end."""
    real, calls = checkpoints_module.save_checkpoint, []

    def every_other(*arguments):
        calls.append(arguments)
        if len(calls) % 2:
            raise OSError(errno.ENOSPC, "full")
        real(*arguments)

    monkeypatch.setattr(checkpoints_module, "save_checkpoint", every_other)
    with pytest.warns(UserWarning, match="2 more before"):
        assert goes_on_to_the_same_end(tmp_path, finished)
    assert len(calls) >= 6


def test_weights_can_be_saved_where_folders_cannot_be_opened(tmp_path, monkeypatch):
    """As on Windows, where opening one is refused."""
    real = os.open

    def refuse(path, *arguments, **options):
        if Path(path).is_dir():
            raise PermissionError(errno.EACCES, "Permission denied", path)
        return real(path, *arguments, **options)

    monkeypatch.setattr(os, "open", refuse)
    path, network = tmp_path / "weights.safetensors", VGGNIN(TAGS, width=1 / 32)
    save_weights(path, network, {"version": 1})
    assert load_weights(path, VGGNIN(TAGS, width=1 / 32)) == {"version": 1}
    with pytest.raises(PermissionError):
        os.open(tmp_path, os.O_RDONLY)


def test_weights_round_trip_and_refuse_another_shape(tmp_path):
    path, network = tmp_path / "weights.safetensors", VGGNIN(TAGS, width=1 / 32, batch_norm=True)
    save_weights(path, network.to(memory_format=torch.channels_last), {"tags": ["猫", "a b"]})
    other = VGGNIN(TAGS, width=1 / 32, batch_norm=True)
    assert load_weights(path, other) == {"tags": ["猫", "a b"]}
    assert identical(network.state_dict(), other.state_dict())
    with pytest.raises(ValueError, match=r"tags\.bias: 3 .*file, 4 .*network"):
        load_weights(path, VGGNIN(4, width=1 / 32, batch_norm=True))
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(ValueError, match="damaged"):
        load_weights(path, other)
    with pytest.raises(FileNotFoundError, match=r"none\.safetensors.*train"):
        load_weights(tmp_path / "none.safetensors", other)
