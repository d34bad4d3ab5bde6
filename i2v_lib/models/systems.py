"""The systems that Table 2 compares: one record each, which training, tables, figures and captions read.

To add a network, write its class in :mod:`i2v_lib.models.networks` and its record here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class System:
    """One row of Table 2.

    Attributes
    ----------
    name : in files and ``metrics.json``; of a trained network, the one it is built by
    label : in print
    trained : whether it is a network that is trained on tags here
    paper : the paper's mean average precision by category, percent; None where the paper does not have the system
    epochs, learning_rate : settings that hold them, fields of :class:`i2v_lib.config.Config`
    color : in figures, a name in :data:`i2v_lib.show.style.PALETTE`
    marker : of its curve, Matplotlib's
    """

    name: str
    label: str
    trained: bool = True
    paper: Mapping[str, float] | None = None
    epochs: str = "epochs"
    learning_rate: str = "learning_rate_vgg_nin"
    color: str = "black"
    marker: str = "D"

    @property
    def kind(self) -> str:
        """Whose it is: "paper", "ours" or "control"; Table 2 sets them apart."""
        return "paper" if self.paper else "ours" if self.trained else "control"


SYSTEMS = (  # in the order of Table 2; its percentages are the paper's
    System(
        "pretrained",
        "Pre-trained net",
        trained=False,
        paper={"general": 10.1, "copyright": 4.05, "character": 6.46, "rating": 59.3},
        color="purple",
    ),
    System(
        "vgg_a",
        "VGG model A",
        paper={"general": 19.5, "copyright": 7.86, "character": 22.0, "rating": 78.8},
        learning_rate="learning_rate_vgg_a",
        color="vermillion",
        marker="s",
    ),
    System(
        "vgg_nin",
        "VGG + NIN",
        paper={"general": 32.2, "copyright": 27.8, "character": 57.4, "rating": 85.9},
        color="blue",
        marker="o",
    ),
    System(
        "vgg_nin_bn",
        "VGG + NIN with batch norm (ours)",
        epochs="epochs_batch_norm",
        learning_rate="learning_rate_batch_norm",
        color="green",
        marker="^",
    ),
    System("random", "Random scores (control)", trained=False),
    System("untrained", "Untrained net (control)", trained=False),
)
TRAINED = {system.name: system for system in SYSTEMS if system.trained}
