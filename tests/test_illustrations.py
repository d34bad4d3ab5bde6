"""A folder of somebody's illustrations: each picture computed once, as the tagger alone would, and shown if safe."""

import json
import os
import shutil

import numpy as np
import pytest
from PIL import Image
from tiny_folder import draw, tiny_tagger, use_tiny_networks

from i2v_lib.config import load_config, results_folder, run_folder
from i2v_lib.data.folder import list_files, listing_digest
from i2v_lib.drawn import draw_folder
from i2v_lib.models.tagger import Illustration2Vec
from i2v_lib.run import extraction, illustrations
from i2v_lib.run.illustrations import Illustrations

FORMATS = ("png", "jpg", "webp", "gif", "bmp")


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A home of the kit with tiny networks in place of the authors', so that nothing is trained."""
    return use_tiny_networks(tmp_path / "home", monkeypatch)


@pytest.fixture
def folder(home, tmp_path):
    """Ten pictures in three folders, two copies of one, and four files that are none."""
    root = tmp_path / "mes dessins"
    for i in range(10):
        draw(root / ("", "été/b", "c")[i % 3] / f"{i}.{FORMATS[i % 5]}", i)
    shutil.copy(root / "0.png", root / "copy of 0.png")
    Image.open(root / "c" / "2.webp").resize((90, 70)).save(root / "small 2.jpg")
    (root / "empty.png").touch()
    (root / "text.jpg").write_text("no picture")
    whole = (root / "6.jpg").read_bytes()
    (root / "half.jpg").write_bytes(whole[: len(whole) // 2])
    (root / "0.txt").write_text("hat")
    (root / "gone.png").symlink_to(root / "nowhere.png")
    return root


def mine(folder, **changes):
    return Illustrations(load_config("smoke", illustrations=str(folder), **changes))


def test_numbers_are_those_of_the_tagger_alone(folder):
    before, own = listing_digest(list_files(folder)), mine(folder)
    found, tagger = own.extracted(), tiny_tagger().tagger
    paths = [folder / name for name in found.names]
    assert sorted(found.names) == found.names
    assert len(paths) == 12
    np.testing.assert_allclose(own.logits(), tagger.logits(paths), atol=1e-5)
    safe = own.safe_dataset()
    assert 2 < len(safe) < 10
    np.testing.assert_array_equal(own.codes(), tagger.extract_binary_feature(paths)[safe])
    np.testing.assert_array_equal(own.encode("codes", paths[safe[0]]), own.codes()[0])
    np.testing.assert_allclose(own.features(), tagger.extract_feature(paths)[safe], atol=1e-5)
    ratings = [tags["rating"][0][0] for tags in tagger.estimate_plausible_tags(paths)]
    assert own.collection().column("rating") == ratings
    assert [i for i, rating in enumerate(ratings) if rating == "safe"] == safe.tolist()
    assert listing_digest(list_files(folder)) == before  # nothing was written there


def test_what_is_no_picture_is_listed_and_stops_nothing(folder):
    skipped = dict(mine(folder).extracted().skipped)
    reasons = {"empty.png": "empty", "text.jpg": "not_an_image", "half.jpg": "truncated", "gone.png": "unreadable"}
    assert skipped == reasons


def test_only_what_is_new_is_computed(folder, monkeypatch):
    seen, compute = [], Illustration2Vec.logits

    def count(self, pictures):
        seen.append(len(pictures))
        return compute(self, pictures)

    monkeypatch.setattr(Illustration2Vec, "logits", count)

    def computed():
        seen.clear()
        found = mine(folder).extracted()
        assert sum(seen) == found.computed
        return found.computed

    assert computed() == 11  # one is a copy, byte for byte
    assert computed() == 0
    for i in range(10):
        draw(folder / "new" / f"{i}.png", 100 + i)
    assert computed() == 10
    shutil.move(folder / "new", folder / "moved")
    os.utime(folder / "0.png")
    assert computed() == 0
    draw(folder / "0.png", 7)  # another picture under an old name; "copy of 0.png" keeps the old one's numbers
    assert computed() == 1
    (folder / "moved" / "3.png").unlink()
    found = mine(folder).extracted()
    assert (found.computed, len(found.names)) == (0, 21)
    expected = tiny_tagger().tagger.logits([folder / name for name in found.names])
    np.testing.assert_allclose(found.array("logits"), expected, atol=1e-5)


def test_a_chunk_that_is_gone_takes_its_copies_along(folder):
    """A copy refers to what was computed elsewhere: it is computed again, even if the first file is gone."""
    expected = mine(folder).logits()
    again = mine(folder)
    for path in next(again.folder.glob("extracted-*")).glob("*.npz"):
        with np.load(path) as file:
            entries = json.loads(file["entries"].tobytes())
        copies = [entry for entry in entries if entry["row"] is None and not entry["reason"]]
        path.unlink()  # the chunk of all pictures; one of the copies alone is left
        np.savez(path, entries=np.frombuffer(json.dumps(copies).encode(), np.uint8))
    found = again.extracted()
    assert found.computed == 11
    np.testing.assert_allclose(found.array("logits"), expected, atol=1e-5)


def test_a_kill_loses_at_most_a_batch(folder, monkeypatch):
    whole = mine(folder).logits()
    shutil.rmtree(mine(folder).folder)
    compute, calls = Illustration2Vec.extract_feature, []

    def die(self, pictures):
        calls.append(len(pictures))
        if len(calls) == 3:
            raise KeyboardInterrupt
        return compute(self, pictures)

    monkeypatch.setattr(Illustration2Vec, "extract_feature", die)
    with pytest.raises(KeyboardInterrupt):
        mine(folder).extracted()
    store = next(mine(folder).folder.glob("extracted-*"))
    (store / "torn.npz").write_bytes(b"PK")  # as a failing disk leaves it
    (store / ".torn.unfinished").write_bytes(b"PK")
    again = mine(folder)
    assert again.extracted().computed == 11 - sum(calls[:2])
    np.testing.assert_allclose(again.logits(), whole, atol=1e-5)


def test_other_weights_are_computed_anew(folder, monkeypatch):
    first = mine(folder)
    assert first.extracted().computed == 11
    monkeypatch.setattr(illustrations, "released_tagger", lambda: tiny_tagger(alpha="drop"))
    second = mine(folder)
    assert second.extracted().computed == 11
    assert second.fingerprint() != first.fingerprint()
    weight = second.weights().tagger.network.tags.weight.data
    before = extraction.tagger_digest(second.weights().tagger)
    weight[0, 0, 0, 0] += 1e-3
    assert extraction.tagger_digest(second.weights().tagger) != before


def test_artifacts_are_built_once(folder, monkeypatch):
    first = mine(folder)
    near, layout = first.neighbors("codes", 5), first.layout()
    monkeypatch.setattr(illustrations, "tsne_map", None)
    monkeypatch.setattr("i2v_lib.run.search_run.nearest_neighbors", None)
    again = mine(folder)
    for found, before in zip(again.neighbors("codes", 5), near, strict=True):
        np.testing.assert_array_equal(found, before)
    np.testing.assert_array_equal(again.layout(), layout)
    draw(folder / "new.png", 99)
    with pytest.raises(TypeError):  # another folder now, so they would be built
        mine(folder).layout()


def test_near_duplicates_share_a_group(folder):
    collection = mine(folder).collection()
    groups = dict(zip(collection.column("id"), collection.column("group"), strict=True))
    assert groups["0.png"] == groups["copy of 0.png"] == "0.png"
    assert groups["c/2.webp"] == groups["small 2.jpg"] == "c/2.webp"
    assert len(set(groups.values())) == 10


def test_a_folder_without_pictures_says_so(home, tmp_path):
    with pytest.raises(FileNotFoundError, match="no folder"):
        mine(tmp_path / "missing")
    (tmp_path / "none").mkdir()
    with pytest.raises(ValueError, match="none .*empty"):
        mine(tmp_path / "none").extracted()
    (tmp_path / "none" / "a.png").touch()
    with pytest.raises(ValueError, match="1 empty"):
        mine(tmp_path / "none").extracted()


def test_paths_start_at_home_and_results_lie_apart(home, tmp_path, monkeypatch):
    (home / "art").mkdir()
    draw(home / "art" / "1.png", 1)
    draw(tmp_path / "other" / "art" / "2.png", 2)
    monkeypatch.chdir("/")
    first, second = mine("art"), mine(tmp_path / "other" / "art")
    assert first.source() == home / "art"
    assert first.extracted().names == ["1.png"]
    plain = load_config("smoke")
    assert results_folder(plain) == run_folder(plain) == home / "runs" / "smoke"
    assert results_folder(first.config) == first.folder == first.figures.parent
    assert first.folder.parent == second.folder.parent == home / "runs" / "smoke" / "illustrations"
    assert first.folder.name[:4] == second.folder.name[:4] == "art-"
    assert first.folder != second.folder
    assert first.run.config.illustrations is None  # no path of somebody's in weights that are trained


def test_what_the_kit_wrote_is_not_taken_for_illustrations(home):
    draw(home / "mine.png", 1)
    draw(home / "runs" / "demo" / "figures" / "fig1.png", 2)
    assert [name for name in mine(home).files() if name.endswith(".png")] == ["mine.png"]


def test_a_drawn_folder_is_one_as_people_have_them(tmp_path):
    def square(row, side):
        return Image.fromarray(np.random.default_rng(row).integers(0, 256, (side, side, 3), np.uint8))

    first = draw_folder(tmp_path / "a", range(60), square, seed=0)
    second = draw_folder(tmp_path / "b", range(60), square, seed=0)
    contents = [{name: path.read_bytes() for name, path in list_files(out).items()} for out in (first, second)]
    assert contents[0] == contents[1]
    pictures = [name for name in contents[0] if name[-9:-4].isdigit() or name[-10:-5].isdigit()]
    assert len(pictures) == 60
    assert len({name.rpartition(".")[2] for name in pictures}) == 3
    assert len({name.rpartition("/")[0] for name in pictures}) > 3
    sizes = {Image.open(first / name).size for name in pictures}
    assert len(sizes) > 40
    assert any("copy" in name for name in contents[0])
    (first / "notes.docx").unlink()
    assert draw_folder(first, range(9), square, seed=1) == first  # what stands is left alone
    assert len(list_files(first)) == len(contents[0]) - 1
