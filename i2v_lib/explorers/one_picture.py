"""One picture as a run's networks see it: its tags by category, where they were seen, and what is near (§4.1, §4.2)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.figure import Figure

from i2v_lib.data.safe_tags import is_harmless
from i2v_lib.models.prediction import predict
from i2v_lib.models.serving.cpu_inference import prepare_network
from i2v_lib.models.serving.heatmaps import gradient_map
from i2v_lib.models.serving.picture_batches import Picture, read_picture
from i2v_lib.models.serving.thresholds import BETAS, best_thresholds
from i2v_lib.run import Run
from i2v_lib.search.neighbors import nearest_neighbors
from i2v_lib.show.heatmaps import overlay, seen_pictures
from i2v_lib.show.numbers import Rows
from i2v_lib.show.style import ANSWER_COLORS, ANSWER_SIGNS, CATEGORY_COLORS, TWO_COLUMNS, shorten
from i2v_lib.show.thumbnails import pictures, thumbnail

CONSTANT = 0.25  # the threshold that the authors' calls take by default
RULES = {"constant": "one threshold a category", "f0.5": "F0.5", "f1": "F1", "f2": "F2"}
ORDER = ("general", "copyright", "character", "rating")
SIDE = 288  # pixels of a picture that is looked at
FEWEST, MOST = 6, 40  # tags of a category that are shown: at least, and at most
NEAREST = 12  # neighbors


@dataclass(frozen=True)
class Look:
    """One picture, and what VGG + NIN says of it.

    Attributes
    ----------
    name : the illustration's id, or the file's name
    node : place in the safe dataset, or None for a picture of one's own
    link : web address of its source, or None
    image : uint8 array, shape (S, S, 3): what the network sees of it, the center
    pixels : uint8 array, shape (S', S', 3): all of it, as collections store it
    confidence : float32 array, shape (T,), 0 to 1
    carried : uint8 array, shape (T,): the tags it carries; None where nobody knows
    """

    name: str
    node: int | None
    link: str | None
    image: np.ndarray
    pixels: np.ndarray
    confidence: np.ndarray
    carried: np.ndarray | None


class Looker:
    """Looks at illustrations of a run's safe dataset, and at pictures of one's own.

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
    def thresholds(self) -> np.ndarray | None:
        """Thresholds of best F0.5, F1 and F2 on the validation split, (T, 3); None if there is no such split."""
        rows = self.run.collection().split("val")
        if not len(rows):
            return None
        confidence = _sigmoid(self._logits(self.run.collection().pixels, rows))
        return best_thresholds(self.run.targets()[rows], confidence)

    def least(self, rule: str = "constant", constants: dict[str, float] | None = None) -> np.ndarray:
        """Confidence above which a tag is said: float64 array, shape (T,).

        Parameters
        ----------
        rule : one of :data:`RULES`
        constants : of the rule "constant", the threshold of each category; :data:`CONSTANT` where there is none

        Raises
        ------
        ValueError
            If the rule is unknown, or there are no validation illustrations to fit it on.
        """
        if rule not in RULES:
            raise ValueError(f"rule={rule!r} is unknown; use one of {', '.join(RULES)}")
        if rule != "constant":
            if self.thresholds is None:
                raise ValueError(f"rule={rule!r} needs validation illustrations, and there are none; use 'constant'")
            return self.thresholds[:, list(BETAS).index(rule)]
        found = np.full(len(self.run.vocabulary()), CONSTANT)
        for category, value in (constants or {}).items():
            found[self.run.vocabulary().blocks[category]] = value
        return found

    def first(self) -> Look | None:
        """The first illustration of the safe dataset; None if it has none."""
        return self.look(0) if len(self) else None

    def look(self, node: int) -> Look:
        """Look at an illustration of the safe dataset."""
        if not 0 <= node < len(self):
            raise ValueError(f"node={node}: the safe dataset has {len(self)} illustrations")
        rows, collection = self.run.safe_dataset()[[node]], self.run.collection()
        image = seen_pictures(self.run.config, collection, rows)[0]
        confidence = _sigmoid(self._logits(collection.pixels, rows))[0]
        carried = self.run.targets()[rows[0]]
        return Look(self.ids[node], node, self._links[node], image, collection.pixels[rows[0]], confidence, carried)

    def look_at(self, picture: Picture, name: str | None = None) -> Look:
        """Look at a picture of one's own; a bad one is a :class:`~i2v_lib.data.images.BadImageError`.

        Parameters
        ----------
        picture : see :func:`~i2v_lib.models.serving.picture_batches.read_picture`
        name : of the file, where the picture does not tell it
        """
        name = name or (Path(picture).name if isinstance(picture, str | Path) else "your picture")
        config, stored = self.run.config, self.run.collection().info["size"]
        margin = round(SIDE * (stored - config.image_size) / stored / 2)
        image = read_picture(picture, SIDE)[margin : SIDE - margin, margin : SIDE - margin]
        pixels = read_picture(picture, stored)
        confidence = _sigmoid(self._logits(pixels[None], np.arange(1)))[0]
        return Look(name, None, None, np.ascontiguousarray(image), pixels, confidence, None)

    def tags(self, look: Look, least: np.ndarray) -> Rows:
        """Tags of a picture, by category, the most likely first.

        Parameters
        ----------
        look : the picture
        least : from :meth:`least`

        Returns
        -------
        A dictionary a tag: "category", "tag", "column", "confidence" (0 to 1), "threshold", "said" (whether it is
        above; of the ratings the most likely) and "carried" (True, False, or None where nobody knows). All tags that
        are said, up to :data:`MOST` a category, and the next likely ones up to :data:`FEWEST`.
        """
        vocabulary, rows = self.run.vocabulary(), []
        for category in ORDER:
            block = vocabulary.blocks[category]
            columns = [t for t in range(block.start, block.stop) if is_harmless(vocabulary.tags[t])]
            columns = sorted(columns, key=lambda t: -look.confidence[t])
            said = [look.confidence[t] > least[t] for t in columns]
            if category == "rating":
                said = [i == 0 for i in range(len(columns))]
            shown = min(max(int(np.sum(said)), FEWEST), MOST)
            order = sorted(range(len(columns)), key=lambda i: not said[i])[:shown]  # stable: then by confidence
            rows += [
                {
                    "category": category,
                    "tag": vocabulary.tags[columns[i]],
                    "column": columns[i],
                    "confidence": float(look.confidence[columns[i]]),
                    "threshold": float(least[columns[i]]),
                    "said": bool(said[i]),
                    "carried": None if look.carried is None else bool(look.carried[columns[i]]),
                }
                for i in order
            ]
        return rows

    def heat(self, look: Look, column: int) -> np.ndarray:
        """The picture with the places colored where the network saw a tag: uint8 array, shape (S, S, 3)."""
        network, size = self.run.network("vgg_nin"), self.run.config.image_size
        margin = (look.pixels.shape[0] - size) // 2
        seen = np.ascontiguousarray(look.pixels[margin : margin + size, margin : margin + size])
        batch = torch.from_numpy(seen).permute(2, 0, 1)[None]
        return overlay(look.image, gradient_map(network, batch, column)[0])

    def nearest(self, look: Look, k: int = NEAREST) -> Rows:
        """The k nearest illustrations by binary codes: "node", "id" and "distance" in bits; never itself."""
        codes = self.run.codes()
        own = look.node is not None
        query = codes[look.node] if own else self.run.encode("codes", look.pixels)
        indices, distances = nearest_neighbors(codes, k + own, queries=query[None])
        found = [(int(i), int(d)) for i, d in zip(indices[0], distances[0], strict=True) if i != look.node][:k]
        return [{"node": node, "id": self.ids[node], "distance": distance} for node, distance in found]

    def images(self, nodes: np.ndarray | list[int]) -> np.ndarray:
        """Illustrations as they are printed: uint8 array, shape (n, S, S, 3)."""
        return pictures(self.run.config, self.run.collection(), self.run.safe_dataset()[np.asarray(nodes, np.int64)])

    def _logits(self, pixels: np.ndarray, rows: np.ndarray) -> np.ndarray:
        network = self.run.network("vgg_nin")
        prepare_network(network, next(network.parameters()).device)
        return predict(network, pixels, rows, self.run.config.image_size)


