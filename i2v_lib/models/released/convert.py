"""The networks the authors released (v2.0), from their Caffe files into ours.

What differs between their files and our networks is folded into the weights, so that the rest of the kit need not know:

- their first convolution reads blue, green, red; ours reads red, green, blue, scaled by a power of two
- their tags are in the order general, character, copyright, rating; ours have copyright before character
- their older files have arrays of four axes throughout

The hash layer needs no change: theirs and ours read the last map in the order channel, row, column.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch

from i2v_lib.data.vocabulary import Vocabulary
from i2v_lib.models.architecture import Architecture
from i2v_lib.models.checkpoints import read_metadata, save_weights
from i2v_lib.models.hash_network import HashNetwork, empty_hash_network, empty_network, empty_tag_network
from i2v_lib.models.networks import SCALE, MultiLabelNetwork, TagNetwork
from i2v_lib.models.released.caffe import read_caffemodel
from i2v_lib.models.released.files import (
    AUTHORS_CATEGORIES,
    CONVERTED,
    SOURCES,
    TAGS,
    check_exists,
    read_tag_list,
    released_vocabulary,
    swap_order,
)
from i2v_lib.system.errors import ArgumentError

Network = TypeVar("Network", bound=MultiLabelNetwork)
_TAGS = Architecture("vgg_nin", TAGS, image_size=224, stored_size=224, head_convolutions=4)
ARCHITECTURES = {  # of the two networks; pictures are warped to what they see, and nothing is cut off
    "tags": _TAGS,
    "features": dataclasses.replace(_TAGS, code_bits=4096, hash_layer="flattened"),
}
MEAN = (181.13838569, 167.47864617, 164.76139251)  # RGB 0–255, of the authors' training set
LAST = {"tags": "conv6_4", "features": "encode2"}  # the layer with one output per tag
CONVERSION = 2  # counted up when a converted file would hold something else than before


def load_released_tags(path: Path | str) -> TagNetwork:
    """Load the authors' tag network.

    Parameters
    ----------
    path : ``illust2vec_tag_ver200.caffemodel``

    Returns
    -------
    TagNetwork
        A VGG + NIN in eval mode, for pictures RGB 0–255 warped to 224 × 224. Its 1,539 outputs are in our order:
        general, copyright, character, rating. See :func:`authors_order` for theirs.

    Raises
    ------
    FileNotFoundError
        If there is no such file; the message says where to get it.
    CaffeFormatError
        If the file is damaged.
    ValueError
        If the file is whole but of another network.
    """
    return _load(Path(path), "tags", empty_tag_network)


def load_released_features(path: Path | str) -> HashNetwork:
    """Load the authors' feature network, whose ``features`` are the paper's 4,096 numbers before the sigmoid.

    Parameters
    ----------
    path : ``illust2vec_ver200.caffemodel``

    Returns
    -------
    HashNetwork
        In eval mode, for pictures RGB 0–255 warped to 224 × 224, its tags in our order. Its convolutions were trained
        further than the tag network's and differ from them.

    Raises
    ------
    FileNotFoundError
        If there is no such file; the message says where to get it.
    CaffeFormatError
        If the file is damaged.
    ValueError
        If the file is whole but of another network.
    """
    return _load(Path(path), "features", empty_hash_network)


def convert_released(
    *,
    out: Path | str,
    tag_model: Path | str | None = None,
    feature_model: Path | str | None = None,
    tag_list: Path | str | None = None,
    overwrite: bool = False,
) -> dict[str, Path]:
    """Write the authors' networks as weights files of ours, once: a file that stands there is kept.

    Parameters
    ----------
    out : folder; receives ``illust2vec_tag_ver200.safetensors`` and ``illust2vec_ver200.safetensors``
    tag_model, feature_model : the authors' files; one may be left out
    tag_list : the authors' ``tag_list.json``; the feature model alone can go without
    overwrite : write over what stands there

    Returns
    -------
    dict of Path
        "tags" and "features", as far as they were given. The files' metadata is that of a trained network,
        ``architecture`` and ``vocabulary``; ``released`` says what they were made from.

    Raises
    ------
    FileNotFoundError
        If a file is missing; the message says where to get it.
    ValueError
        If a file is damaged or of another network, or if ``out`` holds one converted from other files that may not
        be overwritten.
    OSError
        If the disk is full or the folder cannot be written.
    """
    models = {"tags": tag_model, "features": feature_model}
    given = {kind: Path(path) for kind, path in models.items() if path is not None}
    if not given:
        raise ValueError("tag_model=None, feature_model=None: give one of the two, or both")
    if "tags" in given and tag_list is None:
        raise ArgumentError("tag_list", None, f"the tag model needs {SOURCES['tag_list'].name}")
    vocabulary = None if tag_list is None else released_vocabulary(read_tag_list(tag_list))
    return {kind: _convert(path, kind, vocabulary, Path(out), overwrite) for kind, path in given.items()}


def _convert(source: Path, kind: str, vocabulary: Vocabulary | None, out: Path, overwrite: bool) -> Path:
    check_exists(source, kind)
    path = (out / SOURCES[kind].name).with_suffix(CONVERTED)
    with source.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    made_from = {
        "file": SOURCES[kind].name,
        "sha256": digest,
        "vocabulary": vocabulary and vocabulary.fingerprint,
        "authors_categories": list(AUTHORS_CATEGORIES),
        "conversion": CONVERSION,
    }
    if path.exists() and not overwrite:
        if read_metadata(path).get("released") == made_from:
            return path
        cure = f"{path} was made from other files or in another way; pass it, or another folder"
        raise ArgumentError("overwrite", overwrite, cure)
    metadata = {
        "architecture": dataclasses.asdict(ARCHITECTURES[kind]),
        "vocabulary": vocabulary and json.loads(vocabulary.to_json()),
        "released": made_from,
    }
    save_weights(path, _load(source, kind, empty_network), metadata)
    return path


def _load(path: Path, kind: str, empty: Callable[[Architecture], Network]) -> Network:
    """Read a file into a network whose tensors are the very arrays read: there is no second copy."""
    check_exists(path, kind)
    layers = read_caffemodel(path)
    _check_kind(path, kind, layers)
    network = empty(ARCHITECTURES[kind])
    state = network.state_dict()
    keys = _keys(state, kind)
    _check_layers(path, kind, layers, {name: [tuple(state[key].shape) for key in keys[name]] for name in keys})
    arrays = {
        key: array.reshape(state[key].shape)
        for name in keys
        for key, array in zip(keys[name], layers[name], strict=True)
    }
    for key in keys[LAST[kind]]:
        swap_order(arrays[key])
    first = keys["conv1_1"][0]  # from BGR to RGB; the scale is a power of two, so not a bit is lost
    arrays[first] = np.ascontiguousarray(arrays[first][:, ::-1]) / np.float32(SCALE)
    tensors = {key: torch.from_numpy(array) for key, array in arrays.items()}
    tensors["mean" if kind == "tags" else "convolutions.mean"] = torch.tensor(MEAN)
    network.load_state_dict(tensors, assign=True)
    return network


def _keys(state: Mapping[str, Any], kind: str) -> dict[str, list[str]]:
    """The authors' layer name -> names of our weights and biases."""
    theirs = {"tags": LAST[kind], "encode": "encode1"}  # all others are called alike
    keys: dict[str, list[str]] = {}
    for key in state:
        if not key.endswith("mean"):
            module = key.split(".")[-2]
            keys.setdefault(theirs.get(module, module), []).append(key)
    return keys


