"""Table 1, read from the networks themselves."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from i2v_lib.models.networks import TagNetwork


def layer_table(network: TagNetwork, image_size: int) -> list[dict[str, Any]]:
    """Rows of Table 1, read from a network as a picture passes through it.

    Parameters
    ----------
    network : VGG model A or VGG + NIN; it is left as it was
    image_size : pixels, square

    Returns
    -------
    list of dict
        A row a layer that is neither ReLU nor dropout: ``name``; ``layer`` in the paper's notation
        ("conv3-64", "max-pool", "FC-4096"); ``output``, the shape without the batch; ``parameters``.

    Source: Saito & Matsui 2015, Table 1.
    """
    rows: list[dict[str, Any]] = []

    def record(module: nn.Module, inputs: Any, output: torch.Tensor) -> None:
        rows.append(
            {
                "name": names[module],
                "layer": _notation(module),
                "output": tuple(output.shape[1:]),
                "parameters": sum(p.numel() for p in module.parameters()),
            }
        )

    names = {
        module: name.rpartition(".")[2]
        for name, module in network.named_modules()
        if not any(module.children()) and not isinstance(module, nn.ReLU | nn.Dropout)
    }
    hooks = [module.register_forward_hook(record) for module in names]
    try:  # tensors of the meta device have shapes and no contents, so nothing is computed
        state = {name: tensor.to("meta") for name, tensor in network.state_dict().items()}
        pictures = torch.empty(2, 3, image_size, image_size, device="meta")  # two, as batch norm needs
        torch.func.functional_call(network, state, pictures)
    finally:
        for hook in hooks:
            hook.remove()
    return rows


def _notation(module: nn.Module) -> str:
    """A layer as Table 1 writes it: receptive field and channels."""
    if isinstance(module, nn.Conv2d):
        return f"conv{module.kernel_size[0]}-{module.out_channels}"
    if isinstance(module, nn.Linear):
        return f"FC-{module.out_features}"
    return {"MaxPool2d": "max-pool", "AdaptiveAvgPool2d": "average-pool", "BatchNorm2d": "batch-norm"}[
        type(module).__name__
    ]