def fig_look(look: Look, rows: Rows, heats: list[tuple[str, np.ndarray]] = (), near: Rows = (), images=()) -> Figure:
    """A picture, its tags with their confidence, where some were seen, and its nearest illustrations.

    Parameters
    ----------
    look : the picture
    rows : from :meth:`Looker.tags`
    heats : names of tags and pictures from :meth:`Looker.heat`, at most three
    near : from :meth:`Looker.nearest`; at most six are drawn
    images : of these, from :meth:`Looker.images`
    """
    size, gap, line, top = 1.5, 0.06, 0.115, 0.02  # inches
    shown = {category: [row for row in rows if row["category"] == category][:FEWEST] for category in ORDER}
    words = 0.2 + FEWEST * line
    height = top + size + 0.24 + words + (1.48 if near else 0.16)
    fig = plt.figure(figsize=(TWO_COLUMNS, height))
    thumbnail(fig, look.image, look.name, gap, top, size)
    for i, (tag, image) in enumerate(heats[:3], 1):
        thumbnail(fig, image, tag, gap + i * (TWO_COLUMNS - gap) / 4, top, size)
    options = {"size": 7, "va": "top", "parse_math": False}
    y = top + size + 0.24
    for i, (category, tags) in enumerate(shown.items()):
        x = gap + i * (TWO_COLUMNS - gap) / 4
        place = {"x": x / TWO_COLUMNS, "y": 1 - y / height}
        fig.text(s=category, weight="bold", color=CATEGORY_COLORS[category], **place, **options)
        for k, row in enumerate(tags, 1):
            judged = row["carried"] is not None and (row["said"] or row["carried"])
            sign = ANSWER_SIGNS[row["carried"]] if judged else ""
            place["y"] = 1 - (y + 0.03 + k * line) / height
            ink = "black" if row["said"] else "0.55"
            percent = f"{100 * row['confidence']:.0f} %"
            color = ANSWER_COLORS.get(row["carried"], "0.4") if row["said"] else "0.55"
            fig.text(s=sign, color=color, **place, **options)
            fig.text(s=shorten(row["tag"], 21), color=ink, **{**place, "x": (x + 0.1) / TWO_COLUMNS}, **options)
            fig.text(s=percent, color=ink, ha="right", **{**place, "x": (x + 1.56) / TWO_COLUMNS}, **options)
    for i, (row, image) in enumerate(list(zip(near, images, strict=True))[:6]):
        thumbnail(fig, image, f"{row['distance']} bits", gap + i * (TWO_COLUMNS - gap) / 6, height - 1.4, 1.05)
    signs = f"{ANSWER_SIGNS[True]} the illustration carries the tag    {ANSWER_SIGNS[False]} said, but not carried    "
    fig.text(0.5, 0.03 / height, f"{signs}%: confidence    gray: below its threshold", ha="center", size=6.5)
    return fig


def draw_look(looker: Looker, look: Look | None) -> Figure:
    """The figure of a picture: what the panel shows at first, with the heat of the three likeliest general tags."""
    if look is None:
        fig = plt.figure(figsize=(TWO_COLUMNS, 0.3))
        fig.text(0.5, 0.5, "no illustration to show", ha="center", va="center", size=8)
        return fig
    rows = looker.tags(look, looker.least())
    general = [row for row in rows if row["category"] == "general"][:3]
    heats = [(row["tag"], looker.heat(look, row["column"])) for row in general]
    near = looker.nearest(look, NEAREST) if looker.near else []
    return fig_look(look, rows, heats, near, looker.images([row["node"] for row in near]) if near else ())


def _sigmoid(logits: np.ndarray) -> np.ndarray:
    return torch.sigmoid(torch.from_numpy(logits)).numpy()
