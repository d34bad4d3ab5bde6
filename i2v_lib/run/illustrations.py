"""A folder of somebody's own illustrations: tags, codes, neighbors, graph and map, by the best weights there are."""

from __future__ import annotations

import dataclasses
import hashlib
from collections import Counter
from pathlib import Path
from typing import cast

import numpy as np
import pyarrow as pa
from PIL import Image
from scipy.special import expit

from i2v_lib.config import Config, home, results_folder, run_folder
from i2v_lib.data.collection import CATEGORIES, RATINGS, SCHEMA, Collection
from i2v_lib.data.duplicates import find_groups
from i2v_lib.data.folder import list_pictures
from i2v_lib.data.safe_tags import is_safe_tag
from i2v_lib.data.vocabulary import Vocabulary
from i2v_lib.drawn import draw_folder, draw_picture, drawn_with
from i2v_lib.models.hash_network import HashNetwork
from i2v_lib.models.released.files import missing_released
from i2v_lib.models.serving.picture_batches import Picture
from i2v_lib.models.serving.tag_lists import Tags, plausible_tags
from i2v_lib.models.tagger import Illustration2Vec
from i2v_lib.models.tagging.choose_weights import TaggerSource, of_run, released_tagger
from i2v_lib.run.artifacts import digest, once
from i2v_lib.run.extraction import Extracted, extract, tagger_digest
from i2v_lib.run.search_run import Run, Search
from i2v_lib.search.hashing import binarize
from i2v_lib.search.maps import grid_map, tsne_map

DRAWN = "drawn"  # stands for a folder where none is given
MOST_MAPPED = 10_000  # pictures on the map: some minutes of t-SNE on one core, and cells that can still be told apart


