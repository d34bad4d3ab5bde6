"""The authors' three files as they would be at a 32nd of the width, of random weights, for 64 pixels and nine tags."""

import dataclasses
import json

from test_released import BITS, SIZE, TAGS, weights_of, write

from i2v_lib.models.released import convert, files

NAMES = ["smile", "hat", "rin", "mei", "stars", "hat", "safe", "questionable", "explicit"]  # in the authors' order


def shrink_released(monkeypatch):
    """Have the kit take such files for the authors'."""
    sizes = {"outputs": TAGS, "image_size": SIZE, "stored_size": SIZE, "width": 1 / 32}
    for kind, bits in {"tags": None, "features": BITS}.items():
        small = dataclasses.replace(convert.ARCHITECTURES[kind], **sizes, code_bits=bits)
        monkeypatch.setitem(convert.ARCHITECTURES, kind, small)
    monkeypatch.setattr(files, "TAGS", TAGS)


def write_released(folder):
    """Write them under the authors' names; returns them as arguments of ``from_released``."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "tag_list.json").write_text(json.dumps(NAMES))
    return {
        "tag_model": write(folder / "illust2vec_tag_ver200.caffemodel", weights_of("tags")),
        "feature_model": write(folder / "illust2vec_ver200.caffemodel", weights_of("features")),
        "tag_list": folder / "tag_list.json",
    }
