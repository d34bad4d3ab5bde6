"""Folders of small pictures, and tiny networks that tell about a third of them to be safe."""

import numpy as np
import torch
from PIL import Image
from tiny_released import shrink_released, write_released

from i2v_lib.models.tagging.choose_weights import released_tagger
from i2v_lib.run import illustrations


def picture(seed):
    """Large blocks of color, of a size and shape that hang on the seed."""
    chance = np.random.default_rng(seed)
    blocks = Image.fromarray(chance.integers(0, 256, (5, 5, 3), np.uint8))
    return blocks.resize(chance.integers(40, 150, 2).tolist(), Image.Resampling.BICUBIC)


def draw(path, seed):
    """Write a picture to a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    picture(seed).save(path)


def use_tiny_networks(home, monkeypatch):
    """Make a home of the kit with tiny networks in place of the authors'."""
    shrink_released(monkeypatch)
    write_released(home / "released")
    monkeypatch.setenv("I2V_HOME", str(home))
    monkeypatch.setattr(illustrations, "released_tagger", tiny_tagger)
    return home


def tiny_tagger(**options):
    """The tiny networks, their ratings evened out; a batch has four pictures."""
    chosen = released_tagger(batch_size=4, **options)
    tagger = chosen.tagger
    ratings = tagger.vocabulary.blocks["rating"]
    logits = np.array(list(tagger.iterate(map(picture, range(10)), "logits")))
    tagger.network.tags.bias.data[ratings] -= torch.from_numpy(np.median(logits[:, ratings], axis=0))
    return chosen
