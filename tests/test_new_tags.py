"""New tags: what is learned, what must not change, and what a user can get wrong."""

import dataclasses
import json
import re

import numpy as np
import onnxruntime
import pytest
import torch
from numpy.testing import assert_allclose
from PIL import Image
from test_tagger import small_tagger

from i2v_lib.__main__ import main
from i2v_lib.config import load_config
from i2v_lib.data.collection import open_collection
from i2v_lib.data.tag_examples import (
    HAS,
    HAS_NOT,
    UNKNOWN,
    Pictures,
    TagExamples,
    examples_of_collection,
    examples_of_folders,
    find_examples,
)
from i2v_lib.data.vocabulary import Vocabulary
from i2v_lib.drawn import draw_collection
from i2v_lib.evaluation import new_tags as measuring
from i2v_lib.evaluation.metrics import average_precision
from i2v_lib.models.architecture import Architecture
from i2v_lib.models.checkpoints import save_weights
from i2v_lib.models.hash_network import PLACEMENTS, build_hash_network
from i2v_lib.models.networks import build_network
from i2v_lib.models.released.onnx import export_onnx
from i2v_lib.models.tagger import Illustration2Vec
from i2v_lib.models.tagging.choose_weights import file_tagger
from i2v_lib.models.tagging.last_layer import last_inputs, last_outputs, with_outputs
from i2v_lib.models.tagging.new_tags import CHECKED, STRENGTH, add_tags, fit_output

SIZE, OLD = (
    32,
    Vocabulary(("hat", "smile", "stars", "rin", "safe"), ("general",) * 2 + ("copyright", "character", "rating"), {}),
)
CONFIG = load_config("smoke", width=1 / 16, image_size=SIZE, stored_size=40, code_bits=24)
NETWORKS = ("vgg_nin", "vgg_a", "vgg_nin_bn", "four convolutions", "hash")


def network_of(name):
    """A network with random weights, not at its initial point: its biases are no zeros."""
    config = dataclasses.replace(CONFIG, head_convolutions=4 if name.startswith("four") else 3)
    kind = "vgg_nin" if name.startswith("four") else name
    network = build_hash_network(config, len(OLD)) if name == "hash" else build_network(kind, len(OLD), config)
    with torch.no_grad():
        for i, parameter in enumerate(network.parameters()):
            if parameter.ndim == 1:
                parameter += 0.1 * torch.randn(parameter.shape, generator=torch.Generator().manual_seed(i))
    return network.eval()


def tagger_of(name="vgg_nin", folder=None, **options):
    """A tagger read from a file, as users have it."""
    kind = "vgg_nin" if name.startswith("four") else name
    config = dataclasses.replace(CONFIG, head_convolutions=4 if name.startswith("four") else 3)
    architecture = dataclasses.asdict(Architecture.of(config, kind, len(OLD)))
    metadata = {"architecture": architecture, "vocabulary": json.loads(OLD.to_json())}
    save_weights(folder / "old.safetensors", network_of(name), metadata)
    return Illustration2Vec.from_weights(folder / "old.safetensors", **options)


def drawing(generator, marked):
    """Noise; with the tag, a red square somewhere."""
    picture = generator.integers(60, 200, (40, 40, 3), np.uint8)
    if marked:
        x, y = generator.integers(8, 20, 2)
        picture[y : y + 12, x : x + 12] = (250, 10, 10)
    return picture


@pytest.fixture(scope="module")
def examples():
    """Sixty pictures, a third with one tag, another third with another; of some the second is not known."""
    generator, targets = np.random.default_rng(0), np.full((60, 2), HAS_NOT, np.int8)
    targets[:20, 0], targets[20:40, 1] = HAS, HAS
    targets[:10, 1] = UNKNOWN
    pictures = [drawing(generator, has == HAS) for has in targets[:, 0]]
    for picture in pictures[20:40]:
        picture[:, :8] = (0, 0, 255)
    return TagExamples(("red square", "new rin"), ("general", "character"), pictures, targets)


# --- the last layer


