"""The tagger: the authors' five calls, field by field, against a computation by hand from the file's weights."""

import dataclasses
import itertools
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from PIL import Image
from test_released import BITS, LIST, PICTURES, SIZE, authors_map, convolution, sigmoid, weights_of
from tiny_released import NAMES, shrink_released, write_released

from i2v_lib.config import load_config
from i2v_lib.data.collection import open_collection
from i2v_lib.data.images import BadImageError
from i2v_lib.models import i2v
from i2v_lib.models.architecture import Architecture, trained_with
from i2v_lib.models.checkpoints import save_weights
from i2v_lib.models.hash_network import build_hash_network
from i2v_lib.models.networks import build_network
from i2v_lib.models.prediction import predict
from i2v_lib.models.released.convert import convert_released
from i2v_lib.models.released.files import released_vocabulary
from i2v_lib.models.serving import heatmaps, picture_batches
from i2v_lib.models.serving.heatmaps import gradient_map, last_map
from i2v_lib.models.tagger import Illustration2Vec

BLOCKS = {"general": [0, 1], "character": [2, 3], "copyright": [4, 5], "rating": [6, 7, 8]}
DEMO = Path(__file__).resolve().parent.parent / "runs" / "demo"


@pytest.fixture
def files(tmp_path, monkeypatch):
    """The authors' three files, at a 32nd of their width, for small pictures and nine tags."""
    shrink_released(monkeypatch)
    return write_released(tmp_path)


@pytest.fixture
def tagger(files):
    return Illustration2Vec.from_released(**files)


@pytest.fixture(scope="module")
def probabilities():
    """What the authors' library computes of PICTURES, in their order of tags: float64, shape (2, 9)."""
    layers = weights_of("tags")
    return sigmoid(convolution(authors_map(layers), *layers["conv6_4"]).mean((2, 3)))


def small_tagger(bits=16, tags=9, **options):
    """Random weights for pictures of 32 pixels."""
    config = load_config("smoke", width=1 / 32, image_size=32, code_bits=bits, head_convolutions=4)
    names = LIST if tags == 1539 else NAMES
    vocabulary = released_vocabulary(names)
    network = build_network("vgg_nin", tags, config)
    hashing = build_hash_network(config, tags, network)
    return Illustration2Vec(network, hashing, vocabulary, image_size=32, **options)


def by_hand(row, threshold):
    """Plausible tags of one picture, written as plainly as can be."""
    pairs = {name: [(NAMES[i], row[i]) for i in columns] for name, columns in BLOCKS.items()}
    kept = {n: [p for p in pairs[n] if n == "rating" or p[1] > threshold] for n in pairs}
    return {name: sorted(found, key=lambda pair: -pair[1]) for name, found in kept.items()}


def assert_same(found, expected):
    """Equal to a field by field: keys and their order, tags and their order, types, and numbers nearly."""
    assert list(found) == ["general", "character", "copyright", "rating"]
    for category, pairs in found.items():
        assert type(pairs) is list
        assert [(type(pair), type(pair[0]), type(pair[1])) for pair in pairs] == [(tuple, str, float)] * len(pairs)
        assert [tag for tag, _ in pairs] == [tag for tag, _ in expected[category]]
        assert_allclose([p for _, p in pairs], [p for _, p in expected[category]], atol=1e-5)


def test_plausible_tags_are_those_computed_by_hand(tagger, probabilities):
    for threshold in (0.25, 0.55, 0.999):
        found = tagger.estimate_plausible_tags(list(PICTURES), threshold=threshold)
        assert type(found) is list
        assert len(found) == 2
        for tags, row in zip(found, probabilities, strict=True):
            assert_same(tags, by_hand(row, threshold))
    assert [len(tags) for tags in found[0].values()] == [0, 0, 0, 3]  # ratings whatever the threshold
    half = tagger.estimate_plausible_tags(list(PICTURES), 0.55)
    assert 0 < sum(len(tags[c]) for tags in half for c in list(BLOCKS)[:3]) < 12
    assert tagger.estimate_plausible_tags(list(PICTURES)) == tagger.estimate_plausible_tags(
        list(PICTURES), 0.25, "constant"
    )
    with pytest.raises(AssertionError):  # the other picture's tags are not these
        assert_same(half[0], by_hand(probabilities[1], 0.55))


