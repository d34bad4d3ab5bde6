"""Exact Hamming search on the CPU: 64-bit words, population counts of whole vectors, the nearest found as heaps.

Eight codes lie beside one another in a vector and meet a ninth word by word, so that no sum runs across a vector. The
compiler turns the vectors into what the processor has: AVX-512, AVX2, NEON.
"""

from __future__ import annotations

import threading
from contextlib import nullcontext
from pathlib import Path

import numba
import numpy as np
from llvmlite import ir
from numba.core import cgutils
from numba.cpython.unsafe.numbers import trailing_zeros
from numba.extending import intrinsic

from i2v_lib.search.packed_neighbors import SHIFT
from i2v_lib.search.resumable import sweep
from i2v_lib.system.compiled import compiled

LANES = 8  # codes beside one another in a vector of 64-bit words
ROWS = 4  # codes that meet them at a time; their sums stay in registers, also where a vector needs two
NEAR = 2**15  # bytes of lanes that stay in the first-level cache while the rows of a block pass
BLOCK = 2**20  # bytes of codes in a block: it stays in the second-level cache
FEWEST, MOST = 64, 4096  # codes of a block
BLOCKS = 24  # that a small set is cut into, so that every thread has work

_VECTOR = ir.VectorType(ir.IntType(64), LANES)


def search_by_popcount(
    database: np.ndarray,
    queries: np.ndarray | None,
    keys: np.ndarray,
    searched: int = 0,
    progress: bool = False,
    folder: Path | None = None,
) -> None:
    """Offer every code of the database to every query.

    A set searched with itself is taken symmetrically: a pair is measured once and offered to both.

    Parameters
    ----------
    database : uint8 array, shape (N, B/8)
    queries : uint8 array, shape (Q, B/8); None for the database itself, where no code is offered to itself
    keys : int64 array, shape (Q, K), changed in place
        Of each query a heap, the furthest first, of keys as in :mod:`~i2v_lib.search.packed_neighbors`; ``FAR`` where
        nothing is known yet.
    searched : so many rows at the start of the database have met one another before; only without queries
    progress, folder : as for :func:`~i2v_lib.search.resumable.sweep`
    """
    itself, old = queries is None, _blocks(database[:searched])
    second = old + _blocks(database[searched:], searched)
    asking = database if queries is None else queries
    if itself:
        first, tasks = second, _pairs(len(second), len(old))
    else:
        first = _blocks(asking)
        tasks = np.indices((len(first), len(second))).reshape(2, -1, order="F").T  # the queries' block changes first
    locks = [threading.Lock() for _ in first]

    def work(task: np.ndarray) -> None:
        i, j = task
        lanes, rows = first[i], second[j]
        both = itself and i != j
        codes, others = _beside(asking[lanes]), _words(database[rows], ROWS)
        with locks[i], locks[j] if both else nullcontext():  # i < j: no two tasks wait for each other
            offer(
                codes, keys[lanes], lanes.start,
                others, keys[rows] if both else keys[:0], rows.start, rows.stop - rows.start,
                itself and i == j,
            )  # fmt: skip

    inputs = [database] if itself else [database, asking]
    threads = numba.config.NUMBA_NUM_THREADS  # type: ignore[attr-defined]  # made when Numba is imported
    sweep(tasks, work, keys, inputs, threads, progress, folder)