class Illustrations(Search):
    """A folder of illustrations, and all that is built of it, in ``runs/<preset>/illustrations/<folder>/``.

    The folder is only read. What is computed of a picture is kept, so a second time is quick, an interrupted one goes
    on, and new pictures cost only themselves. Tags and ratings are the network's: pictures that it does not rate safe
    are neither searched nor shown, and tags that are not harmless are written to ``tags.csv`` only.

    Parameters
    ----------
    config : ``config.illustrations`` is the folder; without one, drawn pictures are written to files and taken

    Attributes
    ----------
    folder : where its artifacts and tables go
    figures : where the notebook saves figures and ``metrics.json``

    Raises
    ------
    FileNotFoundError
        If there is no such folder.
    """

    def __init__(self, config: Config) -> None:
        given = config.illustrations
        super().__init__(results_folder(config) if given else run_folder(config) / "illustrations" / DRAWN)
        if given and not Path(given).is_dir():
            raise FileNotFoundError(f"illustrations={given!r} is no folder; give the full path of one with pictures")
        self.config = config
        self.run = Run(dataclasses.replace(config, illustrations=None))
        self.figures = results_folder(config) / "figures"

    @once
    def source(self) -> Path:
        """The folder of pictures: the one given, or drawn ones of the run's safe dataset, as files."""
        if self.config.illustrations:
            return Path(self.config.illustrations).resolve()
        collection, rows = self.run.collection(), self.run.safe_dataset()[: self.config.map_illustrations]
        drawn = drawn_with(self.config, collection)

        def draw(row: int, side: int) -> Image.Image:
            if drawn:
                return draw_picture(self.config, row, side).image
            return Image.fromarray(collection.pixels[row]).resize((side, side), Image.Resampling.BICUBIC)

        made_of = {"collection": collection.fingerprint, "pictures": len(rows)}
        return draw_folder(self.folder / f"pictures-{digest(made_of)}", rows.tolist(), draw, self.config.seed)

    @once
    def files(self) -> dict[str, Path]:
        """Files that may be pictures, by their path in the folder: all visible ones but sidecars and the kit's own."""
        source, runs = self.source(), home() / "runs"
        own = runs if runs.is_relative_to(source) else None
        pictures = list_pictures(source)
        return {name: path for name, path in pictures.items() if not (own and path.is_relative_to(own))}

    @once
    def weights(self) -> TaggerSource:
        """The tagger, and what its weights know: the authors' if their files are here, else this run's, trained now."""
        missing = missing_released()
        if not missing:
            return released_tagger()
        run, config = self.run, self.run.config
        tagger = Illustration2Vec(
            run.network("vgg_nin"),
            cast(HashNetwork, run.network("hash")),
            run.vocabulary(),
            image_size=config.image_size,
            stored_size=config.stored_size,
        )
        return of_run(tagger, config, missing)

    @once
    def extracted(self) -> Extracted:
        """What the networks make of each picture; computed now as far as it is missing.

        Raises
        ------
        ValueError
            If the folder has no picture that can be read.
        """
        found = extract(self.weights().tagger, self.files(), self.folder / f"extracted-{self._weights_digest()}")
        if not found.names:
            reasons = ", ".join(f"{count} {reason}" for reason, count in self.reasons(found).items())
            raise ValueError(f"{self.source().name} holds no picture that can be read ({reasons or 'it is empty'})")
        return found

    def reasons(self, found: Extracted | None = None) -> dict[str, int]:
        """How many files could not be used, by reason."""
        return dict(sorted(Counter(reason for _, reason in (found or self.extracted()).skipped).items()))

    def vocabulary(self) -> Vocabulary:
        """The tags that the weights know."""
        return self.weights().tagger.tag_names

    @once
    def logits(self) -> np.ndarray:
        """Scores before the sigmoid: float32 array, shape (N, T)."""
        return self.extracted().array("logits")

    @once
    def tags(self) -> list[Tags]:
        """Plausible tags of each picture with their probabilities, by category, none hidden; see the tagger."""
        describe = plausible_tags(self.vocabulary(), None)
        return [describe(row) for row in expit(self.logits())]

    @once
    def collection(self) -> Collection:
        """The pictures as a collection whose tags, harmless ones only, and ratings are the network's.

        Its rows are the folder's usable files in order, an id is a file's path in the folder, and near-duplicates share
        a group.
        """
        found, n = self.extracted(), len(self.extracted().names)
        pixels = found.array("pixels")
        roots = find_groups(found.digests, found.looks, pixels)
        columns = {name: [""] * n for name in SCHEMA.names} | {
            "id": found.names,
            "md5": found.digests,  # a digest that serves as well
            "rating": [tags["rating"][0][0] for tags in self.tags()],
            "width": [0] * n,
            "height": [0] * n,
            "group": [found.names[root] for root in roots],
            "split": ["test"] * n,
        }
        for category in CATEGORIES[:3]:
            columns[category] = [[tag for tag, _ in tags[category] if is_safe_tag(tag)] for tags in self.tags()]
        posts = pa.table(columns).select(SCHEMA.names).cast(SCHEMA)
        name = DRAWN if self.config.illustrations is None else self.source().name
        counts = {"train": 0, "val": 0, "test": n}
        info = {"size": pixels.shape[1], "resize": "warp", "counts": counts, "fingerprint": self.fingerprint()}
        return Collection(Path(name), posts, pixels, info)

    def fingerprint(self) -> str:
        """Names the pictures, in their order, and the weights."""
        parts = [self.extracted().names, self.extracted().digests, self._weights_digest()]
        return hashlib.sha256(repr(parts).encode()).hexdigest()[:16]

    def _searched(self) -> dict[str, str]:
        """What decides codes and their order."""
        return {"pictures": self.fingerprint(), "rows": digest({"rows": self.safe_dataset().tolist()})}

    @once
    def _weights_digest(self) -> str:
        return tagger_digest(self.weights().tagger)

    @once
    def safe_dataset(self) -> np.ndarray:
        """Rows of the collection that are searched and may be shown: rated safe by the network; int64, ascending."""
        return np.flatnonzero(np.asarray(self.collection().posts.column("rating")) == RATINGS[0])

    @once
    def features(self, metric: str = "features") -> np.ndarray:
        """The hash layer before its sigmoid, of the safe dataset: float32 array, shape (n, B)."""
        if metric != "features":
            raise ValueError(f"metric {metric!r} is unknown; illustrations have features and codes")
        return self.extracted().array("features")[self.safe_dataset()]

    @once
    def codes(self, metric: str = "codes") -> np.ndarray:
        """Packed codes of the safe dataset: uint8 array, shape (n, B / 8)."""
        if metric != "codes":
            raise ValueError(f"metric {metric!r} is unknown; illustrations have codes")
        return binarize(self.features())

    def encode(self, metric: str, picture: Picture) -> np.ndarray:
        """The code of another picture, or its "features", as of those in the folder; see a run's."""
        tagger = self.weights().tagger
        return (tagger.extract_binary_feature if metric == "codes" else tagger.extract_feature)(picture)[0]

    @once
    def neighbors(self, metric: str, k: int) -> tuple[np.ndarray, np.ndarray]:
        """As of a run, also of no pictures at all: each one's k nearest others, and their distances in bits."""
        if not len(self.safe_dataset()):
            return np.empty((0, 0), np.int64), np.empty((0, 0), np.int32)
        inputs = self._searched() | {"metric": metric, "k": k}
        found = self.stored("neighbors", inputs, lambda: np.stack(super(Illustrations, self).neighbors(metric, k)))
        return found[0], found[1].astype(np.int32)

    @once
    def mapped(self) -> np.ndarray:
        """Places in the safe dataset of the pictures on the map: all, or :data:`MOST_MAPPED` of them drawn at random.

        int64 array, shape (m,), ascending.
        """
        n = len(self.safe_dataset())
        if n <= MOST_MAPPED:
            return np.arange(n)
        return np.sort(np.random.default_rng([self.config.seed, n]).choice(n, MOST_MAPPED, replace=False))

    @once
    def layout(self) -> np.ndarray:
        """Places of :meth:`mapped` pictures in the t-SNE map of their codes (§4.5): float64 array, shape (m, 2)."""
        inputs = self._searched() | {"seed": self.config.seed, "mapped": len(self.mapped())}
        return self.stored("map", inputs, lambda: tsne_map(self.codes()[self.mapped()], seed=self.config.seed))

    @once
    def grid(self, aspect: float) -> tuple[np.ndarray, tuple[int, int]]:
        """Cells of the map's pictures, and the grid's columns and rows; see :func:`~i2v_lib.search.maps.grid_map`."""
        return grid_map(self.layout(), aspect)