def _check_kind(path: Path, kind: str, layers: Mapping[str, Any]) -> None:
    """Name the other one of the two files as such."""
    mine, other = (LAST["tags"], "encode1") if kind == "tags" else ("encode1", LAST["tags"])
    if mine in layers or other not in layers:
        return
    if kind == "tags":
        raise ValueError(f"{path}: this is the feature model (illust2vec_ver200); tags need {SOURCES['tags'].name}")
    raise ValueError(
        f"{path}: this is the tag model (illust2vec_tag_ver200); feature vectors need {SOURCES['features'].name}"
    )


def _check_layers(
    path: Path, kind: str, layers: Mapping[str, list[np.ndarray]], expected: Mapping[str, list[tuple[int, ...]]]
) -> None:
    """Refuse layers that are not the network's in name and shape, and values that are not finite."""
    differences = []
    for name in sorted(layers.keys() | expected.keys()):
        found, wanted = [array.shape for array in layers.get(name, [])], expected.get(name, [])
        if list(map(_without_ones, found)) != list(map(_without_ones, wanted)):
            differences.append(f"{name} has {found or 'no weights'}, not {wanted or 'no weights'}")
    if differences:
        count = sum(array.size for arrays in layers.values() for array in arrays)
        raise ValueError(
            f"{path} has {count:,} weights; it is not {SOURCES[kind].name}, which has {SOURCES[kind].parameters:,}. "
            f"{len(differences)} layers differ: {'; '.join(differences[:3])}"
        )
    for name, arrays in layers.items():
        if not all(np.isfinite((array.min(), array.max())).all() for array in arrays):
            raise ValueError(f"{path}: layer {name} holds values that are not finite; fetch the file again")


def _without_ones(shape: tuple[int, ...]) -> tuple[int, ...]:
    """A shape without the leading ones that the old format fills it up with."""
    first = next((axis for axis, length in enumerate(shape) if length > 1), len(shape))
    return shape[first:]
