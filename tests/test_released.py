"""The authors' networks: the same numbers as a computation by hand from their files, and only from their files."""

import gzip
import json
import subprocess
import sys

import numpy as np
import pytest
import torch
from caffe_writer import caffemodel
from numpy.testing import assert_allclose

from i2v_lib.models.architecture import Architecture
from i2v_lib.models.checkpoints import load_weights, read_metadata
from i2v_lib.models.hash_network import HashNetwork, empty_network
from i2v_lib.models.networks import VGGNIN
from i2v_lib.models.released import convert
from i2v_lib.models.released import files as files_module
from i2v_lib.models.released.caffe import CaffeFormatError, read_caffemodel
from i2v_lib.models.released.convert import convert_released, load_released_features, load_released_tags
from i2v_lib.models.released.files import SOURCES, authors_order, read_tag_list, released_vocabulary

MEAN_BGR = np.array([164.76139251, 167.47864617, 181.13838569])
TAGS, BITS, SIZE, POSITIONS = 9, 16, 64, 4
CHANNELS = {
    "conv1_1": (3, 2), "conv2_1": (2, 4), "conv3_1": (4, 8), "conv3_2": (8, 8), "conv4_1": (8, 16), "conv4_2": (16, 16),
    "conv5_1": (16, 16), "conv5_2": (16, 16), "conv6_1": (16, 32), "conv6_2": (32, 32), "conv6_3": (32, 32),
}  # fmt: skip
PATCHES = np.random.default_rng(0).integers(256, size=(2, 8, 8, 3), dtype=np.uint8)
PICTURES = PATCHES.repeat(8, 1).repeat(8, 2)  # (2, 64, 64, 3), RGB
LIST = [f"g{i}" for i in range(512)] + [f"character {i}" for i in range(512)] + [f"title {i}" for i in range(512)]
LIST += ["safe", "questionable", "explicit"]


@pytest.fixture
def tiny(monkeypatch):
    """The released networks at a 32nd of their width, for small pictures and nine tags."""
    from tiny_released import shrink_released  # here, since it imports this module

    shrink_released(monkeypatch)


def weights_of(kind, seed=0):
    """Random layers as in the authors' file, by their names."""
    rng = np.random.default_rng(seed)
    shapes = {name: (outputs, inputs, 3, 3) for name, (inputs, outputs) in CHANNELS.items()}
    if kind == "tags":
        shapes["conv6_4"] = (TAGS, 32, 3, 3)
    else:
        shapes |= {"encode1": (BITS, 32 * POSITIONS), "encode2": (TAGS, BITS)}
    layers = {}
    for name, shape in shapes.items():
        gain = np.sqrt(2 / np.prod(shape[1:])) / (64 if name == "conv1_1" else 1)
        layers[name] = [rng.normal(0, gain, shape).astype("f4"), rng.normal(0, 0.1, shape[0]).astype("f4")]
    return layers


def write(path, layers, **options):
    path.write_bytes(caffemodel(layers, **options))
    return path


def convolution(x, weights, bias):
    """Three by three, stride and padding one, written out: (N, C, H, W), (D, C, 3, 3), (D,) -> (N, D, H, W)."""
    height, width = x.shape[2:]
    padded = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)))
    y = np.zeros((len(x), len(weights), height, width))
    for row in range(3):
        for column in range(3):
            shifted = padded[:, :, row : row + height, column : column + width]
            y += np.einsum("nchw,dc->ndhw", shifted, weights[:, :, row, column].astype("f8"))
    return y + bias[:, None, None]


