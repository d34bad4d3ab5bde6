"""The second half of a run: the safe dataset, its codes, neighbors and graph, built once and reused."""

import re
from pathlib import Path

import numpy as np
import pytest

from i2v_lib import config
from i2v_lib.config import load_config
from i2v_lib.run import METRICS, Run, network_run, search_run
from i2v_lib.search import resumable
from i2v_lib.search.hashing import binarize, hamming_distance
from i2v_lib.search.neighbors import nearest_neighbors, nearest_vectors

TINY = {"pictures": 160, "minimum_positives": 6, "epochs": 1, "surrogate_images": 32, "surrogate_classes": 4}
BITS = 64


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run with all features built."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("I2V_HOME", str(tmp_path_factory.mktemp("home")))
        built = Run(load_config("smoke", **TINY, code_bits=BITS))
        for metric in METRICS:
            built.neighbors(metric, 3)
        yield built


def test_safe_dataset_is_safe_and_of_the_test_split(run):
    posts, rows = run.collection().posts.to_pylist(), run.safe_dataset()
    expected = [i for i, post in enumerate(posts) if (post["split"], post["rating"]) == ("test", "safe")]
    assert rows.tolist() == expected
    assert 0 < len(rows) < len(run.collection().split("test"))


def test_codes_are_the_signs_of_the_hash_layer(run):
    features, codes = run.features("features"), run.codes()
    assert features.shape == (len(run.safe_dataset()), BITS)
    assert features.dtype == np.float32
    assert np.array_equal(codes, binarize(features))
    assert (np.unpackbits(codes[0]) == (features[0] > 0)).all()


def test_tags_read_from_the_same_layer(run):
    """Logits of the test split are the last layer's answer to the sigmoid of the features."""
    last = run.network("hash").tags
    weight, bias = last.weight.detach().numpy(), last.bias.detach().numpy()
    of_safe = np.isin(run.collection().split("test"), run.safe_dataset())
    expected = 1 / (1 + np.exp(-run.features("features"))) @ weight.T + bias
    np.testing.assert_allclose(run.logits("hash")[of_safe], expected, rtol=1e-3, atol=1e-4)


def test_neighbors_of_codes_are_by_hamming_distance_and_of_features_by_euclidean(run):
    indices, distances = run.neighbors("codes", 3)
    matrix = hamming_distance(run.codes(), run.codes())
    assert (distances == np.take_along_axis(matrix, indices, axis=1)).all()
    assert distances.dtype == np.int32
    vectors = run.features("vgg_nin").astype(float)
    found, lengths = run.neighbors("vgg_nin", 3)
    np.testing.assert_allclose(lengths[5], np.linalg.norm(vectors[found[5]] - vectors[5], axis=1), rtol=1e-5)


def test_one_search_answers_every_k(run, monkeypatch):
    """Of codes and of real features: the first of more neighbors are those of a search of their own."""
    calls = []
    for name in ("nearest_neighbors", "nearest_vectors"):
        real = getattr(search_run, name)
        spy = lambda vectors, k, real=real, **more: calls.append(k) or real(vectors, k, **more)  # noqa: E731
        monkeypatch.setattr(search_run, name, spy)
    again = Run(run.config)
    for metric, search in (("codes", nearest_neighbors), ("vgg_nin", nearest_vectors)):
        calls.clear()
        vectors = again.codes() if metric == "codes" else again.features(metric)
        for k in (5, 1, 20):
            for found, alone in zip(again.neighbors(metric, k), search(vectors, k), strict=True):
                np.testing.assert_array_equal(found, alone)
        again.transitions().graph(metric, 7)
        assert calls == [20]
        assert again.neighbors(metric, 25)[0].shape[1] == 25
        assert again.neighbors(metric, 22)[0].shape[1] == 22
        assert calls == [20, 25]


def test_a_search_is_given_the_device_and_a_folder_to_go_on_from(run, monkeypatch):
    given = {}
    real = search_run.nearest_neighbors
    spy = lambda codes, k, **more: given.update(more) or real(codes, k)  # noqa: E731
    monkeypatch.setattr(search_run, "nearest_neighbors", spy)
    monkeypatch.setattr(search_run, "default_device", lambda: "cuda:1")
    Run(run.config).neighbors("codes", 3)
    assert given == {"device": "cuda:1", "folder": run.folder / "searches"}