def _blocks(codes: np.ndarray, offset: int = 0) -> list[slice]:
    """Rows in blocks that fit the cache, and in about :data:`BLOCKS` if there are not many; counted from an offset."""
    most = min(BLOCK // max(codes.shape[1], 1), MOST)
    size = max(min(-(-len(codes) // BLOCKS), most), FEWEST)
    return [slice(offset + s, offset + min(s + size, len(codes))) for s in range(0, len(codes), size)]


def _pairs(blocks: int, old: int) -> np.ndarray:
    """Each pair of blocks once, unless both are old; int64, shape (T, 2), the lower first.

    Pairs in a row share no block, except in the first round, so that threads seldom wait for each other.
    """
    step, first = np.divmod(np.arange(blocks * (blocks + 1) // 2), blocks)
    pairs = np.sort([first, (first + step) % blocks], axis=0).T
    return pairs[pairs[:, 1] >= old]


def _words(codes: np.ndarray, multiple: int) -> np.ndarray:
    """Copy codes into whole words, zeros after them, and to a multiple of rows: uint64, (n, B/8) -> (n', W)."""
    words = np.zeros((-(-len(codes) // multiple) * multiple, max(-(-codes.shape[1] // 8), 1)), np.uint64)
    words.view(np.uint8)[: len(codes), : codes.shape[1]] = codes
    return words


def _beside(codes: np.ndarray) -> np.ndarray:
    """Put eight codes beside one another: uint64, (n, B/8) -> (G, W, LANES)."""
    words = _words(codes, LANES)
    return np.ascontiguousarray(words.reshape(-1, LANES, words.shape[1]).transpose(0, 2, 1))


@compiled(nogil=True)
def offer(lanes, lane_keys, lane_start, rows, row_keys, row_start, count, diagonal):
    """Measure every pair of two blocks; keep what is nearer than the furthest kept.

    Parameters
    ----------
    lanes : uint64 array, shape (G, W, LANES), with zeros after the last code
    lane_keys : int64 array, shape (n, K), the heaps of those codes, changed in place
    lane_start : index of the first of them
    rows : uint64 array, shape (count', W), with zeros after the last code; count' is a multiple of ROWS
    row_keys : int64 array, shape (count, K), likewise; shape (0, K) if the rows ask for no neighbors
    row_start, count : index of the first row, and how many rows are codes
    diagonal : whether the two blocks are one, so that equal places are one code
    """
    groups, words = lanes.shape[0], lanes.shape[1]
    lane_limits = np.full(groups * LANES, -1)  # the furthest distance that could still be kept; none for the zeros
    row_limits = np.full(len(rows), -1)
    lane_limits[: len(lane_keys)] = lane_keys[:, 0] >> SHIFT
    row_limits[: len(row_keys)] = row_keys[:, 0] >> SHIFT
    distances = np.empty((ROWS, LANES), np.int64)
    near = max(NEAR // (8 * LANES * words), 1)
    for start in range(0, groups, near):
        for low in range(0, len(rows), ROWS):
            for group in range(start, min(start + near, groups)):
                near_ones: int = _measure(  # type: ignore[call-arg]  # Numba hands an intrinsic its first argument
                    lanes, group, lane_limits, rows, low, row_limits, distances
                )
                while near_ones:  # seldom, once the heaps are full
                    place = trailing_zeros(near_ones)
                    near_ones &= near_ones - 1
                    row, lane = low + place // LANES, group * LANES + place % LANES
                    if row >= count or lane >= len(lane_keys) or diagonal and row == lane:
                        continue
                    distance = distances[place // LANES, place % LANES]
                    if distance <= lane_limits[lane]:
                        _keep(lane_keys, lane, distance << SHIFT | row_start + row)
                        lane_limits[lane] = lane_keys[lane, 0] >> SHIFT
                    if distance <= row_limits[row]:
                        _keep(row_keys, row, distance << SHIFT | lane_start + lane)
                        row_limits[row] = row_keys[row, 0] >> SHIFT


@numba.njit(nogil=True)
def _keep(heaps, row, key):
    """Put a key in the place of a heap's first, its largest, if it is smaller."""
    if key >= heaps[row, 0]:
        return
    size, place, child = heaps.shape[1], 0, 1
    while child < size:
        if child + 1 < size and heaps[row, child + 1] > heaps[row, child]:
            child += 1
        if heaps[row, child] <= key:
            break
        heaps[row, place] = heaps[row, child]
        place, child = child, 2 * child + 1
    heaps[row, place] = key


@intrinsic
def _measure(typing, lanes, group, lane_limits, rows, low, row_limits, distances):
    """Distances of one group of lanes to ROWS rows, and which are within a limit, as the bits of a number.

    ``lanes[group]`` (W, LANES) and ``rows[low:low + ROWS]`` (ROWS, W) give ``distances`` (ROWS, LANES).
    """
    signature = numba.types.int64(lanes, group, lane_limits, rows, low, row_limits, distances)

    def generate(context, builder, signature, arguments):
        arrays = [
            value if isinstance(kind, numba.types.Integer) else context.make_array(kind)(context, builder, value)
            for kind, value in zip(signature.args, arguments, strict=True)
        ]
        lanes, group, lane_limits, rows, low, row_limits, distances = arrays
        integer = ir.IntType(64)
        words = cgutils.unpack_tuple(builder, rows.shape)[1]

        def word(array, place):
            return builder.gep(array.data, [place])

        def vector(pointer):
            return builder.bitcast(pointer, _VECTOR.as_pointer())

        def load(pointer):
            loaded = builder.load(vector(pointer))
            loaded.align = 8  # NumPy promises no more
            return loaded

        def repeat(value):
            one = builder.insert_element(ir.Constant(_VECTOR, ir.Undefined), value, ir.IntType(32)(0))
            return builder.shuffle_vector(one, one, ir.Constant(ir.VectorType(ir.IntType(32), LANES), None))

        counts = ir.FunctionType(_VECTOR, [_VECTOR])
        count_bits = cgutils.get_or_insert_function(builder.module, counts, f"llvm.ctpop.v{LANES}i64")
        beside = word(lanes, builder.mul(group, builder.mul(words, integer(LANES))))
        codes = [word(rows, builder.mul(builder.add(low, integer(row)), words)) for row in range(ROWS)]
        sums = [cgutils.alloca_once_value(builder, ir.Constant(_VECTOR, None)) for _ in codes]
        with cgutils.for_range(builder, words) as loop:
            lane = load(builder.gep(beside, [builder.mul(loop.index, integer(LANES))]))
            for code, total in zip(codes, sums, strict=True):
                differing = builder.xor(lane, repeat(builder.load(builder.gep(code, [loop.index]))))
                builder.store(builder.add(builder.load(total), builder.call(count_bits, [differing])), total)
        lane_limit = load(word(lane_limits, builder.mul(group, integer(LANES))))
        mask = integer(0)
        for row, total in enumerate(sums):
            distance = builder.load(total)
            builder.store(distance, vector(word(distances, integer(row * LANES)))).align = 8
            row_limit = repeat(builder.load(word(row_limits, builder.add(low, integer(row)))))
            near = builder.or_(*(builder.icmp_signed("<=", distance, limit) for limit in (lane_limit, row_limit)))
            near = builder.zext(builder.bitcast(near, ir.IntType(LANES)), integer)
            mask = builder.or_(mask, builder.shl(near, integer(row * LANES)))
        return mask

    return signature, generate
