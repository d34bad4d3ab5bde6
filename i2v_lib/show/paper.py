"""What the paper prints, and the names that tables and figures give to the systems it compares."""

from __future__ import annotations

from i2v_lib.models.systems import SYSTEMS as _systems

ILLUSTRATIONS = 1_287_596  # §3.1
SAFE_DATASET = 76_003  # §4.2

VOCABULARY = {"general": 512, "copyright": 512, "character": 512, "rating": 3}  # §3.1

TABLE2 = {system.name: system.paper for system in _systems if system.paper}  # mean average precision, percent

TABLE3 = {  # average precision of the top 30 general tags, percent
    "1girl": 96.3,
    "comic": 93.6,
    "solo": 92.4,
    "monochrome": 91.9,
    "multiple girls": 90.3,
    "4koma": 89.0,
    "blonde hair": 88.1,
    "bunnysuit": 86.9,
    "2girls": 82.8,
    "swimsuit": 82.3,
    "green hair": 80.0,
    "long hair": 79.5,
    "blue eyes": 78.7,
    "pink hair": 78.5,
    "brown hair": 77.9,
    "blue hair": 76.8,
    "red eyes": 76.7,
    "hat": 76.4,
    "black hair": 74.4,
    "green eyes": 74.2,
    "red hair": 72.0,
    "tokin hat": 70.0,
    "purple hair": 68.8,
    "one eye closed": 68.7,
    "glasses": 68.0,
    "photo": 67.3,
    "long image": 66.7,
    "third eye": 65.7,
    "purple eyes": 65.6,
    "multiple boys": 65.0,
}

SYSTEMS = {system.name: system.label for system in _systems}  # in the order of Table 2

METRICS = {  # what is near: the paper's metric, what it approximates, the systems compared with it, the control
    "codes": "VGG + NIN, binary codes",
    "features": "VGG + NIN, real features",
    "vgg_nin": "VGG + NIN before the hash layer",
    "vgg_a": "VGG model A",
    "pretrained": "Pre-trained net",
    "random": "Random codes (control)",
}

CLAIMS = (
    ("vgg_nin", "vgg_a"),
    ("vgg_a", "pretrained"),
)  # (better, worse): §4.1, in every category of Table 2


def system_name(system: str, pretrained_source: str) -> str:
    """Name of a system for print; the pre-trained net says so when it saw a surrogate instead of ImageNet."""
    return SYSTEMS[system] + surrogate_mark(system, pretrained_source)


def metric_name(metric: str, pretrained_source: str) -> str:
    """Name of a metric for print, as :func:`system_name`."""
    return METRICS[metric] + surrogate_mark(metric, pretrained_source)


def surrogate_mark(name: str, pretrained_source: str) -> str:
    """What follows the pre-trained net's name when it saw a surrogate; nothing after any other's."""
    return " (surrogate)" if name == "pretrained" and pretrained_source == "surrogate" else ""