def test_top_tags_are_those_computed_by_hand(tagger, probabilities):
    for tags, row in zip(tagger.estimate_top_tags(list(PICTURES)), probabilities, strict=True):
        assert_same(tags, by_hand(row, -1))
    ones = tagger.estimate_top_tags(list(PICTURES), n_tag=1)
    for tags, row in zip(ones, probabilities, strict=True):
        every = by_hand(row, -1)
        assert_same(tags, {name: pairs if name == "rating" else pairs[:1] for name, pairs in every.items()})
    with pytest.raises(ValueError, match="n_tag=-1"):
        tagger.estimate_top_tags(list(PICTURES), -1)


def test_specific_tags_are_those_computed_by_hand(tagger, probabilities):
    found = tagger.estimate_specific_tags(list(PICTURES), ["mei", "safe", "smile"])
    assert [list(tags) for tags in found] == [["mei", "safe", "smile"]] * 2
    assert all(type(p) is float for tags in found for p in tags.values())
    assert_allclose([list(tags.values()) for tags in found], probabilities[:, [3, 6, 0]], atol=1e-5)
    twice = tagger.estimate_specific_tags(list(PICTURES), "hat")  # it stands twice: the authors' index keeps the last
    assert_allclose([tags["hat"] for tags in twice], probabilities[:, 5], atol=1e-5)
    assert abs(probabilities[0, 5] - probabilities[0, 1]) > 1e-3
    text = "'smlie', 'blue hair' are not in the vocabulary of 9; close to it: 'smile'"
    with pytest.raises(ValueError, match=text):
        tagger.estimate_specific_tags(list(PICTURES), ["mei", "smlie", "blue hair"])


