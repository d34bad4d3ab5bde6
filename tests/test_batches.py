"""Batches: every picture once, the same order everywhere, and crops that can be read off their pixels."""

import numpy as np
import pytest
import torch

from i2v_lib.data.batches import Batches, evaluation_batches, evaluation_share

COUNT, STORED, SIZE, TAGS = 60, 12, 8, 5
INDICES = np.arange(3, 50)  # 47, a prime: no batch size divides it

# each pixel says which picture, row and column it is
PIXELS = np.moveaxis(np.indices((COUNT, STORED, STORED), dtype=np.uint8), 0, -1)
TARGETS = (np.random.default_rng(0).random((COUNT, TAGS)) < 0.4).astype(np.uint8)


def make(workers=0, seed=0, batch_size=6):
    return Batches(PIXELS, TARGETS, INDICES, batch_size, SIZE, seed, workers)


def same(a, b):
    return len(a) == len(b) and all(
        p.total == q.total and all(map(torch.equal, p[:3], q[:3])) for p, q in zip(a, b, strict=True)
    )


def test_each_picture_exactly_once_an_epoch():
    batches = make()
    for number in range(3):
        epoch = list(batches.epoch(number))
        assert len(epoch) == len(batches) == 8
        assert sorted(torch.cat([b.indices for b in epoch]).tolist()) == INDICES.tolist()
        assert {len(b.indices) for b in epoch} == {5, 6}  # equal but for one, so that none is tiny


def test_images_and_targets_belong_to_the_indices():
    for batch in make().epoch(0):
        assert batch.images.dtype == torch.uint8
        assert batch.images.shape == (len(batch.indices), 3, SIZE, SIZE)
        assert batch.images.is_contiguous(memory_format=torch.channels_last)
        assert batch.targets.dtype == torch.float32
        assert (batch.images[:, 0] == batch.indices.view(-1, 1, 1)).all()
        assert np.array_equal(batch.targets.numpy(), TARGETS[batch.indices.numpy()])


def test_crops_are_whole_squares_at_every_place_and_half_are_mirrored():
    corners, mirrored = set(), []
    for number in range(20):
        for batch in make().epoch(number):
            for _, rows, columns in batch.images.long():
                top, flipped = int(rows[0, 0]), bool(columns[0, 0] > columns[0, -1])
                left = int(columns.min())
                across = torch.arange(left, left + SIZE)
                assert torch.equal(rows, torch.arange(top, top + SIZE).view(-1, 1).expand(SIZE, SIZE))
                assert torch.equal(columns, (across.flip(0) if flipped else across).expand(SIZE, SIZE))
                corners.add((top, left))
                mirrored.append(flipped)
    assert corners == {(top, left) for top in range(5) for left in range(5)}
    assert 0.45 < np.mean(mirrored) < 0.55  # 940 draws: three standard deviations are .05


@pytest.mark.parametrize("workers", [1, 2, 4])
def test_workers_change_nothing(workers):
    assert same(list(make(workers).epoch(3)), list(make().epoch(3)))


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("skip", [1, 5, 8])
def test_skipping_gives_the_tail(skip, workers):
    assert same(list(make(workers).epoch(1, skip)), list(make().epoch(1))[skip:])


def test_epochs_and_seeds_differ():
    assert same(list(make().epoch(0)), list(make().epoch(0)))
    assert not same(list(make().epoch(0)), list(make().epoch(1)))
    assert not same(list(make().epoch(0)), list(make(seed=1).epoch(0)))
    # epoch 1 of seed 0 is no shifted copy of epoch 0 of seed 1
    assert not same(list(make().epoch(1)), list(make(seed=1).epoch(0)))


def test_an_epoch_can_be_left_halfway():
    for _ in make(workers=2).epoch(0):
        break


@pytest.mark.parametrize("ranks", [1, 2, 3, 5])
@pytest.mark.parametrize("skip", [0, 3])
def test_the_shares_of_all_ranks_are_the_batch_of_one(ranks, skip):
    shares = [list(make(workers=rank % 2).epoch(2, skip, rank, ranks)) for rank in range(ranks)]
    whole = list(make().epoch(2, skip))
    for i, batch in enumerate(whole):
        parts = [share[i] for share in shares]
        sizes = [len(part.indices) for part in parts]
        assert sum(sizes) == batch.total == len(batch.indices)
        assert max(sizes) - min(sizes) <= 1
        assert {part.total for part in parts} == {batch.total}
        for j, part in enumerate(parts):
            for field in ("images", "targets", "indices"):
                assert torch.equal(getattr(part, field), getattr(batch, field)[j::ranks])
    assert all(len(share) == len(whole) for share in shares)


@pytest.mark.parametrize("ranks", [1, 2, 4, 7])
@pytest.mark.parametrize("count", [0, 1, 5, 12, 13, 31])
def test_evaluation_is_shared_in_the_batches_of_one_rank(ranks, count):
    order = np.random.default_rng(0).permutation(COUNT)[:count]
    shares = [list(evaluation_batches(PIXELS, order, 3, SIZE, rank, ranks)) for rank in range(ranks)]
    whole = list(evaluation_batches(PIXELS, order, 3, SIZE))
    together = [images for share in shares for images in share]
    assert len(together) == len(whole)
    assert all(map(torch.equal, together, whole))
    numbers = [order[evaluation_share(count, 3, rank, ranks)].tolist() for rank in range(ranks)]
    assert sum(numbers, []) == order.tolist()
    assert max(map(len, shares)) - min(map(len, shares)) <= 1


@pytest.mark.parametrize(("rank", "ranks"), [(-1, 1), (1, 1), (0, 0), (2, 2)])
def test_impossible_ranks_are_refused(rank, ranks):
    with pytest.raises(ValueError, match=f"rank={rank}, ranks={ranks}"):
        list(make().epoch(0, rank=rank, ranks=ranks))
    with pytest.raises(ValueError, match=f"rank={rank}, ranks={ranks}"):
        evaluation_share(9, 3, rank, ranks)


def test_more_ranks_than_pictures_are_refused():
    with pytest.raises(ValueError, match=r"ranks=6.* 5 pictures"):
        list(make().epoch(0, rank=0, ranks=6))


def test_evaluation_covers_each_picture_once_in_order():
    order = np.array([9, 2, 40, 41, 7, 0, 59])
    batches = list(evaluation_batches(PIXELS, order, 3, SIZE))
    assert [len(images) for images in batches] == [3, 3, 1]
    images = torch.cat(batches).long()
    assert images[:, 0, 0, 0].tolist() == order.tolist()
    assert (images[:, 1, 0, 0] == 2).all()  # (12 − 8) / 2: the center
    assert (images[:, 2, -1, -1] == 9).all()


def test_mean_and_priors_are_those_of_the_training_pictures():
    batches = make()
    assert batches.mean().tolist() == pytest.approx([INDICES.mean(), 5.5, 5.5])
    assert batches.priors().tolist() == pytest.approx(TARGETS[INDICES].mean(axis=0).tolist())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"image_size": 13}, "larger than the stored"),
        ({"targets": TARGETS[:-1]}, "59 rows for 60"),
        ({"indices": INDICES[:0]}, "at least one"),
        ({"batch_size": 0}, "batch_size=0"),
    ],
)
def test_errors_name_the_cure(change, message):
    arguments = {
        "pixels": PIXELS,
        "targets": TARGETS,
        "indices": INDICES,
        "batch_size": 6,
        "image_size": SIZE,
        "seed": 0,
    }
    with pytest.raises(ValueError, match=message):
        Batches(**{**arguments, **change})