def test_an_interrupted_search_of_a_run_goes_on(run, monkeypatch):
    """What was found before Ctrl-C is kept in the run's folder; the next search ends the same and removes it."""
    expected, kept = run.neighbors("codes", 3), run.folder / "searches"
    monkeypatch.setattr(resumable, "INTERVAL", 0)
    monkeypatch.setattr(resumable, "BATCH", 1)
    save = resumable._save

    def save_and_stop(*arguments):
        save(*arguments)
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(resumable, "_save", save_and_stop)
        with pytest.raises(KeyboardInterrupt):
            Run(run.config).neighbors("codes", 3)
    assert list(kept.glob("neighbors-*.npz"))
    for found, wanted in zip(Run(run.config).neighbors("codes", 3), expected, strict=True):
        np.testing.assert_array_equal(found, wanted)
    assert not list(kept.iterdir())


def test_random_codes_are_half_apart(run):
    codes = run.codes("random")
    assert codes.shape == run.codes().shape
    distances = hamming_distance(codes, codes)[np.triu_indices(len(codes), 1)]
    assert distances.mean() == pytest.approx(BITS / 2, rel=0.05)


def test_graph_joins_each_illustration_to_its_nearest(run):
    graph, (indices, _) = run.graph(), run.neighbors("codes", run.config.neighbors)
    assert len(graph) == len(run.safe_dataset())
    for node in range(len(graph)):
        assert set(indices[node]) <= set(graph.ends[graph.row(node)])


def test_a_second_run_builds_nothing(run, monkeypatch):
    for name in ("fit", "draw_collection", "predict"):
        monkeypatch.setattr(network_run, name, lambda *_, **__: pytest.fail("built again"))
    again = Run(run.config)
    assert np.array_equal(again.codes(), run.codes())
    assert np.array_equal(again.features("vgg_a"), run.features("vgg_a"))


def test_another_hash_layer_trains_only_itself(run, monkeypatch):
    trained = []
    fit = network_run.fit
    spy = lambda network, *rest, **more: trained.append(network) or fit(network, *rest, **more)  # noqa: E731
    monkeypatch.setattr(network_run, "fit", spy)
    other = Run(load_config("smoke", **TINY, code_bits=BITS, hash_layer="tags"))
    assert not np.array_equal(other.codes(), run.codes())
    assert [network.placement for network in trained] == ["tags"]
    assert np.array_equal(other.features("vgg_nin"), run.features("vgg_nin"))


def test_a_transition_tells_ids_and_tags_of_each_step(run):
    posts = run.collection().posts.take(run.safe_dataset()).to_pylist()
    there, back = run.morph(0, 5), run.morph(posts[5]["id"], posts[0]["id"])
    assert there.path.tolist() == back.path.tolist()[::-1]
    assert there.status == "found"
    assert len(there.steps) == len(there.distances) == len(there.path) - 1
    for step, a, b in zip(there.steps, there.path[:-1], there.path[1:], strict=True):
        before, after = ({*posts[n]["general"], *posts[n]["copyright"], *posts[n]["character"]} for n in (a, b))
        assert (step["from"], step["to"]) == (posts[a]["id"], posts[b]["id"])
        assert set(step["kept"]) == before & after
        assert set(step["gained"]) == after - before
        assert set(step["lost"]) == before - after
    with pytest.raises(ValueError, match="'nobody'; try"):
        run.morph("nobody", 0)


def test_the_readmes_lines_run(run, monkeypatch, capsys):
    readme = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")
    lines = re.search(r"## Searching and morphing\n.*?```python\n(.+?)```", readme, re.DOTALL).group(1)
    monkeypatch.setattr(config, "load_config", {"demo": run.config}.get)
    exec(compile(lines, "README.md", "exec"), {})
    printed = capsys.readouterr().out.splitlines()
    assert len(printed) in (1, 6)  # five steps, if there is such a path
    assert printed[0].startswith(("found: 0 → ", "no path"))


def test_wrong_names_are_told(run):
    with pytest.raises(ValueError, match="metric 'codes' .*features.*pretrained"):
        run.features("codes")
    with pytest.raises(ValueError, match="metric 'vgg_a' .*codes"):
        run.codes("vgg_a")
