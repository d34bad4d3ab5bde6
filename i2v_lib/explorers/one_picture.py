"""One picture as a run's networks see it: its tags by category, where they were seen, and what is near (§4.1, §4.2)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from scipy.special import expit

from i2v_lib.data.collection import CATEGORIES
from i2v_lib.data.safe_tags import is_safe_tag
from i2v_lib.models.serving.heatmaps import gradient_map
from i2v_lib.models.serving.picture_batches import Picture, read_picture
from i2v_lib.models.serving.thresholds import BETAS, UNKNOWN
from i2v_lib.models.tagger import Illustration2Vec
from i2v_lib.run import Run
from i2v_lib.search.neighbors import nearest_neighbors
from i2v_lib.show.heatmaps import overlay, seen_pictures
from i2v_lib.show.style import ANSWER_COLORS, ANSWER_SIGNS, CATEGORY_COLORS, TWO_COLUMNS, shorten
from i2v_lib.show.thumbnails import pictures, thumbnail
from i2v_lib.show.wording import Rows

RULES = {"constant": "one threshold a category", "f0.5": "F0.5", "f1": "F1", "f2": "F2"}
SIDE = 288  # pixels of a reported picture
FEWEST, MOST = 6, 40  # tags of a category that are shown: at least, and at most
NEAREST = 12  # neighbors


@dataclass(frozen=True)
class Prediction:
    """One picture, and what VGG + NIN predicts of it.

    Attributes
    ----------
    name : the illustration's id, or the file's name
    node : place in the safe dataset, or None for a picture of one's own
    link : web address of its source, or None
    image : uint8 array, shape (S, S, 3): what the network sees of it, the center
    pixels : uint8 array, shape (S', S', 3): all of it, as collections store it
    confidence : float32 array, shape (T,), 0 to 1
    labeled : uint8 array, shape (T,): the tags it is labeled with; None where nobody knows
    """

    name: str
    node: int | None
    link: str | None
    image: np.ndarray
    pixels: np.ndarray
    confidence: np.ndarray
    labeled: np.ndarray | None


class PictureReport:
    """Reports on illustrations of a run's safe dataset, and on pictures of one's own.

    Pictures not rated safe are never shown, and of the vocabulary only the harmless tags.

    Parameters
    ----------
    run : its VGG + NIN is trained if it is missing
    near : whether neighbors are searched too; needs the hash network, and two illustrations

    Attributes
    ----------
    ids : names of the n illustrations
    run, near : as above
    """

    def __init__(self, run: Run, near: bool = False):
        self.run, self.near = run, near
        posts = run.collection().posts.take(run.safe_dataset())
        self.ids, self._links = (posts.column(name).to_pylist() for name in ("id", "source_url"))
        if near:
            run.codes()

    def __len__(self) -> int:
        return len(self.ids)

    @cached_property
    def tagger(self) -> Illustration2Vec:
        """VGG + NIN as a tagger: it reads, crops and batches pictures as everywhere else in the kit."""
        run, config = self.run, self.run.config
        sizes = {"image_size": config.image_size, "stored_size": run.collection().info["size"]}
        return Illustration2Vec(run.network("vgg_nin"), None, run.vocabulary(), **sizes)

    @cached_property
    def fitted(self) -> np.ndarray | None:
        """Thresholds of best F0.5, F1 and F2 on the validation split, (T, 3); None if there is no such split."""
        collection = self.run.collection()
        rows = collection.split("val")
        if not len(rows):
            return None
        self.tagger.fit_thresholds((collection.pixels[row] for row in rows), self.run.targets()[rows])
        return self.tagger.thresholds

    def thresholds(self, rule: str = "constant", constants: dict[str, float] | None = None) -> np.ndarray:
        """Confidence above which a tag is predicted: float64 array, shape (T,).

        Parameters
        ----------
        rule : one of :data:`RULES`
        constants : of the rule "constant", the threshold of each category; the authors' 0.25 where there is none

        Raises
        ------
        ValueError
            If the rule is unknown, or there are no validation illustrations to fit it on.
        """
        if rule not in RULES:
            raise ValueError(f"rule={rule!r} is unknown; use one of {', '.join(RULES)}")
        if rule != "constant":
            if self.fitted is None:
                raise ValueError(f"rule={rule!r} needs validation illustrations, and there are none; use 'constant'")
            return self.fitted[:, list(BETAS).index(rule)]
        found = np.full(len(self.run.vocabulary()), UNKNOWN)
        for category, value in (constants or {}).items():
            found[self.run.vocabulary().blocks[category]] = value
        return found

    def first(self) -> Prediction | None:
        """Of the first illustration of the safe dataset; None if it has none."""
        return self.predict(0) if len(self) else None

    def predict(self, node: int) -> Prediction:
        """Of an illustration of the safe dataset."""
        if not 0 <= node < len(self):
            raise ValueError(f"node={node}: the safe dataset has {len(self)} illustrations")
        rows, collection = self.run.safe_dataset()[[node]], self.run.collection()
        image, pixels = seen_pictures(self.run.config, collection, rows)[0], collection.pixels[rows[0]]
        labeled = self.run.targets()[rows[0]]
        return Prediction(self.ids[node], node, self._links[node], image, pixels, self._confidence(pixels), labeled)

    def report(self, picture: Picture, name: str | None = None) -> Prediction:
        """Of a picture of one's own; a bad one is a :class:`~i2v_lib.data.images.BadImageError`.

        Parameters
        ----------
        picture : see :func:`~i2v_lib.models.serving.picture_batches.read_picture`
        name : of the file, where the picture has none of its own
        """
        name = name or (Path(picture).name if isinstance(picture, str | Path) else "your picture")
        seen, stored = self.tagger.image_size, self.tagger.stored_size
        margin = round(SIDE * (stored - seen) / stored / 2)
        image = read_picture(picture, SIDE)[margin : SIDE - margin, margin : SIDE - margin]
        pixels = read_picture(picture, stored)
        return Prediction(name, None, None, np.ascontiguousarray(image), pixels, self._confidence(pixels), None)

    def tags(self, prediction: Prediction, thresholds: np.ndarray) -> Rows:
        """Tags of a picture, by category, the most likely first.

        Parameters
        ----------
        prediction : of the picture
        thresholds : from :meth:`thresholds`

        Returns
        -------
        A dictionary per tag: "category", "tag", "column", "confidence" (0 to 1), "threshold", "predicted" (whether it
        is above; of the ratings the most likely) and "labeled" (True, False, or None where nobody knows). All tags that
        are predicted, up to :data:`MOST` per category, and the next likely ones up to :data:`FEWEST`.
        """
        vocabulary, confidence, rows = self.run.vocabulary(), prediction.confidence, []
        for category in CATEGORIES:
            block = vocabulary.blocks[category]
            columns = [t for t in range(block.start, block.stop) if is_safe_tag(vocabulary.tags[t])]
            columns = sorted(columns, key=lambda t: -confidence[t])
            predicted = [confidence[t] > thresholds[t] for t in columns]
            if category == "rating":
                predicted = [i == 0 for i in range(len(columns))]
            shown = min(max(int(np.sum(predicted)), FEWEST), MOST)
            order = sorted(range(len(columns)), key=lambda i: not predicted[i])[:shown]  # stable: then by confidence
            rows += [
                {
                    "category": category,
                    "tag": vocabulary.tags[columns[i]],
                    "column": columns[i],
                    "confidence": float(confidence[columns[i]]),
                    "threshold": float(thresholds[columns[i]]),
                    "predicted": bool(predicted[i]),
                    "labeled": None if prediction.labeled is None else bool(prediction.labeled[columns[i]]),
                }
                for i in order
            ]
        return rows

    def heat(self, prediction: Prediction, column: int) -> np.ndarray:
        """The picture with the places colored where the network saw a tag: uint8 array, shape (S, S, 3)."""
        batch = next(self.tagger.prepare(prediction.pixels))
        return overlay(prediction.image, gradient_map(self.tagger.network, batch, column)[0])

    def nearest(self, prediction: Prediction, k: int = NEAREST) -> Rows:
        """The k nearest illustrations by binary codes: "node", "id" and "distance" in bits; never itself."""
        codes, node = self.run.codes(), prediction.node
        query = self.run.encode("codes", prediction.pixels) if node is None else codes[node]
        indices, distances = nearest_neighbors(codes, k + (node is not None), queries=query[None])
        found = [(int(i), int(d)) for i, d in zip(indices[0], distances[0], strict=True) if i != node][:k]
        return [{"node": node, "id": self.ids[node], "distance": distance} for node, distance in found]

    def images(self, nodes: np.ndarray | list[int]) -> np.ndarray:
        """Illustrations as they are printed: uint8 array, shape (n, S, S, 3)."""
        return pictures(self.run.config, self.run.collection(), self.run.safe_dataset()[np.asarray(nodes, np.int64)])

    def _confidence(self, pixels: np.ndarray) -> np.ndarray:
        return expit(self.tagger.logits(pixels)[0])


def fig_report(
    prediction: Prediction,
    rows: Rows,
    heats: Sequence[tuple[str, np.ndarray]] = (),
    near: Rows | None = None,
    images: Sequence[np.ndarray] | np.ndarray = (),
) -> Figure:
    """A picture, its tags with their confidence, where some were seen, and its nearest illustrations.

    Parameters
    ----------
    prediction : of the picture
    rows : from :meth:`PictureReport.tags`
    heats : names of tags and pictures from :meth:`PictureReport.heat`, at most three
    near : from :meth:`PictureReport.nearest`; at most six are drawn
    images : of these, from :meth:`PictureReport.images`
    """
    near = near or []
    size, gap, line, top = 1.5, 0.06, 0.115, 0.02  # inches
    shown = {category: [row for row in rows if row["category"] == category][:FEWEST] for category in CATEGORIES}
    words = 0.2 + FEWEST * line
    height = top + size + 0.24 + words + (1.48 if near else 0.16)
    fig = plt.figure(figsize=(TWO_COLUMNS, height))
    thumbnail(fig, prediction.image, prediction.name, gap, top, size)
    for i, (tag, image) in enumerate(heats[:3], 1):
        thumbnail(fig, image, tag, gap + i * (TWO_COLUMNS - gap) / 4, top, size)
    options = {"size": 7, "va": "top", "parse_math": False}
    y = top + size + 0.24
    for i, (category, tags) in enumerate(shown.items()):
        x = gap + i * (TWO_COLUMNS - gap) / 4
        place = {"x": x / TWO_COLUMNS, "y": 1 - y / height}
        fig.text(s=category, weight="bold", color=CATEGORY_COLORS[category], **place, **options)
        for k, row in enumerate(tags, 1):
            judged = row["labeled"] is not None and (row["predicted"] or row["labeled"])
            sign = ANSWER_SIGNS[row["labeled"]] if judged else ""
            place["y"] = 1 - (y + 0.03 + k * line) / height
            ink = "black" if row["predicted"] else "0.55"
            percent = f"{100 * row['confidence']:.0f} %"
            color = ANSWER_COLORS.get(row["labeled"], "0.4") if row["predicted"] else "0.55"
            fig.text(s=sign, color=color, **place, **options)
            fig.text(s=shorten(row["tag"], 21), color=ink, **{**place, "x": (x + 0.1) / TWO_COLUMNS}, **options)
            fig.text(s=percent, color=ink, ha="right", **{**place, "x": (x + 1.56) / TWO_COLUMNS}, **options)
    for i, (row, image) in enumerate(list(zip(near, images, strict=True))[:6]):
        thumbnail(fig, image, f"{row['distance']} bits", gap + i * (TWO_COLUMNS - gap) / 6, height - 1.4, 1.05)
    signs = f"{ANSWER_SIGNS[True]} the illustration has the tag    {ANSWER_SIGNS[False]} predicted, but not labeled    "
    fig.text(0.5, 0.03 / height, f"{signs}%: confidence    gray: below its threshold", ha="center", size=6.5)
    return fig


def draw_report(reports: PictureReport, prediction: Prediction | None) -> Figure:
    """The figure of a picture: what the panel shows at first, with the heat of the three likeliest general tags."""
    if prediction is None:
        fig = plt.figure(figsize=(TWO_COLUMNS, 0.3))
        fig.text(0.5, 0.5, "no illustration to show", ha="center", va="center", size=8)
        return fig
    rows = reports.tags(prediction, reports.thresholds())
    general = [row for row in rows if row["category"] == "general"][:3]
    heats = [(row["tag"], reports.heat(prediction, row["column"])) for row in general]
    near = reports.nearest(prediction) if reports.near else []
    return fig_report(prediction, rows, heats, near, reports.images([row["node"] for row in near]) if near else ())
