"""The "Pre-trained net": features of a VGG-16 that has never seen an illustration.

With ImageNet weights it is the paper's baseline. Where they cannot be had, a *surrogate* of the same shape is
trained on fractals; it is called by that name wherever it is used.

Source: Saito & Matsui 2015, §4.1.
"""

from __future__ import annotations

import dataclasses
import itertools
import socket
from collections import OrderedDict
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from i2v_lib.config import Config
from i2v_lib.data.batches import evaluation_share
from i2v_lib.data.stores import PackedPixels
from i2v_lib.models.checkpoints import load_weights, read_metadata, save_weights
from i2v_lib.models.fractals import fractal_classes, render_fractals
from i2v_lib.models.networks import REDUCTION, convolutions, scaled
from i2v_lib.models.training import learning_rate_at
from i2v_lib.system.distributed import default_device, gather_rows, rank, ranks
from i2v_lib.system.progress import progress_bar

BODY = ((64, 64), (128, 128), (256,) * 3, (512,) * 3, (512,) * 3)  # VGG-16, configuration D
IMAGENET_SIZE = 224  # pixels, square
MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet's colors, RGB 0–1
STALL = 10  # seconds without a byte after which a download is given up
BATCH = 32  # pictures at a time; VGG-16 at 224 pixels then takes about 1 GB
HELD_OUT = 1024  # fractals that tell whether the surrogate has learned; a multiple of BATCH
PEAK_LEARNING_RATE = 1e-3  # of the surrogate, with Adam
WARMUP = 0.1  # share of the surrogate's steps


def pretrained_network(config: Config, folder: Path, offline: bool = False) -> tuple[nn.Module, str]:
    """Return the network behind the "Pre-trained net" and where its weights come from.

    Parameters
    ----------
    config : ``pretrained`` chooses the weights: "imagenet"; "surrogate"; or "auto", ImageNet's if they are in
        PyTorch's cache or can be fetched, else the surrogate's
    folder : keeps the surrogate's weights, to be used again while the settings they depend on stand
    offline : never try to fetch

    Returns
    -------
    network : pictures normalized as ImageNet's, to features after the last hidden layer's ReLU; in eval mode
    source : "ImageNet" or "surrogate"

    Raises
    ------
    OSError
        If ``config.pretrained`` is "imagenet" and the weights cannot be had.
    """
    if config.pretrained != "surrogate":
        try:
            return imagenet_network(offline), "ImageNet"
        except OSError as error:
            if config.pretrained == "imagenet":
                raise
            print(f"ImageNet weights cannot be had ({error}); using a surrogate trained on fractals")
    return surrogate_network(config, folder), "surrogate"


def imagenet_network(offline: bool = False) -> nn.Module:
    """Return torchvision's VGG-16 up to the ReLU of its second fully connected layer (fc7), 4,096 features.

    Parameters
    ----------
    offline : use the weights in PyTorch's cache only

    Raises
    ------
    OSError
        If the weights are not cached, and ``offline`` is set or they cannot be fetched.
    """
    from torchvision.models import VGG16_Weights, vgg16  # imported late: it takes as long as all the rest of the kit

    url = VGG16_Weights.IMAGENET1K_V1.url
    cached = Path(torch.hub.get_dir()) / "checkpoints" / Path(url).name
    if offline and not cached.exists():
        raise FileNotFoundError(f"{cached} does not exist; put {url} there, or set pretrained='surrogate'")
    if not cached.exists():
        _fetch(url, cached)
    # torchvision publishes a pickle; with weights_only the reader accepts tensors and runs no code.
    state = torch.load(cached, map_location="cpu", weights_only=True)
    with torch.device("meta"):  # no memory and no random numbers for weights that are replaced at once
        network = vgg16()
    network.load_state_dict(state, assign=True)
    network.classifier = network.classifier[:5]  # fc6, ReLU, dropout, fc7, ReLU
    return network.to(default_device()).eval()


