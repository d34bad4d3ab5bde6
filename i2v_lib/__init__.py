"""Illustration2Vec (Saito & Matsui, SIGGRAPH Asia 2015), reproduced.

The heart of the paper, in reading order:

1. :mod:`~i2v_lib.config`: every setting, with its unit and section
2. :mod:`~i2v_lib.models.networks`: VGG model A and VGG + NIN (Table 1)
3. :mod:`~i2v_lib.models.hash_network`: the hash layer, whose signs are a code (§3.2)
4. :mod:`~i2v_lib.models.loss`, then :mod:`~i2v_lib.models.training` and :mod:`~i2v_lib.models.steps`: how they learn
5. :mod:`~i2v_lib.search.hashing`: packed codes and their Hamming distances
6. :mod:`~i2v_lib.search.adjacency` and :mod:`~i2v_lib.search.graph`: the graph of neighbors, and morphing on it (§4.4)
7. :mod:`~i2v_lib.evaluation.metrics`: average precision (§4.1)

A :class:`~i2v_lib.run.Run` puts these together: ``Run(load_config("demo"))`` draws the demo set, then trains, searches
and measures what it is asked for. Each step is also a function of its own, for arrays from anywhere:

>>> import numpy as np
>>> from i2v_lib import binarize, build_graph, hamming_distance, morph, nearest_neighbors
>>> angles = np.linspace(0, 2 * np.pi, 64, endpoint=False)  # of 64 illustrations on a circle
>>> codes = binarize(np.cos(angles[:, None] + angles + 0.01))  # uint8, 64 bits each
>>> int(hamming_distance(codes, codes).max())  # between opposite ones
64
>>> indices, distances = nearest_neighbors(codes, k=5)
>>> print(morph(build_graph(indices, distances), source=0, target=32))
found: 0 → 2 → 5 → 8 → 11 → 14 → 17 → 20 → 23 → 26 → 29 → 32, length 64
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # at run time each is imported when it is first used, since PyTorch takes seconds
    from i2v_lib.config import load_config
    from i2v_lib.data.folder import import_folder
    from i2v_lib.evaluation.metrics import average_precision
    from i2v_lib.models.loss import tag_loss
    from i2v_lib.models.networks import VGGNIN, VGGModelA
    from i2v_lib.models.tagger import Illustration2Vec
    from i2v_lib.run import Run
    from i2v_lib.search.graph import build_graph, morph
    from i2v_lib.search.hashing import binarize, hamming_distance
    from i2v_lib.search.neighbors import nearest_neighbors

__version__ = "0.2.0"
__all__ = [
    "VGGNIN", "Illustration2Vec", "Run", "VGGModelA", "average_precision", "binarize", "build_graph",
    "hamming_distance", "import_folder", "load_config", "morph", "nearest_neighbors", "tag_loss",
]  # fmt: skip
_HOMES = {
    "VGGNIN": "i2v_lib.models.networks",
    "Illustration2Vec": "i2v_lib.models.tagger",
    "Run": "i2v_lib.run",
    "VGGModelA": "i2v_lib.models.networks",
    "average_precision": "i2v_lib.evaluation.metrics",
    "binarize": "i2v_lib.search.hashing",
    "build_graph": "i2v_lib.search.graph",
    "hamming_distance": "i2v_lib.search.hashing",
    "import_folder": "i2v_lib.data.folder",
    "load_config": "i2v_lib.config",
    "morph": "i2v_lib.search.graph",
    "nearest_neighbors": "i2v_lib.search.neighbors",
    "tag_loss": "i2v_lib.models.loss",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}; it has {', '.join(__all__)}")
    globals()[name] = found = getattr(import_module(_HOMES[name]), name)
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
