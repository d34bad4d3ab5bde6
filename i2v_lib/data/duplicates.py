"""Which illustrations show the same picture: a hash proposes near-duplicates, their pixels decide."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Sequence

import numpy as np
from PIL import Image
from scipy.fft import dctn

SIDE = 32  # pixels of the reduced grey picture that is hashed
FLAT = 2.0  # grey levels: a picture whose standard deviation is lower has no structure to hash
WITHIN = 4  # bits of 64 that near-duplicates may differ in
THUMBNAIL = 16  # pixels of the colored pictures that are then compared
ALIKE = 0.96  # least correlation of two thumbnails


def perceptual_hash(image: Image.Image) -> int | None:
    """Hash what a picture looks like, so that small changes of it flip few of the 64 bits.

    The 64 lowest frequencies of the grey picture's cosine transform are compared with their median: scaling,
    recompression and brightness leave nearly all of those comparisons alone.

    Returns
    -------
    unsigned 64-bit integer, or None for a picture too flat to be told from another by its structure
    """
    grey = np.asarray(image.convert("L").resize((SIDE, SIDE), Image.Resampling.BILINEAR), dtype=np.float64)
    if grey.std() < FLAT:
        return None
    frequencies = dctn(grey)[:8, :8].round()  # a symmetric picture has zeros; their noise must not count
    bits = np.packbits(frequencies > np.median(frequencies))
    return int.from_bytes(bits.tobytes(), "big")


def find_groups(
    digests: Sequence[Hashable],
    hashes: Sequence[int | None],
    pixels: np.ndarray,
    within: int = WITHIN,
    links: Iterable[Iterable[Hashable]] | None = None,
) -> list[int]:
    """Group illustrations with equal pixels or a common link, and those that hash and thumbnail call alike.

    The hash alone errs once in a million pairs, which would chain a large collection into one group; so each
    pair that it proposes is compared as :func:`alike`. Groups are closed: where A is near B and B near C, all
    three share one.

    Parameters
    ----------
    digests : N values that are equal exactly where the pixels are
    hashes : N perceptual hashes from :func:`perceptual_hash`
    pixels : uint8 array, shape (N, S, S, 3), RGB
    within : largest Hamming distance of hashes that propose a pair, in bits
    links : N collections of keys; rows that share one belong together, whatever their pixels. So the children of one
        parent meet in its key, even where the parent itself is missing

    Returns
    -------
    list of N row numbers
        The lowest row of each illustration's group; its own where it stands alone.
    """
    parents = list(range(len(digests)))

    def root(row: int) -> int:
        while parents[row] != row:
            parents[row] = row = parents[parents[row]]  # halve the way for the next question
        return row

    def join(first: int, second: int) -> None:
        low, high = sorted((root(first), root(second)))
        parents[high] = low

    def propose(first: int, second: int) -> None:
        if root(first) != root(second) and alike(pixels[first], pixels[second]):
            join(first, second)

    if links is not None:
        row_of_link: dict[Hashable, int] = {}
        for row, keys in zip(range(len(digests)), links, strict=True):
            for key in keys:
                join(row_of_link.setdefault(key, row), row)
        del row_of_link  # the largest thing here
    row_of_digest: dict[Hashable, int] = {}
    row_of_hash: dict[int, int] = {}
    for row, (digest, value) in enumerate(zip(digests, hashes, strict=True)):
        join(row_of_digest.setdefault(digest, row), row)
        if value is not None:
            propose(row_of_hash.setdefault(value, row), row)
    rows, distinct = list(row_of_hash.values()), np.array(list(row_of_hash), dtype=np.uint64)
    for first, second in near_pairs(distinct, within):
        propose(rows[first], rows[second])
    return [root(row) for row in range(len(parents))]


def alike(first: np.ndarray, second: np.ndarray) -> bool:
    """Whether the small thumbnails of two pictures correlate, whatever their brightness and contrast.

    Parameters
    ----------
    first, second : uint8 arrays, shape (S, S, 3), RGB
    """
    a, b = (
        np.asarray(Image.fromarray(picture).resize((THUMBNAIL, THUMBNAIL), Image.Resampling.BILINEAR), float)
        for picture in (first, second)
    )
    a, b = a - a.mean(), b - b.mean()
    return bool((a * b).sum() >= ALIKE * np.sqrt((a * a).sum() * (b * b).sum()))


def near_pairs(hashes: np.ndarray, within: int) -> Iterator[tuple[int, int]]:
    """Yield every pair of hashes at most ``within`` bits apart, once.

    Two hashes that differ in at most d bits agree in one of d + 1 pieces. So the hashes are sorted by each
    piece, and only those with equal pieces are compared: all neighbors one step apart at once, then two
    steps, and so on. A piece takes every (d + 1)-th bit, because bits of like frequencies depend on each other and
    would leave some pieces with few values. Memory grows with the number of hashes, never with its square.

    Parameters
    ----------
    hashes : uint64 array, shape (N,)
    within : Hamming distance in bits, 0 to 63

    Yields
    ------
    pairs of indices into ``hashes``
    """
    masks = [np.uint64(sum(1 << bit for bit in range(first, 64, within + 1))) for first in range(within + 1)]
    for turn, mask in enumerate(masks):
        pieces = hashes & mask
        order = np.argsort(pieces, kind="stable")
        values, pieces = hashes[order], pieces[order]
        step, here = 1, np.arange(len(order))
        while len(here):
            here = here[here + step < len(order)]
            here = here[pieces[here] == pieces[here + step]]
            difference = values[here] ^ values[here + step]
            near = np.bitwise_count(difference) <= within
            for earlier in masks[:turn]:
                near[near] &= (difference[near] & earlier) != 0  # else it was found there
            found = here[near]
            yield from zip(order[found].tolist(), order[found + step].tolist(), strict=True)
            step += 1
