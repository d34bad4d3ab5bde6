"""Export to ONNX, so that programs without PyTorch can tag illustrations and make codes.

The graph is written layer by layer: the networks are plain chains, and a chain needs no tracer.
"""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import nn

import i2v_lib
from i2v_lib.data.vocabulary import Vocabulary
from i2v_lib.models.architecture import Architecture
from i2v_lib.models.hash_network import HashNetwork
from i2v_lib.models.networks import REDUCTION, SCALE, TagNetwork
from i2v_lib.system.errors import ArgumentError
from i2v_lib.system.files import write_bytes

OPSET = 17  # old enough for a runtime of 2022
OLDEST_OPSET = 13
LARGEST_FILE = 2**31 - 2**20  # bytes; protobuf reads no message of 2 GiB
PIXELS = {"float32": TensorProto.FLOAT, "uint8": TensorProto.UINT8}


def export_onnx(
    network: TagNetwork | HashNetwork,
    path: Path | str,
    *,
    image_size: int | None = None,
    codes: bool = False,
    pixels: str = "float32",
    opset: int = OPSET,
    vocabulary: Vocabulary | None = None,
    architecture: Architecture | None = None,
) -> Path:
    """Write a network as an ONNX file for any number of pictures at a time.

    Its input is ``images``, shape (N, 3, S, S), RGB 0–255. Its outputs are ``logits`` and ``scores``, both float32 of
    shape (N, T); of a hash network with ``codes`` also ``features``, float32 of shape (N, B), and ``codes``, uint8 of
    shape (N, ceil(B / 8)), packed as :func:`~i2v_lib.search.hashing.binarize` packs them.

    Parameters
    ----------
    network : a tag network or a hash network; written as it computes in eval mode
    path : file to write, ``….onnx``; an older one is replaced only by a whole new one. Its weights are held in memory
        twice more meanwhile
    image_size : pixels S, square; can be left out where the network is built for one size
    codes : whether a hash network's features and codes are outputs too
    pixels : type of the input, "float32" or "uint8"
    opset : version of ONNX's operators, at least 13
    vocabulary, architecture : go into the file's metadata as JSON: ``vocabulary`` has ``tags`` and ``categories``, one
        per output; beside it stands the kit's version, ``i2v_lib``

    Returns
    -------
    the path

    Raises
    ------
    TypeError
        If the network is neither a tag network nor a hash network, or has a layer without a translation.
    ValueError
        If an argument does not fit the network, or the file would reach 2 GiB.
    """
    size = _check(network, image_size, codes, pixels, opset, vocabulary)
    needed = sum(tensor.numel() for tensor in network.state_dict().values()) * 4
    if needed > LARGEST_FILE:
        raise ValueError(f"the weights take {needed:,} bytes; an ONNX file holds at most {LARGEST_FILE:,}")
    graph = _Graph()
    outputs = _write(graph, network, codes, pixels)
    images = helper.make_tensor_value_info("images", PIXELS[pixels], ["N", 3, size, size])
    values = [
        helper.make_tensor_value_info(name, TensorProto.UINT8 if name == "codes" else TensorProto.FLOAT, ["N", width])
        for name, width in outputs.items()
    ]
    name = "hash_network" if isinstance(network, HashNetwork) else "tag_network"
    version = helper.make_opsetid("", opset)
    model = helper.make_model(
        helper.make_graph(graph.nodes, name, [images], values, graph.weights),
        opset_imports=[version],
        ir_version=helper.find_min_ir_version_for([version]),
        producer_name="i2v_lib",
        producer_version=i2v_lib.__version__,
    )
    helper.set_model_props(model, _metadata(network, vocabulary, architecture))
    return _save(model, Path(path))


class _Graph:
    """Nodes and weights of a graph; every value is named after the layer that makes it."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.weights: list[TensorProto] = []

    def add(self, operator: str, name: str, *inputs: str, **attributes: Any) -> str:
        """Append a node with one output and return the output's name."""
        self.nodes.append(helper.make_node(operator, list(inputs), [name], name, **attributes))
        return name

    def constant(self, name: str, values: torch.Tensor | np.ndarray) -> str:
        """Keep an array in the file and return its name."""
        if isinstance(values, torch.Tensor):
            values = values.detach().float().cpu().contiguous().numpy()
        self.weights.append(numpy_helper.from_array(values, name))
        return name

    def layer(self, x: str, name: str, module: nn.Module) -> str:
        """Append one module of a chain."""
        match module:
            case nn.Dropout() | nn.Identity():
                return x  # does nothing in eval mode
            case nn.Flatten():
                return self.add("Flatten", name, x)
            case nn.ReLU():
                return self.add("Relu", name, x)
            case nn.MaxPool2d():
                side = [module.kernel_size] * 2
                return self.add("MaxPool", name, x, kernel_shape=side, strides=[module.stride] * 2)
            case nn.BatchNorm2d():
                own = self._own(name, module, ("weight", "bias", "running_mean", "running_var"))
                return self.add("BatchNormalization", name, x, *own, epsilon=module.eps)
            case nn.Linear():
                return self.add("Gemm", name, x, *self._own(name, module, ("weight", "bias")), transB=1)
            case nn.Conv2d():
                own = self._own(name, module, ("weight",) if module.bias is None else ("weight", "bias"))
                shape = {"kernel_shape": module.kernel_size, "strides": module.stride, "pads": module.padding * 2}
                return self.add("Conv", name, x, *own, **shape)
        raise TypeError(f"{name} is a {type(module).__name__}, which has no translation here")

    def _own(self, name: str, module: nn.Module, tensors: tuple[str, ...]) -> list[str]:
        return [self.constant(f"{name}.{tensor}", getattr(module, tensor)) for tensor in tensors]

    def average(self, x: str, name: str) -> str:
        """Append the average over positions: (N, C, H, W) -> (N, C)."""
        return self.add("Flatten", name, self.add("GlobalAveragePool", f"{name}.map", x))


