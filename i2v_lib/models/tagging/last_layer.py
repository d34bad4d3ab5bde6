"""The last layer of a network, taken apart: what it reads of a picture, and a longer one in its place.

Every network of the kit ends in a layer that is linear in what it reads. That is plain of VGG model A and of the hash
network. VGG + NIN ends in a 3 × 3 convolution whose outputs are averaged over positions; convolution and average
change places: a tag's logit is its weights times the average 3 × 3 neighborhood of the last hidden map.
"""

from __future__ import annotations

import copy

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from i2v_lib.models.hash_network import HashNetwork
from i2v_lib.models.networks import TagNetwork


def last_inputs(network: TagNetwork | HashNetwork, images: torch.Tensor) -> torch.Tensor:
    """What the last layer reads of pictures, such that logits are ``weight.flatten(1) @ inputs + bias``.

    Parameters
    ----------
    network : in eval mode
    images : uint8 or float tensor, shape (N, 3, S, S), RGB 0–255

    Returns
    -------
    float tensor, shape (N, D)
        D is 9 · 1024 · width of VGG + NIN, 4096 · width of VGG model A, and B of a hash network.
    """
    if isinstance(network, TagNetwork) and isinstance(network.tags, nn.Conv2d):
        maps = network.features_map(images)  # (N, C, h, w)
        return functional.unfold(maps, 3, padding=1).mean(2)  # (N, C · 3 · 3), ordered as the weights are
    inputs = network.features(images)
    return torch.sigmoid(inputs) if isinstance(network, HashNetwork) else inputs


def last_outputs(network: TagNetwork | HashNetwork, inputs: np.ndarray) -> np.ndarray:
    """Logits, float32 array of shape (N, T), of what the last layer reads, float32 array of shape (N, D)."""
    weight, bias = (tensor.detach().cpu().numpy() for tensor in (network.tags.weight, network.tag_bias))
    return inputs @ weight.reshape(len(bias), -1).T + bias


def check_growable(network: TagNetwork | HashNetwork) -> None:
    """Refuse, by a ValueError, a network whose hash layer reads the outputs, and so cannot do with more of them."""
    if isinstance(network, HashNetwork) and network.placement == "tags":
        raise ValueError(
            "network: its hash layer reads the old tags themselves (hash_layer='tags'); add tags to the tag network it "
            "was made from, or to a hash network of another placement"
        )


@torch.no_grad()
def with_outputs(
    network: TagNetwork | HashNetwork, weights: torch.Tensor, bias: torch.Tensor, old: list[int], new: list[int]
) -> TagNetwork | HashNetwork:
    """The network with more outputs. All its other tensors are shared with the given one, which stays as it was.

    Parameters
    ----------
    network : with T outputs
    weights : float tensor, shape (K, D), of the new outputs; see :func:`last_inputs`
    bias : float tensor, shape (K,)
    old : T columns, where the old outputs go; their weights are copied bit for bit
    new : K columns, where the new outputs go

    Errors are those of :func:`check_growable`.
    """
    check_growable(network)
    layer, count = network.tags, len(old) + len(new)
    if isinstance(layer, nn.Conv2d):
        longer = nn.utils.skip_init(nn.Conv2d, layer.in_channels, count, 3, padding=1)
    else:
        longer = nn.utils.skip_init(nn.Linear, layer.in_features, count)
    longer.to(layer.weight.device)
    longer.weight[old], longer.bias[old] = layer.weight, layer.bias
    longer.weight[new] = weights.to(layer.weight).view(-1, *layer.weight.shape[1:])
    longer.bias[new] = bias.to(layer.bias)
    shared = {id(tensor): tensor for tensor in (*network.parameters(), *network.buffers())}
    grown = copy.deepcopy(network, shared)  # modules are copied; tensors that the memo knows are not
    grown.tags = longer
    return grown
