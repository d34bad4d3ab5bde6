"""Pixels of a collection that a test makes, as an array to fill in."""

import numpy as np

from i2v_lib.data.collection import partial_folder
from i2v_lib.data.stores import PIXELS


def create_pixels(folder, count, size):
    """Open ``pixels.npy`` of a growing collection for writing: uint8 memory map of zeros, (count, size, size, 3)."""
    partial_folder(folder).mkdir(parents=True, exist_ok=True)
    shape = (count, size, size, 3)
    return np.lib.format.open_memmap(partial_folder(folder) / PIXELS, mode="w+", dtype=np.uint8, shape=shape)