def test_features_and_codes_are_those_computed_by_hand(tagger):
    layers = weights_of("features")
    expected = authors_map(layers).reshape(2, -1) @ layers["encode1"][0].T.astype("f8") + layers["encode1"][1]
    features, codes = tagger.extract_feature(list(PICTURES)), tagger.extract_binary_feature(list(PICTURES))
    assert (features.dtype, features.shape) == (np.float32, (2, BITS))
    assert_allclose(features, expected, atol=1e-4)
    assert (codes.dtype, codes.shape) == (np.uint8, (2, BITS // 8))
    assert np.array_equal(codes, np.packbits(sigmoid(expected) > 0.5, axis=1))
    assert not np.array_equal(codes, np.packbits(sigmoid(expected) > 0.5, axis=1, bitorder="little"))


def test_shapes_of_the_released_networks():
    """Widths apart, all is as released: 512 tags a category, 4,096 features, codes of 512 bytes."""
    tagger = small_tagger(bits=4096, tags=1539)
    images = list(PICTURES) + [PICTURES[0]]
    features, codes = tagger.extract_feature(images), tagger.extract_binary_feature(images)
    assert (features.dtype, features.shape) == (np.float32, (3, 4096))
    assert (codes.dtype, codes.shape) == (np.uint8, (3, 512))
    assert np.array_equal(np.unpackbits(codes, axis=1), features > 0)
    top = tagger.estimate_top_tags(images)
    assert [len(pairs) for pairs in top[2].values()] == [10, 10, 10, 3]
    every = tagger.estimate_top_tags(images, n_tag=600)[2]
    assert [len(pairs) for pairs in every.values()] == [512, 512, 512, 3]
    assert {tag.split()[0] for tag, _ in every["character"]} == {"character"}
    assert {tag.split()[0] for tag, _ in every["copyright"]} == {"title"}
    assert tagger.logits(images).shape == (3, 1539)
    for call in (tagger.extract_feature, tagger.extract_binary_feature, tagger.logits):
        whole, none = call(images), call([])
        assert (none.dtype, none.shape) == (whole.dtype, (0, whole.shape[1]))
    assert tagger.estimate_top_tags([]) == []


def test_thresholds_of_each_tag(files, tmp_path):
    """The file is in the authors' order; a tag is said if it is above its own threshold of the rule's column."""
    theirs = np.linspace(0.05, 0.95, 27).reshape(9, 3)[np.random.default_rng(0).permutation(9)]
    np.savez(tmp_path / "thresholds.npz", threshold=theirs)
    tagger = Illustration2Vec.from_released(**files, thresholds=tmp_path / "thresholds.npz")
    scores = tagger.estimate_top_tags(list(PICTURES))
    for column, rule in enumerate(("f0.5", "f1", "f2")):
        found = tagger.estimate_plausible_tags(list(PICTURES), threshold_rule=rule)
        for tags, every in zip(found, scores, strict=True):
            for category, columns in BLOCKS.items():
                least = {NAMES[i]: -1 if category == "rating" else theirs[i, column] for i in columns}
                assert tags[category] == [(tag, p) for tag, p in every[category] if p > least[tag]]
    assert tagger.estimate_plausible_tags(PICTURES, threshold_rule="f2") != scores
    with pytest.raises(ValueError, match="threshold_rule='f3' is unknown"):
        tagger.estimate_plausible_tags(PICTURES, threshold_rule="f3")
    with pytest.raises(ValueError, match="threshold_rule='f1': .*fit_thresholds"):
        Illustration2Vec.from_released(**files).estimate_plausible_tags(PICTURES, threshold_rule="f1")


def test_thresholds_made_and_saved(tagger, files, tmp_path):
    with pytest.raises(ValueError, match="fit_thresholds"):
        tagger.save_thresholds(tmp_path / "own.npz")
    targets = np.array([[1, 0] * 4 + [1], [0, 1] * 4 + [0]])
    tagger.fit_thresholds(PICTURES, targets)
    tagger.save_thresholds(tmp_path / "own.npz")
    again = Illustration2Vec.from_released(**files, thresholds=str(tmp_path / "own.npz"))
    assert np.array_equal(again.thresholds, tagger.thresholds)
    scores = sigmoid(tagger.logits(PICTURES).astype("f8"))
    said = scores > again.thresholds[:, 1]
    right = (scores[0] > scores[1]) == targets[0]  # where the picture that has it scores higher
    assert np.array_equal(said[:, right], targets[:, right])
    assert 0 < right.sum() < 9


def test_one_import_is_changed(files, tagger):
    tags = i2v.make_i2v_with_chainer(files["tag_model"], files["tag_list"])
    for found, expected in zip(tags.estimate_top_tags(PICTURES), tagger.estimate_top_tags(PICTURES), strict=True):
        assert_same(found, expected)
    features = i2v.make_i2v_with_caffe("net.prototxt", files["feature_model"])
    assert_allclose(features.extract_feature(PICTURES), tagger.extract_feature(PICTURES), atol=1e-5)
    with pytest.raises(ValueError, match=r"no tag network: .*illust2vec_tag_ver200\.caffemodel.* tag_list"):
        features.estimate_top_tags(PICTURES)
    with pytest.raises(ValueError, match="illust2vec_tag_ver200.caffemodel"):
        features.heatmap(PICTURES, "smile")
    with pytest.raises(ValueError, match=r"no feature network: .*\billust2vec_ver200\.caffemodel"):
        tags.extract_binary_feature(PICTURES)
    with pytest.raises(ValueError, match="feature model"):
        i2v.make_i2v_with_chainer(files["feature_model"], files["tag_list"])


def test_converted_files_give_the_same_tagger(files, tagger, tmp_path):
    written = convert_released(**files, out=tmp_path / "converted")
    both = Illustration2Vec.from_released(written["tags"], written["features"])
    one = Illustration2Vec.from_weights(written["tags"])
    for made, theirs in (
        (both.network, tagger.network),
        (both.feature_network, tagger.feature_network),
        (one.network, tagger.network),
    ):
        again, once = made.state_dict(), theirs.state_dict()
        assert again.keys() == once.keys()
        assert all(torch.equal(again[key], once[key]) for key in once)
    # where a weight lies in memory decides the last bit of a sum
    assert_allclose(both.extract_feature(PICTURES), tagger.extract_feature(PICTURES), atol=1e-5)
    for converted in (both, one):
        assert_allclose(converted.logits(PICTURES), tagger.logits(PICTURES), atol=1e-5)
    assert (one.image_size, one.stored_size) == (SIZE, SIZE)  # warped to what the network sees, nothing cut off
    for arguments, text in (
        ({"tag_model": written["features"]}, "this is a feature model; tags need illust2vec_tag_ver200"),
        ({"feature_model": written["tags"]}, "this is a tag model; feature vectors need illust2vec_ver200"),
        ({"tag_model": files["tag_model"]}, "tag_list=None: the tag model needs tag_list.json"),
        ({}, "give one or both"),
    ):
        with pytest.raises(ValueError, match=text):
            Illustration2Vec.from_released(**arguments)
    with pytest.raises(FileNotFoundError, match=r"none\.caffemodel .*exist; .* https://"):
        Illustration2Vec.from_released(tmp_path / "none.caffemodel", tag_list=files["tag_list"])


def save(folder, name, network, config, tags, **settings):
    """A finished network of a run."""
    metadata = {
        "architecture": dataclasses.asdict(Architecture.of(config, name, len(tags))),
        "trained_with": trained_with(config),
        "vocabulary": json.loads(released_vocabulary(tags).to_json()),
        "settings": {"network": name, **settings},
    }
    save_weights(folder / f"{name}-{len(list(folder.glob('*')))}" / "weights.safetensors", network, metadata)


def test_networks_of_a_run(tmp_path, monkeypatch):
    """The newest hash network and the tag network it started from; they see pictures as evaluation shows them."""
    monkeypatch.setenv("I2V_HOME", str(tmp_path))
    folder = tmp_path / "runs" / "smoke" / "networks"
    with pytest.raises(FileNotFoundError, match="train smoke --network hash"):
        Illustration2Vec.from_run("smoke")
    folder.mkdir(parents=True)
    config = load_config("smoke", width=1 / 16, image_size=32, stored_size=40, code_bits=24)
    networks = [build_network("vgg_nin", 9, load_config("smoke", width=1 / 16, seed=seed)) for seed in range(2)]
    pixels = np.random.default_rng(0).integers(0, 256, (5, 40, 40, 3), np.uint8)
    for seed, network in enumerate(networks):
        save(folder, "vgg_nin", network, config, NAMES, seed=seed, epochs=3)
    lone = Illustration2Vec.from_run("smoke")
    assert_allclose(lone.logits(pixels), predict(networks[1], pixels, np.arange(5), 32), atol=1e-4)
    with pytest.raises(ValueError, match="train demo --network hash"):
        lone.extract_feature(pixels)
    hashing = build_hash_network(config, 9, networks[0])
    save(folder, "hash", hashing, config, NAMES, start={"seed": 0, "epochs": 3})
    tagger = Illustration2Vec.from_run("smoke")
    expected = predict(networks[0], pixels, np.arange(5), 32)  # the center of what is stored
    assert_allclose(tagger.logits(pixels), expected, atol=1e-4)
    features = predict(hashing, pixels, np.arange(5), 32, output="features")
    assert_allclose(tagger.extract_feature(pixels), features, atol=1e-4)
    tagger.stored_size = 32  # control: warped to 32 pixels, things are smaller than in training
    assert np.abs(tagger.logits(pixels) - expected).max() > 0.01
    both = Illustration2Vec.from_weights(folder / "hash-2" / "weights.safetensors")
    assert_allclose(both.logits(pixels), predict(hashing, pixels, np.arange(5), 32), atol=1e-4)
    assert both.extract_binary_feature(pixels).shape == (5, 3)


def test_a_tagger_leaves_its_networks_untouched():
    config = load_config("smoke", width=1 / 32, image_size=32, code_bits=16)
    network = build_hash_network(config, 9).train()
    kinds = [type(module) for module in network.modules()]
    tagger = Illustration2Vec(network, network, released_vocabulary(NAMES), image_size=32)
    tagger.logits(PICTURES)
    assert [type(module) for module in network.modules()] == kinds
    assert network.training
    assert tagger.network is tagger.feature_network  # one network, so its weights are packed once
    again = tagger.with_network(tagger.network, tagger.vocabulary, None)
    assert again.network is again.feature_network is tagger.network


def test_features_may_come_from_another_file(tmp_path):
    config = load_config("smoke", width=1 / 16, code_bits=24)
    hashing = build_hash_network(config, 9)
    save(tmp_path, "vgg_nin", build_network("vgg_nin", 9, config), config, NAMES)
    save(tmp_path, "hash", hashing, config, NAMES)
    tags, features = (tmp_path / name / "weights.safetensors" for name in ("vgg_nin-0", "hash-1"))
    tagger = Illustration2Vec.from_weights(tags, features, batch_size=2)
    alone = Illustration2Vec.from_weights(features)
    assert_allclose(tagger.extract_feature(PICTURES), alone.extract_feature(PICTURES), atol=1e-5)
    assert_allclose(tagger.logits(PICTURES), Illustration2Vec.from_weights(tags).logits(PICTURES), atol=1e-5)
    with pytest.raises(ValueError, match=r"features='.*vgg_nin-0.*' *: .*hash network"):
        Illustration2Vec.from_weights(features, tags)


def test_weights_that_are_no_network(tmp_path):
    path = tmp_path / "a.safetensors"
    save_weights(path, torch.nn.Linear(2, 2), {"settings": {}})
    with pytest.raises(ValueError, match=rf"{path.name}.* describe"):
        Illustration2Vec.from_weights(path)
    path.write_bytes(b"no weights")
    with pytest.raises(ValueError, match="damaged"):
        Illustration2Vec.from_weights(path)


@pytest.mark.skipif(not (DEMO / "networks").exists(), reason="the demo run is not there")
def test_the_demo_networks_score_as_in_the_run(monkeypatch):
    monkeypatch.setenv("I2V_HOME", str(DEMO.parent.parent))
    tagger = Illustration2Vec.from_run("demo")
    collection = open_collection(next(DEMO.glob("collection-*")))
    rows = collection.split("test")[:40]
    stored = np.load(next((DEMO / "arrays").glob("vgg_nin-logits-*.npy")))[:40]
    logits = tagger.logits(collection.pixels[row] for row in rows)
    assert_allclose(logits, stored, atol=1e-3)
    assert np.abs(logits[:-1] - stored[1:]).max() > 1
    top = [tags["general"][0][0] for tags in tagger.estimate_top_tags(collection.pixels[row] for row in rows)]
    carried = collection.posts.column("general").take(rows).to_pylist()
    right = np.mean([tag in tags for tag, tags in zip(top, carried, strict=True)])
    others = np.mean([tag in tags for tag, tags in zip(top, carried[20:] + carried[:20], strict=True)])
    assert right > 0.85 > others + 0.1


def test_results_do_not_depend_on_batches(tagger):
    rng = np.random.default_rng(1)
    images = [rng.integers(0, 256, (64, 64, 3), np.uint8) for _ in range(7)]
    expected = np.concatenate([tagger.logits(image) for image in images])
    for size in (1, 3, 7, 100):
        assert_allclose(list(tagger.iterate(images, "logits", batch_size=size)), expected, atol=1e-5)
    assert np.abs(np.diff(expected, axis=0)).max() > 0.01


def test_a_generator_of_any_length(tagger):
    """Pictures are taken as they are needed; an endless stream is no other than a list."""
    taken = itertools.count()

    def endless():
        for i in taken:
            yield PICTURES[i % 2]

    first = list(itertools.islice(tagger.iterate(endless(), "top_tags", batch_size=4), 21))
    for found, expected in zip(first, tagger.estimate_top_tags(PICTURES) * 11, strict=False):
        assert_same(found, expected)
    assert len(first) == 21
    assert next(taken) <= 24 + picture_batches.AHEAD * 4
    assert len(tagger.estimate_plausible_tags(image for image in PICTURES)) == 2


def test_a_bad_picture_is_named(tagger, tmp_path):
    good, cut = tmp_path / "good.png", tmp_path / "cut.png"
    Image.fromarray(PICTURES[0]).save(good)
    cut.write_bytes(good.read_bytes()[:-200])
    images = [good, str(cut), PICTURES[1], b"", tmp_path / "missing.png", good]
    expected = tagger.estimate_top_tags([PICTURES[0], PICTURES[1]])
    for size in (1, 2, 3, 6):
        tagger.batch_size = size
        with pytest.raises(BadImageError, match=r"image 1 \(.*cut\.png\)") as caught:
            tagger.estimate_top_tags(images)
        assert caught.value.reason == "truncated"
        found = tagger.estimate_top_tags(images, errors="skip")
        assert [found[i] for i in (1, 3, 4)] == [None] * 3
        for i, picture in ((0, 0), (2, 1), (5, 0)):
            assert_same(found[i], expected[picture])
        kept = list(tagger.iterate(images, "feature", errors="return"))
        assert [row.reason if isinstance(row, BadImageError) else row.shape for row in kept] == [
            (BITS,), "truncated", (BITS,), "empty", "unreadable", (BITS,)
        ]  # fmt: skip
    with pytest.raises(BadImageError, match="empty: image 3: "):
        tagger.extract_feature([good, good, good, b""])
    with pytest.raises(ValueError, match="errors='ignore' is unknown"):
        tagger.estimate_top_tags(images, errors="ignore")


def test_mistakes_of_the_caller(tagger):
    with pytest.raises(TypeError, match=r"images\[1\] .*Tensor; .*paths"):
        tagger.estimate_top_tags([PICTURES[0], torch.zeros(3, 8, 8)], errors="skip")
    with pytest.raises(TypeError, match=r"images\[0\] .*float64; .*uint8"):
        tagger.estimate_top_tags([PICTURES[0] / 255], errors="skip")
    with pytest.raises(TypeError, match="images: a int"):
        tagger.estimate_top_tags(3)
    with pytest.raises(ValueError, match="output='tags' is unknown"):
        tagger.iterate([], "tags")
    with pytest.raises(TypeError, match="n_tag"):
        tagger.iterate([], "plausible_tags", n_tag=3)
    with pytest.raises(ValueError, match="batch_size=0"):
        tagger.iterate([], batch_size=0)
    with pytest.raises(ValueError, match="vocabulary: 9 .* 8 outputs"):
        Illustration2Vec(build_network("vgg_nin", 8, load_config("smoke")), None, tagger.vocabulary, image_size=32)
    with pytest.raises(ValueError, match="precision='bfloat16' on cpu"):
        small_tagger(device="cpu", precision="bfloat16")


def test_heat_of_a_tag_by_name(tagger):
    """The same maps as by column, of what the network sees, one after the other or all at once."""
    shown = torch.cat(list(tagger.prepare(PICTURES)))
    for name in ("mei", "smile"):
        column = tagger.vocabulary.tags.index(name)
        expected = gradient_map(tagger.network, shown, column)
        assert_allclose(tagger.heatmap(PICTURES, name), expected, atol=1e-5)
        assert_allclose(tagger.heatmap(PICTURES[1], [name])[0, 0], expected[1], atol=1e-5)
    both = tagger.heatmap(iter(PICTURES), ["smile", "mei"])
    assert both.shape == (2, 2, *expected.shape[1:])
    assert_allclose(both[:, 0], expected, atol=1e-5)
    assert np.abs(both[:, 0] - both[:, 1]).max() > 1e-3
    assert tagger.heatmap([], ["smile", "mei"]).shape[:2] == (0, 2)
    with pytest.raises(ValueError, match="'smlie' .*vocabulary of 9; .*'smile'"):
        tagger.heatmap(PICTURES, "smlie")
    with pytest.raises(ValueError, match="method='last' .*gradient, last map"):
        tagger.heatmap(PICTURES, "smile", "last")


def test_the_last_map_is_taken_of_larger_pictures_of_the_same_place(tagger):
    """At 32 pixels it would be one cell; shown eight times larger, the center cut out as before, it has 8 × 8."""
    tagger.stored_size = tagger.image_size + 8
    factor = 256 // tagger.image_size
    assert heatmaps.finer(tagger.image_size) == factor > 1 == heatmaps.finer(224)
    found = tagger.heatmap(PICTURES, "smile", "last map")
    large = torch.cat(list(tagger.prepare(PICTURES, factor)))
    assert large.shape[2:] == (256, 256)
    seen = torch.nn.functional.avg_pool2d(large.float(), factor)
    shown = torch.cat(list(tagger.prepare(PICTURES))).float()
    assert (seen - shown).abs().mean() < 0.2 * (seen - shown.flip(3)).abs().mean()  # the same part of the picture
    assert_allclose(found, last_map(tagger.network, large, 0), atol=1e-5)
    assert found.shape == (2, 8, 8)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
def test_a_gpu_gives_the_same():
    cpu, gpu = small_tagger(device="cpu"), small_tagger(device="cuda")
    assert_allclose(gpu.logits(PICTURES), cpu.logits(PICTURES), atol=1e-3)
    half = small_tagger(device="cuda", precision="bfloat16").logits(PICTURES)
    assert 0 < np.abs(half - cpu.logits(PICTURES)).max() < 0.1
