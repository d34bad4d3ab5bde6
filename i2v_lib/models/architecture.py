"""What a weights file says of its network: how it is built, and what it was trained with."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from i2v_lib.config import FOLDERS, PRESETS, Config

HASH = "hash"  # how a run calls VGG + NIN with a hash layer


@dataclass(frozen=True)
class Architecture:
    """All that decides the names and shapes of a network's tensors, and the size of the images it sees.

    It stands in every weights file, and nothing else is needed to load one. So settings of training may be renamed,
    added or removed, and no saved network becomes unreadable.

    Attributes
    ----------
    network : name in :data:`i2v_lib.models.networks.NETWORKS`
    outputs : number of tags T
    image_size : pixels S, square, that the network sees
    stored_size : pixels to which images are warped before their center, S pixels wide, is cut out
    width : multiplies every hidden layer's channels
    head_convolutions : of a VGG + NIN
    code_bits : units B of the hash layer; None for a network without one
    hash_layer : where it is inserted, one of :data:`i2v_lib.models.hash_network.PLACEMENTS`
    """

    network: str
    outputs: int
    image_size: int
    stored_size: int
    width: float = 1.0
    head_convolutions: int = 3
    code_bits: int | None = None
    hash_layer: str | None = None

    @classmethod
    def of(cls, config: Config, network: str, outputs: int) -> Architecture:
        """The architecture that a run's settings give one of its networks.

        Parameters
        ----------
        config : gives the sizes
        network : name in :data:`i2v_lib.models.networks.NETWORKS`, or "hash"
        outputs : number of tags T
        """
        hashing = network == HASH
        return cls(
            "vgg_nin" if hashing else network,
            outputs,
            config.image_size,
            config.stored_size,
            config.width,
            config.head_convolutions,
            config.code_bits if hashing else None,
            config.hash_layer if hashing else None,
        )

    @classmethod
    def from_metadata(cls, metadata: Mapping[str, Any]) -> Architecture:
        """The architecture in a weights file's metadata; entries that this version does not know are passed over.

        Raises
        ------
        ValueError
            If there is none, or an entry is missing or of another type.
        """
        found = metadata.get("architecture")
        if not isinstance(found, Mapping):
            raise ValueError("architecture: there is none in the metadata")
        types: dict[str, type | tuple[type, ...]] = {
            "network": str,
            "width": (int, float),
            "hash_layer": (str, type(None)),
            "code_bits": (int, type(None)),
        }
        values = {}
        for field in dataclasses.fields(cls):
            if field.name in found:
                values[field.name] = found[field.name]
            elif field.default is dataclasses.MISSING:
                raise ValueError(f"architecture: {field.name} is missing")
            if not isinstance(values.get(field.name, field.default), types.get(field.name, int)):
                raise ValueError(f"architecture: {field.name}={values[field.name]!r} is not {field.type}")
        return cls(**values)


def trained_with(config: Config) -> dict[str, Any]:
    """What a weights file keeps of the settings it was trained with: for readers; loading needs none of it.

    Returns
    -------
    dict
        "preset"; "changed", the settings that differ from the preset's, without folders and addresses of the user's;
        "data", the name of the imported collection, or the site it was collected from, or None for the drawn set.
    """
    preset = PRESETS[config.preset]
    fields = [field.name for field in dataclasses.fields(config) if field.name not in (*FOLDERS, "base_url")]
    changed = {name: getattr(config, name) for name in fields if getattr(config, name) != getattr(preset, name)}
    data = Path(config.collection).name if config.collection else config.source
    return {"preset": config.preset, "changed": changed, "data": data}
