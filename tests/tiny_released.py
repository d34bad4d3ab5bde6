"""The authors' three files as they would be at a 32nd of the width, of random weights, for 64 pixels and nine tags."""

import json

from test_released import BITS, SIZE, TAGS, weights_of, write

from i2v_lib.config import load_config
from i2v_lib.models.released import convert, files
from i2v_lib.models.serving import load_weights

NAMES = ["smile", "hat", "rin", "mei", "stars", "hat", "safe", "questionable", "explicit"]  # in the authors' order


def shrink_released(monkeypatch):
    """Have the kit take such files for the authors'."""
    config = load_config("paper", head_convolutions=4, width=1 / 32, image_size=SIZE, code_bits=BITS)
    for module in (convert, load_weights):
        monkeypatch.setattr(module, "CONFIG", config)
    for module in (convert, files):
        monkeypatch.setattr(module, "TAGS", TAGS)


def write_released(folder):
    """Write them under the authors' names; returns them as arguments of ``from_released``."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "tag_list.json").write_text(json.dumps(NAMES))
    return {
        "tag_model": write(folder / "illust2vec_tag_ver200.caffemodel", weights_of("tags")),
        "feature_model": write(folder / "illust2vec_ver200.caffemodel", weights_of("features")),
        "tag_list": folder / "tag_list.json",
    }
