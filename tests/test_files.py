"""Files that are written whole or not at all, whatever comes between."""

import errno
import os
import signal
import stat
import time

import numpy as np
import pytest
import torch
from processes import start
from torch import nn

from i2v_lib.models.checkpoints import load_weights, save_weights
from i2v_lib.system.files import (
    discard_unfinished,
    is_unfinished,
    rename_folder,
    sync_folder,
    whole,
    whole_path,
    write_bytes,
    write_text,
)

OLD, NEW = b"what was there\n", b"what comes now\n"


@pytest.fixture
def target(tmp_path):
    path = tmp_path / "target.bin"
    path.write_bytes(OLD)
    return path


def names(folder):
    return sorted(os.listdir(folder))


def test_file_appears_when_it_is_whole(tmp_path):
    path = tmp_path / "new.bin"
    with whole(path) as file:
        file.write(NEW)
        file.flush()
        assert not path.exists()
        (unfinished,) = names(tmp_path)
        assert is_unfinished(unfinished)
    assert path.read_bytes() == NEW
    assert names(tmp_path) == ["new.bin"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_an_error_leaves_the_old_file(target, error):
    def stop(file):
        file.write(NEW)
        raise error

    with pytest.raises(error), whole(target) as file:
        stop(file)
    assert target.read_bytes() == OLD
    assert names(target.parent) == [target.name]


@pytest.mark.parametrize("call", ["fsync", "chmod", "replace"])
def test_a_failure_of_each_step_leaves_the_old_file(target, call, monkeypatch):
    def fail(*arguments):
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    with monkeypatch.context() as patch:
        patch.setattr(os, call, fail)
        with pytest.raises(OSError, match=f"Errno {errno.EIO}.*{target.name}") as caught:
            write_bytes(target, NEW)
    assert caught.value.filename == str(target)
    assert target.read_bytes() == OLD
    assert names(target.parent) == [target.name]
    write_bytes(target, NEW)  # the control
    assert target.read_bytes() == NEW


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no device that is always full")
def test_a_full_disk_is_reported_with_the_name(target, monkeypatch):
    real = os.open
    monkeypatch.setattr(os, "open", lambda path, flags, mode=0o777: real("/dev/full", os.O_RDWR))
    monkeypatch.setattr(os, "fstat", lambda number: target.stat())
    with pytest.raises(OSError, match=f"Errno {errno.ENOSPC}.*{target.name}") as caught:
        write_bytes(target, NEW)
    assert caught.value.filename == str(target)
    assert target.read_bytes() == OLD


def test_errors_of_other_files_keep_their_name(target):
    with pytest.raises(FileNotFoundError) as caught, whole(target):
        (target.parent / "absent").read_bytes()
    assert str(caught.value.filename) == str(target.parent / "absent")
    assert names(target.parent) == [target.name]


def killed(path, call, before):
    """Be killed before or after a step of writing."""
    real = getattr(os, call)

    def strike(*arguments, **options):
        if not before:
            real(*arguments, **options)
        os.kill(os.getpid(), signal.SIGKILL)

    setattr(os, call, strike)
    write_bytes(path, NEW)


@pytest.mark.parametrize("call", ["open", "fsync", "chmod", "replace"])
@pytest.mark.parametrize("before", [True, False])
def test_a_kill_between_steps_leaves_the_old_file_or_the_new(target, call, before):
    process = start(killed, target, call, before)
    process.join(60)
    assert process.exitcode == -signal.SIGKILL
    assert target.read_bytes() == (NEW if (call, before) == ("replace", False) else OLD)
    assert all(name == target.name or is_unfinished(name) for name in names(target.parent))
    discard_unfinished(target.parent)
    assert (call, before) in {("open", True), ("replace", False)} or len(names(target.parent)) == 2
    discard_unfinished(target.parent, idle=0)
    assert names(target.parent) == [target.name]


@pytest.mark.parametrize("length", [1, 247, 248, 254, 255])
def test_names_as_long_as_the_system_allows(tmp_path, length):
    for letter in "aü":
        name = letter * (length // len(letter.encode())) + "a" * (length % len(letter.encode()))
        assert len(name.encode()) == length
        write_text(tmp_path / name, "text")
        write_text(tmp_path / name, "text again")
        assert (tmp_path / name).read_text() == "text again"
    with pytest.raises(OSError, match=f"Errno {errno.ENAMETOOLONG}"):
        write_text(tmp_path / ("a" * 256), "text")
    assert not any(map(is_unfinished, names(tmp_path)))


def test_text_keeps_its_line_ends_and_is_utf_8(tmp_path):
    write_text(tmp_path / "text", "ä\n漢\r\n")
    assert (tmp_path / "text").read_bytes() == "ä\n漢\r\n".encode()


@pytest.mark.skipif(os.name == "nt", reason="permissions of POSIX")
@pytest.mark.parametrize("umask", [0o022, 0o077, 0o002])
def test_permissions_are_those_of_any_new_file(tmp_path, umask):
    before = os.umask(umask)
    try:
        (tmp_path / "plain").touch()
        write_bytes(tmp_path / "ours", NEW)
        with whole_path(tmp_path / "replaced") as temporary:  # as safetensors does, with permissions of its own
            (tmp_path / "theirs").write_bytes(NEW)
            (tmp_path / "theirs").chmod(0o600)
            os.replace(tmp_path / "theirs", temporary)
    finally:
        os.umask(before)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
    assert modes == dict.fromkeys(["plain", "ours", "replaced"], 0o666 & ~umask)


@pytest.mark.skipif(os.name == "nt", reason="permissions of POSIX")
@pytest.mark.parametrize("mode", [0o600, 0o664, 0o755])
def test_permissions_of_a_replaced_file_are_kept(target, mode):
    target.chmod(mode)
    write_bytes(target, NEW)
    assert stat.S_IMODE(target.stat().st_mode) == mode


def test_a_link_is_replaced_and_what_it_shows_stays(target):
    target.chmod(0o640)
    for name, shown in (("link", target), ("dangling", target.parent / "absent")):
        link = target.parent / name
        link.symlink_to(shown)
        write_bytes(link, NEW)
        assert not link.is_symlink()
        assert link.read_bytes() == NEW
        assert stat.S_IMODE(link.stat().st_mode) != 0o777  # of the link itself
    assert target.read_bytes() == OLD
    assert not (target.parent / "absent").exists()


@pytest.mark.parametrize("planted", ["link", "file"])
def test_what_lies_under_the_temporary_name_is_left_alone(target, planted, monkeypatch):
    monkeypatch.setattr("secrets.token_hex", lambda count: "0" * 2 * count)
    place, shown = target.parent / ".000000000000.unfinished", target.parent / "shown"
    place.symlink_to(shown) if planted == "link" else place.write_bytes(OLD)
    with pytest.raises(FileExistsError) as caught:
        write_bytes(target, NEW)
    assert caught.value.filename == str(target)
    assert target.read_bytes() == OLD
    assert os.path.lexists(place)
    assert not shown.exists()


def test_two_writers_of_one_file_never_meet(target):
    with whole(target) as first, whole(target) as second:
        first.write(b"first")
        second.write(b"second")
    assert target.read_bytes() == b"first"  # the last to end
    assert names(target.parent) == [target.name]


def test_a_folder_in_its_place_and_a_missing_folder_are_errors(tmp_path):
    (tmp_path / "folder").mkdir()
    for path in (tmp_path / "folder", tmp_path / "absent" / "file"):
        with pytest.raises(OSError, match=path.name) as caught:
            write_bytes(path, NEW)
        assert caught.value.filename == str(path)
    assert names(tmp_path) == ["folder"]


def test_what_is_written_is_synced_before_its_name_and_the_name_after(target, monkeypatch):
    calls = []
    for name in ("fsync", "replace"):
        real = getattr(os, name)

        def note(*arguments, name=name, real=real):
            kind = "folder" if name == "fsync" and stat.S_ISDIR(os.fstat(arguments[0]).st_mode) else "file"
            size = os.fstat(arguments[0]).st_size if kind == "file" and name == "fsync" else None
            calls.append((name, kind, size))
            return real(*arguments)

        monkeypatch.setattr(os, name, note)
    write_bytes(target, NEW)
    assert calls == [("fsync", "file", len(NEW)), ("replace", "file", None), ("fsync", "folder", None)]
    calls.clear()
    write_bytes(target, NEW, durable=False)
    assert calls == [("replace", "file", None)]


@pytest.fixture
def windows(monkeypatch):
    """What Windows does not do: open a folder, and replace a file that is open."""
    real_open, real_replace, opened = os.open, os.replace, {}

    def refuse_folders(path, flags, *arguments, **options):
        if os.path.isdir(path):
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        number = real_open(path, flags, *arguments, **options)
        opened[number] = os.fstat(number).st_ino
        return number

    def refuse_open_files(source, place):
        for number, inode in opened.items():
            try:
                still = os.fstat(number).st_ino == inode
            except OSError:
                continue
            if still and any(os.path.exists(path) and os.stat(path).st_ino == inode for path in (source, place)):
                raise PermissionError(errno.EACCES, "Permission denied", str(source))
        real_replace(source, place)

    monkeypatch.setattr(os, "open", refuse_folders)
    monkeypatch.setattr(os, "replace", refuse_open_files)
    monkeypatch.delattr(os, "O_NOFOLLOW")


def test_windows_saves_files_and_weights(tmp_path, windows):
    with pytest.raises(PermissionError):  # the control
        os.open(tmp_path, os.O_RDONLY)
    write_bytes(tmp_path / "file", OLD)
    write_bytes(tmp_path / "file", NEW)
    assert (tmp_path / "file").read_bytes() == NEW
    network, path = nn.Linear(3, 2), tmp_path / "weights.safetensors"
    for _ in range(2):
        save_weights(path, network, {"epoch": 1})
    other = nn.Linear(3, 2)
    assert load_weights(path, other)["epoch"] == 1
    assert torch.equal(other.weight, network.weight)
    assert names(tmp_path) == ["file", "weights.safetensors"]


@pytest.mark.parametrize("number", [errno.EINVAL, errno.ENOTSUP])
def test_a_file_system_that_syncs_no_folders_is_no_error(tmp_path, number, monkeypatch):
    def refuse(descriptor):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", refuse)
    sync_folder(tmp_path)


def test_a_failing_disk_is_an_error_of_the_folder_too(tmp_path, monkeypatch):
    def fail(descriptor):
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match=f"Errno {errno.EIO}"):
        sync_folder(tmp_path)


def test_only_what_nobody_writes_to_is_discarded(tmp_path):
    for name, age in ((".old.unfinished", 7200), (".new.unfinished", 0), ("old.unfinished", 7200), (".hidden", 7200)):
        (tmp_path / name).touch()
        os.utime(tmp_path / name, (time.time() - age,) * 2)
    discard_unfinished(tmp_path)
    assert names(tmp_path) == [".hidden", ".new.unfinished", "old.unfinished"]
    discard_unfinished(tmp_path, idle=0)
    assert names(tmp_path) == [".hidden", "old.unfinished"]
    discard_unfinished(tmp_path / "absent")


def test_a_folder_is_renamed_once_its_files_are_on_the_disk(tmp_path, monkeypatch):
    folder, synced = tmp_path / "new.partial", []
    (folder / "inner").mkdir(parents=True)
    np.save(folder / "array.npy", np.arange(3))
    (folder / "text").write_text("text")
    inodes = {path.stat().st_ino: path.name for path in (*folder.iterdir(), tmp_path)}
    real = os.fsync
    monkeypatch.setattr(os, "fsync", lambda n: (synced.append(inodes.get(os.fstat(n).st_ino, "folder")), real(n)))
    rename_folder(folder, tmp_path / "new")
    assert names(tmp_path) == ["new"]
    assert sorted(synced[:2]) == ["array.npy", "text"]
    assert synced[2:] == ["folder", tmp_path.name]