def _fetch(url: str, path: Path) -> None:
    """Download weights whose name ends in the start of their SHA-256, or raise OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(STALL)  # PyTorch's download has no time limit of its own
    try:
        torch.hub.download_url_to_file(url, str(path), hash_prefix=path.stem.rpartition("-")[2])
    except RuntimeError as error:  # the hash is another: a network's login page, say
        raise OSError(f"{url} came damaged: {error}; try again") from error
    finally:
        socket.setdefaulttimeout(before)


def untrained_network(config: Config) -> nn.Module:
    """Return the surrogate at its random initial weights: what the architecture alone gives.

    VGG-16 at the config's width and image size, its weights drawn from the config's seed as He et al. (2015)
    do. Batch norm follows every convolution and hidden fully connected layer: without it so deep a network
    does not learn in the minute the surrogate has.

    Returns
    -------
    module from pictures (N, 3, S, S), normalized as ImageNet's, to features (N, 4096·width); in eval mode

    Raises
    ------
    ValueError
        If ``config.image_size`` is below 32 pixels.
    """
    if config.image_size < REDUCTION:
        raise ValueError(f"image_size={config.image_size}: five poolings need at least {REDUCTION} pixels")
    layers: list[tuple[str, nn.Module]] = []
    inputs = 3
    for block, channels in enumerate(BODY, start=1):
        widths = [scaled(c, config.width) for c in channels]
        layers += convolutions(block, [inputs, *widths], batch_norm=True)
        layers.append((f"pool{block}", nn.MaxPool2d(2)))
        inputs = widths[-1]
    layers.append(("flatten", nn.Flatten()))
    hidden = scaled(4096, config.width)
    sizes = [inputs * (config.image_size // REDUCTION) ** 2, hidden, hidden]
    for number, (i, o) in enumerate(itertools.pairwise(sizes), start=6):
        layers.append((f"fc{number}", nn.Linear(i, o, bias=False)))
        layers.append((f"norm{number}", nn.BatchNorm1d(o)))
        layers.append((f"relu{number}", nn.ReLU(inplace=True)))
    network = nn.Sequential(OrderedDict(layers))
    generator = torch.Generator().manual_seed(config.seed)
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu", generator=generator)
    return network.to(default_device()).to(memory_format=torch.channels_last).eval()


def surrogate_network(config: Config, folder: Path) -> nn.Module:
    """Return the surrogate, trained on fractal classes now or, under the same settings, before.

    Prints the share of held-out fractals it names rightly, beside chance.

    Parameters
    ----------
    config : its ``surrogate_…`` fields, ``width``, ``image_size``, ``batch_size`` and ``seed`` matter
    folder : holds ``surrogate.safetensors``
    """
    path = Path(folder) / "surrogate.safetensors"
    settings = {field: getattr(config, field) for field in ("seed", "width", "image_size", "batch_size")}
    fields = [field.name for field in dataclasses.fields(config)]
    settings |= {field: getattr(config, field) for field in fields if field.startswith("surrogate_")}
    if path.exists() and read_metadata(path)["settings"] == settings:
        network = untrained_network(config)
        accuracy = load_weights(path, network)["accuracy"]
    else:
        network, accuracy = train_surrogate(config)
        save_weights(path, network, {"settings": settings, "accuracy": accuracy})
    chance = 1 / config.surrogate_classes
    print(f"surrogate: {accuracy:.1%} of {HELD_OUT} held-out fractals named rightly (chance {chance:.1%})")
    return network


def train_surrogate(config: Config) -> tuple[nn.Module, float]:
    """Train the surrogate to tell fractal classes apart.

    Every step draws pictures of its own, so no picture is seen twice.

    Returns
    -------
    network : as from :func:`untrained_network`, trained
    accuracy : share of :data:`HELD_OUT` fresh fractals whose class it names, 0 to 1
    """
    systems = fractal_classes(config.surrogate_classes, config.seed)
    features = untrained_network(config)
    device = next(features.parameters()).device
    classifier = nn.Linear(scaled(4096, config.width), len(systems)).to(device)
    nn.init.zeros_(classifier.weight)
    nn.init.zeros_(classifier.bias)
    network = nn.Sequential(features, classifier).train()
    optimizer = torch.optim.Adam(network.parameters(), fused=True)
    steps = max(1, config.surrogate_images * config.surrogate_epochs // config.batch_size)

    def fractals(stream: int, count: int) -> tuple[torch.Tensor, torch.Tensor]:
        rng = np.random.default_rng([config.seed, stream])
        labels = rng.integers(len(systems), size=count)
        pictures = render_fractals(systems[labels], config.image_size, rng)
        return _normalize(pictures, config.image_size, device), torch.from_numpy(labels).to(device)

    with progress_bar("surrogate", steps * config.batch_size) as bar:
        for step in range(steps):
            pictures, labels = fractals(step, config.batch_size)
            loss = functional.cross_entropy(network(pictures), labels)
            optimizer.zero_grad()
            loss.backward()
            for group in optimizer.param_groups:
                group["lr"] = learning_rate_at(step, steps, PEAK_LEARNING_RATE, WARMUP)
            optimizer.step()
            bar.update(config.batch_size)
    network.eval()
    right = 0
    with torch.inference_mode():
        for stream in range(steps, steps + HELD_OUT // BATCH):  # streams that no step drew from
            pictures, labels = fractals(stream, BATCH)
            right += (network(pictures).argmax(1) == labels).sum().item()
    return features, right / HELD_OUT


def pretrained_features(
    network: nn.Module, source: str, pixels: np.ndarray | PackedPixels, indices: np.ndarray, config: Config
) -> np.ndarray:
    """Features of whole pictures, resized to what the network was trained on.

    Parameters
    ----------
    network, source : from :func:`pretrained_network`; or :func:`untrained_network` and "surrogate"
    pixels : uint8 array, shape (N, R, R, 3), RGB
    indices : int64 array, shape (n,), rows of ``pixels``
    config : its image_size is the surrogate's

    Returns
    -------
    float32 array, shape (n, D), D = 4096 for ImageNet's network, 4096·width for the surrogate
    """
    if len(indices) == 0:
        raise ValueError("indices is empty; pass the rows of at least one picture")
    size = IMAGENET_SIZE if source == "ImageNet" else config.image_size
    parameter = next(network.parameters(), torch.empty(0))
    share, features = indices[evaluation_share(len(indices), BATCH, rank(), ranks())], []
    with torch.inference_mode(), progress_bar(f"features ({source})", len(share)) as bar:
        for start in range(0, len(share), BATCH):
            pictures = pixels[share[start : start + BATCH]]
            features.append(network(_normalize(pictures, size, parameter.device)).float().cpu().numpy())
            bar.update(len(pictures))
    return gather_rows(np.concatenate(features) if features else None)


def _normalize(pictures: np.ndarray, size: int, device: torch.device) -> torch.Tensor:
    """Resize pictures uint8 (B, R, R, 3) and scale them as ImageNet's: float32 (B, 3, size, size)."""
    x = torch.from_numpy(pictures).to(device).permute(0, 3, 1, 2).float()  # (B, 3, R, R)
    if x.shape[-1] != size:
        x = functional.interpolate(x, size=(size, size), mode="bilinear", antialias=True)
    mean, deviation = (x.new_tensor(v).view(3, 1, 1) * 255 for v in (MEAN, DEVIATION))
    return (x - mean) / deviation
