"""From a file of weights to the network it is of, which the file's own metadata describe."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file

from i2v_lib.config import Config, load_config, run_folder
from i2v_lib.data.vocabulary import Vocabulary
from i2v_lib.models.architecture import Architecture, trained_with
from i2v_lib.models.checkpoints import read_metadata
from i2v_lib.models.hash_network import HashNetwork, empty_network
from i2v_lib.models.networks import TagNetwork
from i2v_lib.models.released.convert import ARCHITECTURES, load_released_features, load_released_tags
from i2v_lib.models.released.files import CONVERTED, SOURCES, read_tag_list, released_vocabulary
from i2v_lib.system.errors import ArgumentError

WEIGHTS = "weights.safetensors"  # in a network's folder of a run


@dataclass(frozen=True)
class LoadedNetwork:
    """A network read from a file.

    Attributes
    ----------
    network : in eval mode
    vocabulary : of its outputs, or None where the file does not have it
    architecture : how it is built, and the size of the images it sees
    metadata : what the file says of itself: "architecture", "vocabulary", "settings", …
    """

    network: TagNetwork | HashNetwork
    vocabulary: Vocabulary | None
    architecture: Architecture
    metadata: dict[str, Any]


def load_network(path: Path | str) -> LoadedNetwork:
    """Build the network that a weights file is of, and fill it.

    Parameters
    ----------
    path : a file that a training or ``convert_released`` wrote

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file is damaged, or its metadata do not describe a network.
    """
    path = Path(path)
    metadata = read_metadata(path)
    try:
        architecture = Architecture.from_metadata(metadata)
        vocabulary = metadata["vocabulary"] and Vocabulary.from_json(json.dumps(metadata["vocabulary"]))
        network = empty_network(architecture)
        tensors = load_file(path)  # a memory map: what is not used is not read
    except (KeyError, TypeError, ValueError, SafetensorError) as error:
        raise ValueError(f"{path} does not describe its network ({error!r}); give weights of a tag network") from error
    try:
        network.load_state_dict(tensors, assign=True)
    except RuntimeError as error:
        raise ValueError(f"{path}: the weights are of another network than the metadata say: {error}") from error
    return LoadedNetwork(network, vocabulary, architecture, metadata)


def load_released(
    tag_model: Path | str | None, feature_model: Path | str | None, tag_list: Path | str | None
) -> tuple[TagNetwork | None, HashNetwork | None, Vocabulary | None]:
    """Read the authors' networks, from their files or from those that ``convert_released`` wrote of them.

    Parameters
    ----------
    tag_model, feature_model : ``….caffemodel`` or ``….safetensors``; one may be None
    tag_list : ``tag_list.json``, for a tag model that is not converted

    Returns
    -------
    tag network, feature network, vocabulary

    Raises
    ------
    FileNotFoundError
        If a file is missing; the message says where to get it.
    ValueError
        If neither model is given, or a file is damaged or not the one that is meant.
    """
    if tag_model is None and feature_model is None:
        needed = f"{SOURCES['tags'].name} for tags, {SOURCES['features'].name} for feature vectors"
        raise ValueError(f"tag_model=None, feature_model=None: give one or both: {needed}")
    tags: TagNetwork | None = None
    features: HashNetwork | None = None
    vocabulary: Vocabulary | None = None
    if tag_model is not None and Path(tag_model).suffix == CONVERTED:
        loaded = load_network(tag_model)
        if isinstance(loaded.network, HashNetwork):
            raise ValueError(f"{tag_model}: this is a feature model; tags need {SOURCES['tags'].name}")
        tags, vocabulary = loaded.network, loaded.vocabulary
    elif tag_model is not None:
        if tag_list is None:
            raise ArgumentError("tag_list", None, f"the tag model needs {SOURCES['tag_list'].name}")
        vocabulary = released_vocabulary(read_tag_list(tag_list))
        tags = load_released_tags(tag_model)
    if feature_model is not None and Path(feature_model).suffix == CONVERTED:
        network = load_network(feature_model).network
        if not isinstance(network, HashNetwork):
            raise ValueError(f"{feature_model}: this is a tag model; feature vectors need {SOURCES['features'].name}")
        features = network
    elif feature_model is not None:
        features = load_released_features(feature_model)
    return tags, features, vocabulary


def released_metadata(tag_model: Path | str) -> dict[str, Any]:
    """What a weights file of the authors' tag network says of itself, converted already or not."""
    if Path(tag_model).suffix == CONVERTED:
        return read_metadata(tag_model)
    return {"architecture": asdict(ARCHITECTURES["tags"]), "released": {"file": SOURCES["tags"].name}}


def run_weights(preset: str) -> tuple[Path, Path | None]:
    """The newest networks of a preset's run that can tag; those with the preset's own settings before any others.

    Parameters
    ----------
    preset : "smoke", "demo" or "paper"

    Returns
    -------
    tags : weights of the VGG + NIN that the newest hash network started from; without one, the newest VGG + NIN
    features : weights of that hash network, or None

    Raises
    ------
    FileNotFoundError
        If none is trained.
    """
    config = load_config(preset)
    folder = run_folder(config) / "networks"
    hashed, tagging = (_best_first(folder, name, config) for name in ("hash", "vgg_nin"))
    if hashed:
        start = read_metadata(hashed[0])["settings"]["start"]
        started = [path for path in tagging if start.items() <= read_metadata(path)["settings"].items()]
        return (started or hashed)[0], hashed[0]
    if tagging:
        return tagging[0], None
    raise FileNotFoundError(
        f"{folder} holds no trained network; run `python -m i2v_lib train {preset} --network hash`, "
        "which takes minutes for the demo preset"
    )


def _best_first(folder: Path, name: str, config: Config) -> list[Path]:
    """Weights of all networks of a name: those of the preset's own settings, then the newest first."""
    own = trained_with(config)

    def order(path: Path) -> tuple[bool, float]:
        return read_metadata(path).get("trained_with") == own, path.stat().st_mtime

    return sorted(folder.glob(f"{name}-*/{WEIGHTS}"), key=order, reverse=True)