def _write(graph: _Graph, network: TagNetwork | HashNetwork, codes: bool, pixels: str) -> dict[str, int]:
    """Append the whole network; return the width of each output by name."""
    tags = network.convolutions if isinstance(network, HashNetwork) else network
    x = "images"
    if pixels == "uint8":
        x = graph.add("Cast", "pixels", x, to=TensorProto.FLOAT)
    x = graph.add("Sub", "centered", x, graph.constant("mean", network.pixel_mean.view(3, 1, 1)))
    x = graph.add("Mul", "scaled", x, graph.constant("scale", np.array(SCALE, np.float32)))
    for name, module in tags.hidden_layers():
        x = graph.layer(x, name, module)
    outputs = {"logits": network.outputs, "scores": network.outputs}
    if isinstance(network, HashNetwork):
        features = _hash_layer(graph, network, x)
        x = graph.add("Sigmoid", "activations", features)
        bits = network.tags.in_features
        if codes:
            _pack(graph, features, bits)
            outputs |= {"features": bits, "codes": -(-bits // 8)}
    if isinstance(network.tags, nn.Conv2d):
        graph.average(graph.layer(x, "tags", network.tags), "logits")
    else:
        graph.layer(x, "logits", network.tags)
    graph.add("Sigmoid", "scores", "logits")
    return outputs


def _hash_layer(graph: _Graph, network: HashNetwork, x: str) -> str:
    """Append what stands between the last hidden map and the hash layer's sigmoid."""
    if network.placement == "convolution":
        return graph.average(graph.layer(x, "encode", network.encode), "features")
    if network.placement == "tags":
        x = graph.layer(x, "tag_map", network.convolutions.tags)
    x = graph.add("Flatten", "flattened", x) if network.placement == "flattened" else graph.average(x, "averaged")
    return graph.layer(x, "features", network.encode)


def _pack(graph: _Graph, features: str, bits: int) -> None:
    """Append the codes: bytes are sums of powers of two, which float32 holds exactly."""
    size = -(-bits // 8)
    x = graph.add("Greater", "set", features, graph.constant("threshold", np.array(0, np.float32)))
    x = graph.add("Cast", "bits", x, to=TensorProto.FLOAT)
    if bits < 8 * size:
        x = graph.add("Pad", "padded", x, graph.constant("padding", np.array([0, 0, 0, 8 * size - bits])))
    x = graph.add("Reshape", "eights", x, graph.constant("shape", np.array([-1, size, 8])))
    x = graph.add("MatMul", "bytes", x, graph.constant("powers", 2.0 ** np.arange(7, -1, -1, dtype=np.float32)))
    graph.add("Cast", "codes", x, to=TensorProto.UINT8)


def _check(
    network: nn.Module, image_size: int | None, codes: bool, pixels: str, opset: int, vocabulary: Vocabulary | None
) -> int:
    """Refuse arguments that do not fit; return the pictures' size."""
    if not isinstance(network, TagNetwork | HashNetwork):
        raise TypeError(f"network is a {type(network).__name__}; pass a TagNetwork or a HashNetwork")
    if codes and not isinstance(network, HashNetwork):
        raise ValueError("codes=True: only a hash network makes codes; export that one, or leave codes out")
    if pixels not in PIXELS:
        raise ValueError(f"pixels={pixels!r} is unknown; use {' or '.join(PIXELS)}")
    newest = onnx.defs.onnx_opset_version()
    if not OLDEST_OPSET <= opset <= newest:
        raise ArgumentError("opset", opset, f"use {OLDEST_OPSET} to {newest}")
    if vocabulary is not None and len(vocabulary) != network.outputs:
        raise ValueError(f"vocabulary has {len(vocabulary)} tags, the network {network.outputs} outputs")
    built = network.image_size if isinstance(network, HashNetwork) else network.fixed_size
    size = built if image_size is None else image_size
    if size is None or size < REDUCTION:
        raise ValueError(f"image_size={image_size}: say how large pictures are, at least {REDUCTION} pixels")
    if network.fixed_size not in (None, size):
        raise ValueError(f"image_size={size}: the network was built for {network.fixed_size}")
    return size


def _metadata(
    network: TagNetwork | HashNetwork, vocabulary: Vocabulary | None, architecture: Architecture | None
) -> dict[str, str]:
    metadata = {"i2v_lib": i2v_lib.__version__}
    if vocabulary is not None:
        content = {"tags": vocabulary.tags, "categories": vocabulary.categories}
        metadata["vocabulary"] = json.dumps(content, ensure_ascii=False)
    if architecture is not None:
        if isinstance(network, HashNetwork):  # of a tagger with both networks, the architecture is its tag network's
            bits = network.tags.in_features
            architecture = dataclasses.replace(architecture, code_bits=bits, hash_layer=network.placement)
        metadata["architecture"] = json.dumps(dataclasses.asdict(architecture))
    return metadata


def _save(model: onnx.ModelProto, path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_bytes(path, model.SerializeToString())
    return path