def pool(x):
    """The largest of each two by two."""
    n, channels, height, width = x.shape
    return x.reshape(n, channels, height // 2, 2, width // 2, 2).max((3, 5))


def authors_map(layers, pictures=PICTURES, bgr=True):
    """Last hidden map as the authors' library computes it, float64, shape (N, C, H, W)."""
    x = pictures[..., ::-1] if bgr else pictures
    x = (x - MEAN_BGR).transpose(0, 3, 1, 2)
    for block in ("1_1", "2_1", "3_1 3_2", "4_1 4_2", "5_1 5_2"):
        for name in block.split():
            x = np.maximum(convolution(x, *layers[f"conv{name}"]), 0)
        x = pool(x)
    for name in ("6_1", "6_2", "6_3"):
        x = np.maximum(convolution(x, *layers[f"conv{name}"]), 0)
    return x


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def run(call, pictures=PICTURES):
    """What one of our networks makes of pictures (N, S, S, 3), as the kit passes them."""
    with torch.inference_mode():
        return call(torch.from_numpy(pictures).permute(0, 3, 1, 2)).numpy()


@pytest.mark.parametrize("old", [False, True])
@pytest.mark.parametrize("packed", [False, True])
def test_tags_are_those_computed_by_hand(tiny, tmp_path, old, packed):
    layers = weights_of("tags")
    path = write(tmp_path / "tag.caffemodel", layers, old=old, packed=packed, legacy=old, clutter=True)
    network = load_released_tags(path)
    assert isinstance(network, VGGNIN)
    assert not network.training
    assert all(p.dtype == torch.float32 and p.device.type == "cpu" for p in network.state_dict().values())
    scores = sigmoid(run(network))[:, authors_order(TAGS)]

    tag_map = convolution(authors_map(layers), *layers["conv6_4"])
    expected = sigmoid(tag_map.mean((2, 3)))
    assert_allclose(scores, expected, atol=1e-5)
    assert (expected < 0.45).any()
    assert (expected > 0.55).any()

    wrong = {
        "ReLU before the sigmoid": sigmoid(np.maximum(tag_map, 0).mean((2, 3))),
        "RGB": sigmoid(convolution(authors_map(layers, bgr=False), *layers["conv6_4"]).mean((2, 3))),
        "our order": expected[:, authors_order(TAGS)],
    }
    for name, other in wrong.items():
        assert np.abs(other - expected).max() > 1e-2, name


@pytest.mark.parametrize("old", [False, True])
@pytest.mark.parametrize("packed", [False, True])
def test_features_are_those_computed_by_hand(tiny, tmp_path, old, packed):
    layers = weights_of("features")
    path = write(tmp_path / "features.caffemodel", layers, old=old, packed=packed, legacy=old, clutter=True)
    network = load_released_features(path)
    assert isinstance(network, HashNetwork)
    assert not network.training
    features = run(network.features)

    hidden = authors_map(layers)  # (N, 32, 2, 2)
    expected = hidden.reshape(2, -1) @ layers["encode1"][0].T.astype("f8") + layers["encode1"][1]
    assert features.shape == (2, BITS)
    assert_allclose(features, expected, atol=1e-4)
    logits = sigmoid(expected) @ layers["encode2"][0].T + layers["encode2"][1]
    assert_allclose(run(network)[:, authors_order(TAGS)], logits, atol=1e-4)

    channels_last = hidden.transpose(0, 2, 3, 1).reshape(2, -1) @ layers["encode1"][0].T + layers["encode1"][1]
    columns_first = hidden.transpose(0, 1, 3, 2).reshape(2, -1) @ layers["encode1"][0].T + layers["encode1"][1]
    for other in (channels_last, columns_first, sigmoid(expected)):
        assert np.abs(other - expected).max() > 0.05
    assert TAGS != BITS  # encode2 could not be taken for the feature


def test_the_flattened_map_is_read_by_channel_row_column(tiny, tmp_path):
    """Three units read one position each, those with the largest values."""
    layers = weights_of("features")
    hidden = authors_map(layers)  # (N, 32, 2, 2)
    flat = hidden.reshape(2, -1)
    positions = flat[0].argsort()[-3:]
    layers["encode1"][0][:] = 0
    layers["encode1"][1][:] = 0
    layers["encode1"][0][[0, 1, 2], positions] = 1
    network = load_released_features(write(tmp_path / "features.caffemodel", layers))
    assert_allclose(run(network.features)[:, :3], flat[:, positions], rtol=1e-4)
    for order in [(0, 2, 3, 1), (0, 1, 3, 2), (0, 3, 2, 1)]:
        assert np.abs(hidden.transpose(order).reshape(2, -1)[0, positions] - flat[0, positions]).max() > 0.1


def test_folding_loses_no_bit(tiny, tmp_path):
    layers = weights_of("tags")
    network = load_released_tags(write(tmp_path / "tag.caffemodel", layers))
    assert np.array_equal(network.body.conv1_1.weight.detach().numpy() / 64, layers["conv1_1"][0][:, ::-1])
    assert np.array_equal(network.mean.numpy(), MEAN_BGR[::-1].astype("f4"))
    assert np.array_equal(network.head.conv6_3.weight.detach().numpy(), layers["conv6_3"][0])


def test_no_weight_is_copied(tiny, tmp_path, monkeypatch):
    """Apart from the first layer, which is small, the network's tensors are the arrays that were read."""
    kept = {}
    monkeypatch.setattr(convert, "read_caffemodel", lambda path: kept.setdefault("a", read_caffemodel(path)))
    for kind, load in {"tags": load_released_tags, "features": load_released_features}.items():
        network = load(write(tmp_path / "a.caffemodel", weights_of(kind)))
        state = [tensor.numpy() for tensor in network.state_dict().values()]
        for name, arrays in kept.pop("a").items():
            shared = [any(np.shares_memory(array, tensor) for tensor in state) for array in arrays]
            assert shared == [name != "conv1_1", True], name


def test_old_and_new_files_give_the_same_network(tiny, tmp_path):
    layers = weights_of("features")
    new = load_released_features(write(tmp_path / "new.caffemodel", layers)).state_dict()
    old = load_released_features(write(tmp_path / "old.caffemodel", layers, old=True, legacy=True)).state_dict()
    assert all(torch.equal(new[key], old[key]) for key in new)


def test_loading_leaves_the_compiler_alone(tiny, tmp_path):
    """Weights drawn without memory would import it, which takes longer than reading a file of a gigabyte."""
    path = write(tmp_path / "tag.caffemodel", weights_of("tags"))
    script = (
        "import dataclasses, sys; from i2v_lib.models.released import convert; "
        f"sizes = {{'outputs': {TAGS}, 'image_size': {SIZE}, 'stored_size': {SIZE}, 'width': 1 / 32}}; "
        "convert.ARCHITECTURES['tags'] = dataclasses.replace(convert.ARCHITECTURES['tags'], **sizes); "
        "convert.load_released_tags(sys.argv[1]); print('torch._dynamo' in sys.modules)"
    )
    result = subprocess.run([sys.executable, "-c", script, str(path)], capture_output=True, text=True, check=True)
    assert result.stdout.split() == ["False"]


def test_released_sizes_are_insisted_on(tmp_path):
    """The public functions take the real sizes and no others; those have the counts that are known."""
    for kind, load in {"tags": load_released_tags, "features": load_released_features}.items():
        path = write(tmp_path / f"{kind}.caffemodel", weights_of(kind))
        with pytest.raises(ValueError, match=f"it is not {SOURCES[kind].name}, which has {SOURCES[kind].parameters:,}"):
            load(path)
    tags, features = (empty_network(convert.ARCHITECTURES[kind]) for kind in ("tags", "features"))
    assert sum(p.numel() for p in tags.parameters()) == SOURCES["tags"].parameters == 47_001_475
    assert sum(p.numel() for p in features.parameters()) == SOURCES["features"].parameters == 244_646_787
    assert tags.tags.weight.shape == (1539, 1024, 3, 3)
    assert features.encode.weight.shape == (4096, 50_176)


def test_the_other_file_is_named_as_such(tiny, tmp_path):
    tags, features = (write(tmp_path / f"{kind}.caffemodel", weights_of(kind)) for kind in ("tags", "features"))
    text = r"this is the tag model \(illust2vec_tag_ver200\); feature vectors need illust2vec_ver200.caffemodel"
    with pytest.raises(ValueError, match=text):
        load_released_features(tags)
    text = r"this is the feature model \(illust2vec_ver200\); tags need illust2vec_tag_ver200.caffemodel"
    with pytest.raises(ValueError, match=text):
        load_released_tags(features)


def changed(**changes):
    """A tag network with some layers replaced, or taken away."""
    return {name: arrays for name, arrays in (weights_of("tags") | changes).items() if arrays is not None}


@pytest.mark.parametrize(
    ("layers", "text"),
    [
        (changed(conv6_2=None), "1 layers differ: conv6_2 has no weights, not "),
        (changed(conv7=[np.ones(3)]), r"1 layers differ: conv7 has \[\(3,\)\], not no weights"),
        (changed(encode1=[np.ones(3)]), "encode1 has"),
        (changed(conv6_3=[np.ones((32, 32, 3, 3))]), r"conv6_3 has \[\(32, 32, 3, 3\)\], not"),
        (changed(conv1_1=[np.ones((2, 3, 3, 3)), np.ones(3)]), "conv1_1 has"),
        (
            changed(conv6_1=[np.ones((16, 16, 3, 3)), np.ones(16)], conv6_2=[np.ones((32, 16, 3, 3)), np.ones(32)]),
            r"2 layers differ: conv6_1 has \[\(16, 16, 3, 3\), \(16,\)\], not \[\(32, 16, 3, 3\), \(32,\)\]; conv6_2",
        ),
        (changed(conv4_1=[np.full((16, 8, 3, 3), np.nan), np.ones(16)]), "layer conv4_1 holds values that are no"),
        (changed(conv4_1=[np.ones((16, 8, 3, 3)), np.full(16, -np.inf)]), "layer conv4_1 holds values that are no"),
    ],
)
def test_another_network_is_refused(tiny, tmp_path, layers, text):
    with pytest.raises(ValueError, match=text) as caught:
        load_released_tags(write(tmp_path / "a.caffemodel", layers))
    assert not isinstance(caught.value, CaffeFormatError)  # the file itself is whole


def test_damaged_and_missing_files(tiny, tmp_path):
    path = write(tmp_path / "a.caffemodel", weights_of("tags"))
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(CaffeFormatError, match="truncated"):
        load_released_tags(path)
    for call in (load_released_tags, load_released_features, read_tag_list):
        with pytest.raises(FileNotFoundError, match="releases/download/v2.0.0/.* or http"):
            call(tmp_path / "nowhere")


def test_authors_order_swaps_the_two_middle_blocks():
    rows = authors_order()
    assert rows.shape == (1539,)
    assert rows[:512].tolist() == list(range(512))
    assert (rows[512], rows[1023], rows[1024], rows[1535]) == (1024, 1535, 512, 1023)
    assert rows[-3:].tolist() == [1536, 1537, 1538]
    assert np.array_equal(rows[rows], np.arange(1539))


def test_vocabulary_is_in_our_order():
    vocabulary = released_vocabulary(LIST)
    assert len(vocabulary) == 1539
    assert vocabulary.tags[vocabulary.blocks["character"]] == tuple(f"character {i}" for i in range(512))
    assert vocabulary.tags[vocabulary.blocks["copyright"]] == tuple(f"title {i}" for i in range(512))
    assert vocabulary.tags[-3:] == ("safe", "questionable", "explicit")
    assert [vocabulary.tags[row] for row in authors_order()] == LIST


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (json.dumps(LIST[1:]), "has 1538 tags, the last safe, questionable, explicit; the released networks have 1539"),
        (json.dumps(LIST[:-1] + ["other"]), "the last safe, questionable, other; the released"),
        (json.dumps(LIST[:-3] + LIST[:-4:-1]), "the last explicit, questionable, safe"),
        (json.dumps(LIST[:-1] + [3]), "is no list of tags"),
        (json.dumps({"tags": LIST}), "is no list of tags"),
        ("<html>", "is no JSON"),
        ("[" * 100_000, "is no JSON"),
        (b"\xff\xfe\x00", "is no JSON"),
        (gzip.compress(b"", mtime=0)[:10] + b"\xff" * 9, "is damaged"),
        (gzip.compress(b" " * (1 << 24) + b"[]", mtime=0), "is larger than 1048576 bytes"),
        (gzip.compress(json.dumps(LIST).encode(), mtime=0)[:-2000], "is no JSON"),
        (" " * (1 << 20) + "[]", "is larger than 1048576 bytes"),
    ],
)
def test_another_list_of_tags_is_refused(tmp_path, content, text):
    path = tmp_path / "tag_list.json"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(ValueError, match=text):
        read_tag_list(path)
    path.write_text(json.dumps(LIST))
    assert read_tag_list(path) == LIST
    path.write_bytes(gzip.compress(path.read_bytes()))
    assert read_tag_list(path) == LIST


