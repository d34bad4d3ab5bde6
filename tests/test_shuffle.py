"""The order of an epoch in blocks: each picture once, mixed in its buffer, and read before it is used."""

import numpy as np
import pytest
import torch

from i2v_lib.config import load_config
from i2v_lib.data import batches as batches_module
from i2v_lib.data import shuffle
from i2v_lib.data.batches import Batches
from i2v_lib.data.shuffle import SHUFFLES, choose_blocks, draw_order, fits_memory, read_ahead


def rng(seed=0):
    return np.random.default_rng(seed)


@pytest.mark.parametrize(("count", "block", "buffer"), [(1000, 16, 128), (1003, 7, 50), (5, 16, 64), (64, 64, 64)])
def test_each_once_and_each_buffer_holds_its_blocks(count, block, buffer):
    order = draw_order(count, rng(), block, buffer)
    assert sorted(order.positions.tolist()) == list(range(count))
    begin = 0
    for held in order.buffers:
        assert (held[:, 1] - held[:, 0] <= block).all()
        size = int((held[:, 1] - held[:, 0]).sum())
        assert size <= buffer
        inside = np.concatenate([np.arange(*ends) for ends in held])
        assert sorted(order.positions[begin : begin + size]) == sorted(inside)
        begin += size
    assert begin == count


def test_without_blocks_it_is_the_order_there_always_was():
    order = draw_order(99, rng(5))
    assert np.array_equal(order.positions, rng(5).permutation(99))
    assert order.buffers == []


def test_neighbors_are_mixed_but_less_than_in_any_order():
    def apart(order):
        places = np.argsort(order.positions)
        return np.abs(np.diff(places)).mean() / len(places)

    free = apart(draw_order(20_000, rng()))
    blocks = apart(draw_order(20_000, rng(), 50, 5000))
    assert free == pytest.approx(1 / 3, abs=0.01)  # two places at random
    assert blocks == pytest.approx(1 / 12, abs=0.01)  # at random in a quarter
    assert apart(draw_order(20_000, rng(), 1, 20_000)) == pytest.approx(1 / 3, abs=0.01)


def test_blocks_begin_elsewhere_in_each_epoch():
    orders = [draw_order(500, rng(seed), 50, 100) for seed in (1, 2)]
    assert len({tuple(np.sort(np.concatenate(order.buffers)[:, 0])) for order in orders}) == 2


@pytest.mark.parametrize(("block", "buffer"), [(-1, 4), (8, 4), (8, 0)])
def test_impossible_blocks_are_refused(block, buffer):
    with pytest.raises(ValueError, match=f"shuffle_block={block}, shuffle_buffer={buffer}"):
        draw_order(9, rng(), block, buffer)
    with pytest.raises(ValueError, match="shuffle_block"):
        Batches(np.zeros((9, 4, 4, 3), np.uint8), np.zeros((9, 1)), np.arange(9), 3, 4, 0, block=block, buffer=buffer)


def make(**options):
    pixels = np.moveaxis(np.indices((90, 6, 6), dtype=np.uint8), 0, -1)
    settings = {"block": 4, "buffer": 20} | options
    return Batches(pixels, np.zeros((90, 1), np.uint8), np.arange(5, 88), 8, 5, 0, **settings)


def test_ranks_skips_and_workers_change_nothing(monkeypatch):
    whole = list(make().epoch(1))
    assert sorted(torch.cat([batch.indices for batch in whole]).tolist()) == list(range(5, 88))
    for options, arguments in (({"workers": 2}, {}), ({}, {"skip": 3}), ({"workers": 1}, {"skip": 10})):
        tail = whole[arguments.get("skip", 0) :]
        found = list(make(**options).epoch(1, **arguments))
        assert len(found) == len(tail)
        assert all(all(map(torch.equal, a[:3], b[:3])) for a, b in zip(found, tail, strict=True))
    shares = [list(make().epoch(1, rank=rank, ranks=3)) for rank in range(3)]
    for i, batch in enumerate(whole):
        assert sorted(torch.cat([share[i].indices for share in shares]).tolist()) == sorted(batch.indices.tolist())


@pytest.mark.parametrize("skip", [0, 4])
def test_a_buffer_is_read_before_its_first_picture_is_used(monkeypatch, skip):
    asked = []
    monkeypatch.setattr(batches_module, "read_ahead", lambda pixels, rows: asked.append(rows))
    monkeypatch.setattr(batches_module.ThreadPoolExecutor, "submit", lambda _, function, *args: function(*args))
    batches = make()
    for batch in batches.epoch(0, skip):
        known = np.concatenate([np.arange(first, last + 1) for rows in asked for first, last in rows])
        assert set(batch.indices.tolist()) <= set(known.tolist())
    assert len(known) == len(set(known)) <= 83
    asked.clear()
    next(batches.epoch(0))
    assert len(asked) == 2  # the first and the second, not all


def test_the_bytes_of_the_pictures_are_asked_for(tmp_path, monkeypatch):
    pixels = np.zeros((30, 4, 4, 3), np.uint8)
    np.save(tmp_path / "pixels.npy", pixels)
    asked = []
    monkeypatch.setattr(shuffle.os, "posix_fadvise", lambda file, *place: asked.append(place[:2]), raising=False)
    monkeypatch.setattr(shuffle.os, "POSIX_FADV_WILLNEED", 3, raising=False)
    read_ahead(np.load(tmp_path / "pixels.npy", mmap_mode="r"), np.array([[0, 0], [3, 7]]))
    header = (tmp_path / "pixels.npy").stat().st_size - pixels.nbytes
    assert asked == [(header, 48), (header + 3 * 48, 5 * 48)]
    read_ahead(pixels, np.array([[0, 3]]))  # in memory: nothing to do
    assert len(asked) == 2


def test_what_fits_memory_is_read_in_any_order(monkeypatch):
    pixels = np.zeros((10, 4, 4, 3), np.uint8)
    for total, fits in ((pixels.nbytes / 0.79, True), (pixels.nbytes / 0.81, False)):
        monkeypatch.setattr(shuffle.psutil, "virtual_memory", lambda total=total: type("Memory", (), {"total": total}))
        assert fits_memory(pixels) is fits
        blocks = {shuffle: choose_blocks(load_config("smoke", shuffle=shuffle), pixels) for shuffle in SHUFFLES}
        assert blocks == {"full": (0, 0), "blocks": (32, 16384), "auto": (0, 0) if fits else (32, 16384)}
    for wrong in ({"shuffle": "some"}, {"shuffle": "full", "shuffle_block": 20_000}):
        with pytest.raises(ValueError, match="shuffle=|shuffle_block="):
            choose_blocks(load_config("smoke", **wrong), pixels)