@pytest.mark.parametrize("name", NETWORKS)
def test_logits_are_linear_in_what_the_last_layer_reads(name):
    network = network_of(name)
    images = torch.randint(0, 256, (4, 3, SIZE, SIZE), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    if name.startswith("vgg_nin"):
        images = torch.nn.functional.interpolate(images.float(), (96, 64))  # a map of 3 × 2: edges have no neighbors
    with torch.inference_mode():
        inputs, logits = last_inputs(network, images), network(images)
    assert_allclose(last_outputs(network, inputs.numpy()), logits, atol=1e-4)
    assert np.abs(last_outputs(network, inputs.numpy()[::-1]) - logits.numpy()).max() > 1e-3


@pytest.mark.parametrize("name", NETWORKS)
def test_a_longer_layer_keeps_the_old_rows_and_shares_the_rest(name):
    network, generator = network_of(name), torch.Generator().manual_seed(0)
    before = {key: tensor.clone() for key, tensor in network.state_dict().items()}
    weights = torch.randn((2, network.tags.weight[0].numel()), generator=generator)
    old, new = [0, 1, 3, 4, 6], [2, 5]
    grown = with_outputs(network, weights, torch.tensor([0.5, -0.5]), old, new)
    after = network.state_dict()
    assert all(torch.equal(after[key], before[key]) for key in before)
    assert torch.equal(grown.tags.weight[old], network.tags.weight)
    assert torch.equal(grown.tags.bias[old], network.tags.bias)
    assert torch.equal(grown.tags.weight[new].flatten(1), weights)
    assert grown.state_dict()["tags.bias"].tolist()[5] == -0.5
    same = {key: t.data_ptr() for key, t in network.state_dict().items() if not key.startswith("tags.")}
    assert same == {key: t.data_ptr() for key, t in grown.state_dict().items() if not key.startswith("tags.")}


def test_a_hash_layer_that_reads_the_tags_cannot_do_with_more_of_them(examples, tmp_path):
    for placement in PLACEMENTS:
        network = build_hash_network(dataclasses.replace(CONFIG, hash_layer=placement), len(OLD)).eval()
        tagger = Illustration2Vec(network, network, OLD, image_size=SIZE)
        if placement == "tags":
            with pytest.raises(ValueError, match="hash layer.*old tags"):
                add_tags(tagger, examples, progress=False)
        else:
            learned = add_tags(tagger, examples, progress=False)
            pictures = examples.pictures[:4]
            assert np.array_equal(
                learned.tagger.extract_binary_feature(pictures), tagger.extract_binary_feature(pictures)
            )


# --- learning


def test_an_output_is_the_best_one_there_is():
    """Against the definition: there the gradient of the loss and that of the penalty cancel, and both are not zero."""
    generator = np.random.default_rng(0)
    inputs = generator.normal(3, 2, (40, 2, 30)).astype(np.float32)
    has = generator.random(40) < 0.3
    inputs[has] += 0.7
    weights, bias = fit_output(inputs, has)
    x, y = inputs.reshape(80, 30).astype(float), np.repeat(has, 2)
    scale = np.sqrt(((x - x.mean(0)) ** 2).sum(1).mean())
    wrong = 1 / (1 + np.exp(-(x @ weights + bias))) - y
    gradient = (x - x.mean(0)).T @ wrong / scale
    assert_allclose(gradient, -weights * scale / (STRENGTH / 2), atol=2e-2)
    assert abs(wrong.sum()) < 2e-2
    assert np.abs(gradient).max() > 0.3


@pytest.mark.parametrize("name", ["vgg_nin", "vgg_a", "hash"])
def test_new_tags_are_learned_and_old_ones_stay(name, examples, tmp_path):
    """On pictures that were not given; from shuffled labels nothing is learned. Saved, exported, read again."""
    tagger = tagger_of(name, tmp_path)
    learned = add_tags(tagger, examples, progress=False)
    new = learned.tagger
    assert new.vocabulary.tags == ("hat", "smile", "red square", "stars", "rin", "new rin", "safe")
    assert learned.columns == [0, 1, 3, 4, 6]
    assert len(tagger.vocabulary) == 5
    generator = np.random.default_rng(1)
    fresh, truth = [drawing(generator, i % 2) for i in range(40)], np.arange(40) % 2
    found = new.logits(fresh)
    assert average_precision(truth[:, None], found[:, 2:3])[0] > 0.8
    assert np.abs(found[:, learned.columns] - tagger.logits(fresh)).max() <= learned.old_change + 1e-5 < 1e-4
    shuffled = dataclasses.replace(examples, targets=generator.permutation(examples.targets))
    control = add_tags(tagger, shuffled, progress=False).tagger.logits(fresh)
    assert average_precision(truth[:, None], control[:, 2:3])[0] < 0.8
    new.save(tmp_path / "new.safetensors")
    again = Illustration2Vec.from_weights(tmp_path / "new.safetensors")
    assert again.vocabulary == new.vocabulary
    assert np.array_equal(again.logits(fresh[:5]), new.logits(fresh[:5]))
    assert (again.image_size, again.stored_size) == (tagger.image_size, tagger.stored_size)
    new.metadata["released"] = {}  # as if it had been the authors'
    new.save(tmp_path / "grown.safetensors")
    _, called, meaning, *_ = file_tagger(tmp_path / "grown.safetensors")
    assert called == "weights of grown.safetensors"
    assert re.search(r"grown\.safetensors .*\b2 tags .*add-tags", meaning)
    export_onnx(again.network, tmp_path / "new.onnx", image_size=SIZE, vocabulary=again.vocabulary)
    session = onnxruntime.InferenceSession(tmp_path / "new.onnx", providers=["CPUExecutionProvider"])
    images = torch.cat(list(again.prepare(fresh[:5]))).float().numpy()
    assert_allclose(session.run(["logits"], {"images": images})[0], found[:5], atol=1e-4)


def test_the_same_seed_learns_the_same(examples, tmp_path):
    tagger = tagger_of(folder=tmp_path)
    first, second, other = (add_tags(tagger, examples, seed=seed, progress=False) for seed in (0, 0, 1))
    for name in ("before", "after"):
        assert np.array_equal(getattr(first, name), getattr(second, name), equal_nan=True)
    assert torch.equal(first.tagger.network.tags.weight, second.tagger.network.tags.weight)
    assert torch.equal(first.tagger.network.tags.weight, other.tagger.network.tags.weight)  # the seed is of the folds
    assert not np.array_equal(first.after, other.after, equal_nan=True)


def test_scores_come_from_outputs_that_never_saw_the_picture(examples, tmp_path):
    """Labels that mean nothing: on the pictures learned from they are known by heart, held out they are chance."""
    generator = np.random.default_rng(2)
    targets = generator.permutation(examples.targets[:, :1])
    noise = [generator.integers(0, 256, (40, 40, 3), np.uint8) for _ in range(60)]
    guessed = TagExamples(("nothing",), ("general",), noise, targets)
    tagger = tagger_of(folder=tmp_path)
    learned = add_tags(tagger, guessed, progress=False)
    by_heart = average_precision(targets, learned.tagger.logits(noise)[:, 2:3])[0]
    (score,) = measuring.score_new_tags(learned, OLD, resamples=50)
    assert score.after.value + 0.2 < by_heart
    assert score.after.value < 0.6
    assert (score.pictures, score.without, score.chance) == (20, 40, pytest.approx(1 / 3))
    assert score.after.interval[0] <= score.after.value <= score.after.interval[1]
    every = average_precision(np.repeat(targets, 5, 1), tagger.logits(noise))
    assert (score.before.value, score.stand_in) == (pytest.approx(every.max(), abs=0.02), OLD.tags[every.argmax()])


def test_what_is_not_known_teaches_nothing(examples, tmp_path):
    """A new tag is the same whether unknown pictures are there or not, and another if they are called without it."""
    tagger, only = tagger_of(folder=tmp_path), dict(progress=False)
    known = examples.targets[:, 1] != UNKNOWN
    second = TagExamples(("new rin",), ("character",), examples.pictures, examples.targets[:, 1:])
    fewer = dataclasses.replace(
        second, pictures=[p for p, k in zip(examples.pictures, known, strict=True) if k], targets=second.targets[known]
    )
    called = dataclasses.replace(second, targets=np.maximum(second.targets, HAS_NOT))
    row, same, other = (
        add_tags(tagger, each, **only).tagger.network.tags.weight[4] for each in (second, fewer, called)
    )
    assert_allclose(same.detach(), row.detach(), atol=1e-6)
    assert (other - row).abs().max() > 1e-4


def test_a_near_duplicate_is_not_taken_as_without_the_tag(examples, tmp_path):
    """The general collection holds a picture that was gathered for the tag; and folds keep the two together."""
    pictures = [*examples.pictures, examples.pictures[0], np.clip(examples.pictures[1], 0, 249)]
    targets = np.concatenate([examples.targets, np.full((2, 2), HAS_NOT, np.int8)])
    learned = add_tags(
        tagger_of(folder=tmp_path), dataclasses.replace(examples, pictures=pictures, targets=targets), progress=False
    )
    assert learned.examples.targets[60:, 0].tolist() == [UNKNOWN, UNKNOWN]
    assert learned.examples.targets[60:, 1].tolist() == [HAS_NOT, HAS_NOT]
    assert np.isnan(learned.after[60:, 0]).all()
    assert np.isfinite(learned.after[:60, 0]).all()


def test_thresholds_grow_with_the_tags(examples, tmp_path):
    old = np.linspace(0.1, 0.9, 15).reshape(5, 3)
    tagger = tagger_of(folder=tmp_path, thresholds=old)
    learned = add_tags(tagger, examples, progress=False)
    assert np.array_equal(learned.tagger.thresholds[learned.columns], old)
    added = learned.tagger.thresholds[[2, 5]]
    assert ((added > 0) & (added < 1)).all()
    said = 1 / (1 + np.exp(-learned.after[:, 0].astype(float))) > added[0, 1]
    assert (said == (examples.targets[:, 0] == HAS)).mean() > 0.8
    assert add_tags(tagger_of(folder=tmp_path), examples, progress=False).tagger.thresholds is None


def test_mistakes_are_named_before_any_work(examples, tmp_path):
    tagger = tagger_of(folder=tmp_path)
    few = dataclasses.replace(examples, targets=np.where(np.arange(60)[:, None] < 17, HAS_NOT, examples.targets))
    cases = [
        (dataclasses.replace(examples, tags=("hat", "new rin")), "tag 'hat' is in the vocabulary already"),
        (dataclasses.replace(examples, tags=("new rin", "new rin"), categories=("general",) * 2), "twice"),
        (dataclasses.replace(examples, categories=("rating", "general")), "category='rating' of tag 'red square'"),
        (few, "tag 'red square': 3 usable pictures with it, near-duplicates counted once; give at least 5"),
        (dataclasses.replace(examples, targets=np.ones((60, 2), np.int8)), "0 usable pictures without it"),
    ]
    for wrong, message in cases:
        with pytest.raises(ValueError, match=message):
            add_tags(tagger, wrong, progress=False)
    with pytest.raises(ValueError, match=r"targets: shape \(60, 2\); pass \(59, 2\)"):
        dataclasses.replace(examples, pictures=examples.pictures[1:])
    with pytest.raises(ValueError, match="metadata=None"):
        small_tagger().save(tmp_path / "x.safetensors")
    same = dataclasses.replace(examples, pictures=[examples.pictures[0]] * 20 + list(examples.pictures[20:]))
    with pytest.raises(ValueError, match=r"\b1 usable"):
        add_tags(tagger, same, progress=False)


def test_pictures_none_of_which_can_be_read_are_an_error_that_names_the_first(examples, tmp_path):
    broken = [tmp_path / f"{i}.png" for i in range(len(examples.pictures))]
    for path in broken:
        path.write_bytes(b"no picture")
    with pytest.raises(ValueError, match=rf"\b{len(broken)} pictures.*0\.png"):
        add_tags(tagger_of(folder=tmp_path), dataclasses.replace(examples, pictures=broken), progress=False)


def test_unreadable_pictures_are_left_out_and_named(examples, tmp_path):
    (tmp_path / "cut.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    pictures = [*examples.pictures[:5], tmp_path / "cut.png", *examples.pictures[6:]]
    learned = add_tags(tagger_of(folder=tmp_path), dataclasses.replace(examples, pictures=pictures), progress=False)
    assert ["cut.png" in str(error) for error in learned.unreadable] == [True]
    assert len(learned.examples.pictures) == len(learned.after) == 59
    assert CHECKED > 59


# --- where examples come from


@pytest.fixture(scope="module")
def collection(tmp_path_factory):
    folder = tmp_path_factory.mktemp("drawn") / "set"
    return draw_collection(load_config("smoke", pictures=90), folder, processes=1, progress=False)


def test_examples_of_a_collection(collection):
    general = collection.column("general")
    rows = collection.split("train")
    found = examples_of_collection(collection, ["smile", "general:solo"], most=7, without=20, seed=3, rows=rows)
    shown = [next(i for i in rows if np.array_equal(collection.pixels[i], picture)) for picture in found.pictures]
    assert (found.tags, found.categories) == (("smile", "solo"), ("general", "general"))
    assert (found.targets == HAS).sum(0).tolist() == [7, 7]
    for row, known in zip(shown, found.targets, strict=True):
        for tag, value in zip(found.tags, known, strict=True):
            assert (tag in general[row]) == (value != HAS_NOT)
    none = [i for i in rows if not {"smile", "solo"} & set(general[i])]
    assert ((found.targets == HAS_NOT).all(1)).sum() == min(20, len(none))
    more = examples_of_collection(collection, ["smile", "general:solo"], most=9, without=20, seed=3, rows=rows)
    few = {p.tobytes() for p, has in zip(found.pictures, found.targets[:, 0] == HAS, strict=True) if has}
    many = {p.tobytes() for p, has in zip(more.pictures, more.targets[:, 0] == HAS, strict=True) if has}
    assert few < many
    for tag in ("no such tag", "character:smile"):
        with pytest.raises(ValueError, match=rf"{tag}.*no illustration"):
            examples_of_collection(collection, [tag])


def write_pictures(folder, count, seed):
    folder.mkdir(parents=True)
    for i in range(count):
        Image.fromarray(drawing(np.random.default_rng([seed, i]), seed == 1)).save(folder / f"{i}.png")


def test_examples_of_folders(collection, tmp_path):
    write_pictures(tmp_path / "new" / "red square", 6, 1)
    write_pictures(tmp_path / "new" / "kai", 5, 2)
    (tmp_path / "new" / "kai" / "0.txt").write_text("a sidecar is no picture")
    write_pictures(tmp_path / "others", 9, 3)
    names = {"red square": tmp_path / "new" / "red square", "character:kai": tmp_path / "new" / "kai"}
    found = examples_of_folders(names, tmp_path / "others", without=7)
    assert (found.tags, found.categories) == (("red square", "kai"), ("general", "character"))
    assert found.targets.tolist() == [[HAS, UNKNOWN]] * 6 + [[UNKNOWN, HAS]] * 5 + [[HAS_NOT] * 2] * 7
    assert isinstance(found.pictures, Pictures)
    assert found.pictures[0].name == "0.png"
    smiling = sum("smile" in own for own in collection.column("general"))
    of_set = examples_of_folders({"smile": names["red square"]}, collection)
    assert (of_set.targets == HAS_NOT).sum() == len(collection) - smiling  # those who smile are not without a smile
    by_name = find_examples(tmp_path / "new", None, collection.folder, without=4)
    assert by_name.tags == ("kai", "red square")
    assert len(by_name.pictures) == 15
    for arguments, error, message in (
        ((tmp_path / "none",), FileNotFoundError, "is no folder"),
        ((tmp_path / "new",), ValueError, "others=None"),
        ((tmp_path / "new", ["kai", "mio"], tmp_path / "others"), FileNotFoundError, "lacks folder mio"),
        ((collection.folder,), ValueError, "tags=None"),
    ):
        with pytest.raises(error, match=message):
            find_examples(*arguments)


def test_the_command_teaches_saves_and_tells(collection, tmp_path, capsys):
    write_pictures(tmp_path / "new" / "red square", 12, 1)
    tagger_of(folder=tmp_path)
    out = tmp_path / "mine.safetensors"
    command = ["add-tags", str(tmp_path / "new"), "--others", str(collection.folder), "--without", "60"]
    command += ["--weights", str(tmp_path / "old.safetensors"), "--out", str(out)]
    assert main(command) == 0
    told = capsys.readouterr().out
    assert re.search(r"red square +12 +60\b", told)
    assert re.search("weights .*the same", told)
    assert Illustration2Vec.from_weights(out).vocabulary.index("red square") == 2
    assert main(command) == 2
    assert "--overwrite" in capsys.readouterr().err
    shown = tmp_path / "new" / "red square"
    assert main(["tag", str(shown / "0.png"), "--weights", str(out), "--threshold", "0.5"]) == 0
    assert "red square" in capsys.readouterr().out
    assert open_collection(collection.folder).fingerprint == collection.fingerprint