@pytest.fixture
def files(tiny, tmp_path, monkeypatch):
    """Arguments of convert_released for tiny files."""
    monkeypatch.setattr(files_module, "TAGS", TAGS)
    names = ["smile", "hat", "rin", "mei", "stars", "moons", "safe", "questionable", "explicit"]
    (tmp_path / "tag_list.json").write_text(json.dumps(names))
    return {
        "tag_model": write(tmp_path / "tag.caffemodel", weights_of("tags")),
        "feature_model": write(tmp_path / "features.caffemodel", weights_of("features")),
        "tag_list": tmp_path / "tag_list.json",
        "out": tmp_path / "converted",
    }


def test_converted_files_are_ordinary_weights(files):
    """A network built from the metadata alone computes what the loaded one does, each tag under its name."""
    written = convert_released(**files)
    names = {"tags": "illust2vec_tag_ver200.safetensors", "features": "illust2vec_ver200.safetensors"}
    assert written == {kind: files["out"] / name for kind, name in names.items()}
    for kind, load in {"tag": load_released_tags, "feature": load_released_features}.items():
        path = written[f"{kind}s"]
        metadata = read_metadata(path)
        assert metadata["vocabulary"]["tags"][2:6] == ["stars", "moons", "rin", "mei"]
        assert metadata["vocabulary"]["categories"][2:6] == ["copyright"] * 2 + ["character"] * 2
        architecture = Architecture.from_metadata(metadata)
        assert architecture.code_bits == (None if kind == "tag" else BITS)
        network = empty_network(architecture).to_empty(device="cpu")
        load_weights(path, network)
        assert np.array_equal(run(network), run(load(files[f"{kind}_model"])))
        assert str(files["out"].parent) not in json.dumps(metadata)


