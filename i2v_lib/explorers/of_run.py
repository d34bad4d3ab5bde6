"""The morphing explorer of a run: the protocol of :mod:`.protocol`, with the run's pictures, networks and folder."""

from __future__ import annotations

import functools
import hashlib
import re

import numpy as np

from i2v_lib.explorers.morphing import MorphingExplorer
from i2v_lib.models.serving.picture_batches import read_picture
from i2v_lib.run import Run
from i2v_lib.search.graph import Morph
from i2v_lib.show import paper, saving
from i2v_lib.show.path_strip import caption_transition, fig_transition, unit_of
from i2v_lib.show.thumbnails import PIXELS, pictures, stored_pictures
from i2v_lib.show.wording import Rows, how

NOTEBOOK = "06_semantic_morphing.ipynb"
METRICS = ("codes", "vgg_a", "pretrained")  # to choose from: §3.2, Table 1, Table 2
KEPT = 256  # pictures that were drawn to be looked at


def explore_morphing(run: Run, source: str | int | None = None, target: str | int | None = None) -> MorphingExplorer:
    """The morphing explorer of a run's safe dataset (§4.4).

    Parameters
    ----------
    run : its networks must be trained; what else is missing is made when it is first asked for
    source, target : illustrations to begin with, by id, or by place in ``run.safe_dataset()``
    """
    return MorphingExplorer(run.transitions(), _OfRun(run), source, target, k=run.config.neighbors)


class _OfRun:
    """A run as :class:`~i2v_lib.explorers.protocol.Backing`."""

    def __init__(self, run: Run):
        self.run, self.transitions = run, run.transitions()
        self.metrics = {metric: paper.metric_name(metric, run.pretrained_source()) for metric in METRICS}
        self._look_well = functools.lru_cache(KEPT)(self._look_well)

    def pictures(self, nodes: np.ndarray, well: bool) -> list[np.ndarray]:
        rows = self.run.safe_dataset()
        if well:
            return [self._look_well(node) for node in nodes.tolist()]
        inside = nodes < len(rows)
        stored = iter(stored_pictures(self.run.collection(), rows[nodes[inside]]))
        return [next(stored) if ours else self._look_well(node) for node, ours in zip(nodes, inside, strict=True)]

    def _look_well(self, node: int) -> np.ndarray:
        rows = self.run.safe_dataset()
        if node >= len(rows):
            return read_picture(self.transitions.own[node - len(rows)], PIXELS)
        return pictures(self.run.config, self.run.collection(), rows[[node]])[0]

    def join(self, name: str, data: bytes) -> int:
        read_picture(data, PIXELS)  # before anything changes: it may not be a picture
        return self.transitions.join(data, name)

    def save(self, rows: Rows, found: Morph, metric: str, k: int) -> str:
        run, unit = self.run, unit_of(metric)
        ends = [re.sub(r"[^\w-]+", "-", rows[end]["id"])[:24] for end in (0, -1)]
        asked = [metric, k, found.intermediates, *(row["id"] for row in rows)]
        name = "_".join(["transition", *ends, hashlib.sha256(repr(asked).encode()).hexdigest()[:6]])
        sources = saving.describe_sources(NOTEBOOK, run.collection(), run.vocabulary())
        text = caption_transition(rows, found, self.metrics[metric], k, unit, how(run.config, sources))
        fig = fig_transition(rows, self.pictures(np.array([row["node"] for row in rows]), True), unit)
        numbers = {"metric": metric, "k": k, "intermediates": found.intermediates, "pictures": rows}
        png = saving.save_figure(fig, name, run.folder / "transitions", numbers, run.config, sources, text)
        return f"Saved {png.relative_to(run.folder.parent.parent)}, and the same as .pdf and .json."
