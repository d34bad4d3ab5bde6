"""Export to ONNX: onnxruntime computes what PyTorch computes, and codes are the kit's, bit for bit."""

import json

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from torch import nn

import i2v_lib
from i2v_lib.data.vocabulary import Vocabulary
from i2v_lib.models.architecture import Architecture
from i2v_lib.models.hash_network import PLACEMENTS, HashNetwork
from i2v_lib.models.networks import VGGNIN, VGGModelA
from i2v_lib.models.released import onnx as export
from i2v_lib.models.released.onnx import export_onnx
from i2v_lib.search.hashing import binarize

TAGS, SIZE, WIDTH = 7, 64, 1 / 16
VOCABULARY = Vocabulary(
    ("1girl", "長い髪", "hat", "title", "name", "safe", "explicit"),
    ("general",) * 3 + ("copyright", "character") + ("rating",) * 2,
    {},
)


def pictures(count, size=SIZE, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (count, 3, size, size), dtype=np.uint8)


def settled(network, seed=0):
    """The network with a mean, biases and batch statistics of its own, so that none can be forgotten unseen."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, tensor in network.state_dict().items():
            if name.endswith("mean") and tensor.shape == (3,):
                tensor.copy_(torch.tensor([181.0, 167.0, 165.0]))
            elif tensor.ndim == 1:
                tensor.add_(0.3 * torch.rand(tensor.shape, generator=generator))
    return network.eval()


def tag_networks():
    return {
        "vgg_a": VGGModelA(TAGS, SIZE, WIDTH, dropout=0.5),
        "vgg_nin": VGGNIN(TAGS, WIDTH),
        "released": VGGNIN(TAGS, WIDTH, dropout=0.5, convolutions=4),
        "vgg_nin_bn": VGGNIN(TAGS, WIDTH, batch_norm=True),
    }


def hash_network(placement="flattened", bits=40):
    torch.manual_seed(1)
    return settled(HashNetwork(VGGNIN(TAGS, WIDTH), bits, SIZE, placement))


def session(path):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def computed(path, images):
    running = session(path)
    names = [output.name for output in running.get_outputs()]
    return dict(zip(names, running.run(None, {"images": images}), strict=True))


@pytest.mark.parametrize("name", tag_networks())
@pytest.mark.parametrize("pixels", ["float32", "uint8"])
def test_tag_networks_compute_what_pytorch_computes(name, pixels, tmp_path):
    torch.manual_seed(0)
    network, images = settled(tag_networks()[name]), pictures(3)
    found = computed(export_onnx(network, tmp_path / "a.onnx", image_size=SIZE, pixels=pixels), images.astype(pixels))
    with torch.inference_mode():
        logits = network(torch.from_numpy(images))
    assert list(found) == ["logits", "scores"]
    np.testing.assert_allclose(found["logits"], logits, atol=1e-4, rtol=0)
    np.testing.assert_allclose(found["scores"], torch.sigmoid(logits), atol=1e-4, rtol=0)
    assert np.ptp(found["logits"], axis=0).max() > 0.01  # the pictures are told apart


@pytest.mark.parametrize("placement", PLACEMENTS)
@pytest.mark.parametrize("bits", [40, 21])  # 21: the last byte is not full
def test_hash_networks_make_the_kits_codes(placement, bits, tmp_path):
    network, images = hash_network(placement, bits), pictures(8)
    found = computed(export_onnx(network, tmp_path / "a.onnx", codes=True), images.astype(np.float32))
    with torch.inference_mode():
        features, logits = network.features(torch.from_numpy(images)).numpy(), network(torch.from_numpy(images))
    assert list(found) == ["logits", "scores", "features", "codes"]
    np.testing.assert_allclose(found["features"], features, atol=1e-4, rtol=0)
    np.testing.assert_allclose(found["logits"], logits, atol=1e-4, rtol=0)
    clear = np.abs(features) > 1e-4
    expected = np.unpackbits(binarize(features), axis=1, count=bits)
    assert found["codes"].dtype == np.uint8
    assert found["codes"].shape == (8, -(-bits // 8))
    assert np.array_equal(np.unpackbits(found["codes"], axis=1, count=bits)[clear], expected[clear])
    assert np.array_equal(found["codes"], binarize(found["features"]))
    assert clear.mean() > 0.99
    assert 0 < expected.mean() < 1  # neither all nor none


def test_a_batch_of_any_size_equals_its_items(tmp_path):
    network, images = hash_network(), pictures(5).astype(np.float32)
    running = session(export_onnx(network, tmp_path / "a.onnx", codes=True))
    together = running.run(["features", "codes"], {"images": images})
    alone = [np.concatenate(parts) for parts in zip(*(
        running.run(["features", "codes"], {"images": image[None]}) for image in images
    ), strict=True)]  # fmt: skip
    np.testing.assert_allclose(together[0], alone[0], atol=1e-4)
    assert np.array_equal(together[1], alone[1])
    assert running.get_inputs()[0].shape == ["N", 3, SIZE, SIZE]


def test_a_graph_without_the_mean_would_be_seen(tmp_path):
    """The control: what is compared above depends on every part, such as the mean."""
    network, images = settled(VGGNIN(TAGS, WIDTH)), pictures(3).astype(np.float32)
    model = onnx.load(export_onnx(network, tmp_path / "a.onnx", image_size=SIZE))
    mean = next(weight for weight in model.graph.initializer if weight.name == "mean")
    mean.CopyFrom(onnx.numpy_helper.from_array(np.zeros((3, 1, 1), np.float32), "mean"))
    onnx.save(model, tmp_path / "b.onnx")
    with torch.inference_mode():
        logits = network(torch.from_numpy(images)).numpy()
    assert np.abs(computed(tmp_path / "b.onnx", images)["logits"] - logits).max() > 1e-2


@pytest.mark.parametrize("opset", [13, 17, 21])
def test_the_file_is_valid_onnx_of_the_asked_version(opset, tmp_path):
    model = onnx.load(export_onnx(hash_network(bits=21), tmp_path / "a.onnx", codes=True, opset=opset))
    onnx.checker.check_model(model, full_check=True)
    assert [(entry.domain, entry.version) for entry in model.opset_import] == [("", opset)]


def test_metadata_say_what_the_outputs_are(tmp_path):
    architecture = Architecture("vgg_nin", TAGS, SIZE, SIZE, WIDTH)
    path = export_onnx(settled(VGGNIN(TAGS, WIDTH)), tmp_path / "a.onnx", image_size=SIZE, vocabulary=VOCABULARY,
                       architecture=architecture)  # fmt: skip
    found = session(path).get_modelmeta().custom_metadata_map
    vocabulary = json.loads(found["vocabulary"])
    assert vocabulary == {"tags": list(VOCABULARY.tags), "categories": list(VOCABULARY.categories)}
    assert Architecture(**json.loads(found["architecture"])) == architecture
    assert found["i2v_lib"] == i2v_lib.__version__


def test_an_older_file_is_replaced_by_a_whole_one(tmp_path):
    path = tmp_path / "new" / "a.onnx"
    first = export_onnx(hash_network(), path).read_bytes()
    assert export_onnx(hash_network(), path).read_bytes() == first  # the same network, the same bytes
    export_onnx(hash_network("pooled"), path)
    assert path.read_bytes() != first
    assert [entry.name for entry in path.parent.iterdir()] == ["a.onnx"]


def test_bad_arguments_are_told(tmp_path, monkeypatch):
    path, network = tmp_path / "a.onnx", VGGNIN(TAGS, WIDTH)
    with pytest.raises(ValueError, match="image_size=None"):
        export_onnx(network, path)
    with pytest.raises(ValueError, match="codes=True: .*hash network"):
        export_onnx(network, path, image_size=SIZE, codes=True)
    with pytest.raises(ValueError, match="image_size=32: .*64"):
        export_onnx(hash_network(), path, image_size=32)
    with pytest.raises(ValueError, match="pixels='int8' is unknown"):
        export_onnx(network, path, image_size=SIZE, pixels="int8")
    with pytest.raises(ValueError, match="opset=9: use 13 to"):
        export_onnx(network, path, image_size=SIZE, opset=9)
    with pytest.raises(ValueError, match="vocabulary .*7 tags.* 3 outputs"):
        export_onnx(VGGNIN(3, WIDTH), path, image_size=SIZE, vocabulary=VOCABULARY)
    with pytest.raises(TypeError, match="network .*Linear"):
        export_onnx(nn.Linear(3, 3), path)
    monkeypatch.setattr(export, "LARGEST_FILE", 100_000)
    with pytest.raises(ValueError, match="bytes; .*100,000"):
        export_onnx(network, path, image_size=SIZE)
    assert not path.exists()