def test_conversion_happens_once(files, monkeypatch):
    written = convert_released(**files)
    content = [path.read_bytes() for path in written.values()]
    with monkeypatch.context() as patched:
        patched.setattr(convert, "_load", lambda *_: pytest.fail("converted again"))
        assert convert_released(**files) == written
    write(files["tag_model"], weights_of("tags", seed=1))
    with pytest.raises(ValueError, match=r"overwrite=False: .*illust2vec_tag_ver200\.safetensors"):
        convert_released(**files)
    assert [path.read_bytes() for path in written.values()] == content
    tags = {name: files[name] for name in ("tag_model", "tag_list", "out")}
    assert convert_released(**tags, overwrite=True) == {"tags": written["tags"]}
    assert written["tags"].read_bytes() != content[0]
    assert written["features"].read_bytes() == content[1]


def test_a_failed_conversion_leaves_nothing(files):
    damaged = files["feature_model"]
    damaged.write_bytes(damaged.read_bytes()[:-1])
    with pytest.raises(CaffeFormatError):
        convert_released(**files)
    assert [path.name for path in files["out"].iterdir()] == ["illust2vec_tag_ver200.safetensors"]


def test_what_conversion_needs(files):
    assert list(convert_released(feature_model=files["feature_model"], out=files["out"])) == ["features"]
    assert read_metadata(files["out"] / "illust2vec_ver200.safetensors")["vocabulary"] is None
    with pytest.raises(ValueError, match="tag_model=None, feature_model=None"):
        convert_released(out=files["out"], tag_list=files["tag_list"])
    with pytest.raises(ValueError, match=r"tag_list=None: .*tag_list\.json"):
        convert_released(out=files["out"], tag_model=files["tag_model"])
    with pytest.raises(ValueError, match="feature model"):
        convert_released(**files | {"tag_model": files["feature_model"], "out": files["out"] / "other"})


def test_sources_are_named_not_fetched():
    for source in SOURCES.values():
        assert len(source.addresses) >= 2
        assert all(source.name in address for address in source.addresses)
