"""The morphing explorer without a browser: every callback, every outcome, and what is drawn and saved of a path."""

import io
import json
import re

import numpy as np
import pytest
import traitlets
from PIL import Image

from i2v_lib.config import load_config
from i2v_lib.data.collection import Collection
from i2v_lib.data.images import BadImageError
from i2v_lib.explorers.morphing import ANY, CHOOSE, TOO_FEW, MorphingExplorer
from i2v_lib.explorers.of_run import explore_morphing
from i2v_lib.models.serving.picture_batches import read_picture
from i2v_lib.search.neighbors import nearest_neighbors, nearest_vectors
from i2v_lib.search.path_finder import Transitions
from i2v_lib.show.path_strip import amount, caption_transition, fig_transition, transition_rows
from tests.test_explorers import press

N, SIDE = 40, 24
MARKUP = "<img src=x onerror=alert(1)>"
GENERATOR = np.random.default_rng(0)
CODES = GENERATOR.integers(0, 256, (N, 4), np.uint8)
IMAGES = GENERATOR.integers(0, 256, (N, SIDE, SIDE, 3), np.uint8)
TAGS = [["solo", *(["long hair"] if i % 2 else ["hat", MARKUP])] for i in range(N)]


class Backing:
    """Pictures are noise; a joined picture has the code that its first bytes spell."""

    metrics = {"codes": "binary codes", "features": "real features"}

    def __init__(self, codes=CODES):
        ids, links = [f"id {i}" for i in range(len(codes))], ["https://example.org/1"] * len(codes)
        vectors = {"codes": codes, "features": np.unpackbits(codes, axis=1).astype(np.float32)}
        search = {"codes": nearest_neighbors, "features": nearest_vectors}
        self.transitions = Transitions(
            ids, TAGS[: len(codes)], links, vectors.get, lambda m, k: search[m](vectors[m], k), self.encode
        )
        self.saved = []

    def encode(self, metric, data):
        code = np.frombuffer(data[:4], np.uint8)
        return code if metric == "codes" else np.unpackbits(code).astype(np.float32)

    def pictures(self, nodes, well):
        return [IMAGES[node % N] for node in nodes.tolist()]

    def join(self, name, data):
        if len(data) < 4:
            raise BadImageError("not_an_image", name)
        return self.transitions.join(data, name)

    def save(self, rows, found, metric, k):
        self.saved.append((rows, found, metric, k))
        return f"saved {len(rows)} pictures"


@pytest.fixture
def backing():
    return Backing()


@pytest.fixture
def explorer(backing):
    return MorphingExplorer(backing.transitions, backing, 0, "id 9")


def click(gallery, index, action=""):
    press(gallery, event="click", index=index, action=action, version=gallery.version)


def test_it_shows_what_the_plain_function_finds(explorer, backing, worded):
    found = backing.transitions.find(0, 9)
    assert explorer.found.path.tolist() == found.path.tolist()
    assert explorer.strip.names == [f"id {node}" for node in found.path]
    assert explorer.strip.between == [f"{bits} bits" for bits in found.distances]
    assert explorer.strip.badges == ["start", *[""] * (len(found.path) - 2), "end"]
    assert explorer.strip.links == ["https://example.org/1"] * len(found.path)
    rows = transition_rows(backing.transitions, found)
    for caption, row in zip(explorer.strip.captions[1:], rows[1:], strict=True):
        assert caption[0] == ["strong", row["id"]]
        assert [kind for kind, _ in caption[1:]] == [kind for kind in ("gained", "lost", "kept") if row[kind]]
    for number in (f"{len(found.path)} pictures", f"{found.length} bits", f"most {found.distances.max()} bits"):
        assert number in explorer.status.text
    worded(explorer.status.text)
    assert len(explorer.strip.pictures) == len(found.path)


def test_two_clicks_choose_two_pictures(backing):
    explorer = MorphingExplorer(backing.transitions, backing)
    assert explorer.status.text == CHOOSE
    assert explorer.strip.pictures == []
    first, second = explorer.picker.nodes[[4, 7]].tolist()
    click(explorer.picker.gallery, 4)
    assert (explorer.source, explorer.target, explorer.role.value) == (first, None, "end")
    click(explorer.picker.gallery, 7)
    assert (explorer.source, explorer.target) == (first, second)
    assert explorer.found.path[[0, -1]].tolist() == [first, second]
    assert explorer.picker.gallery.badges[4] == "start"
    assert explorer.picker.gallery.marks[7] == "end"
    explorer.role.value = "via"
    click(explorer.picker.gallery, 1)
    assert explorer.picker.nodes[1] in explorer.found.path
    click(explorer.picker.gallery, 4)  # an end cannot be passed as well
    assert explorer.waypoints == explorer.picker.nodes[[1]].tolist()


def test_controls_ask_anew(explorer, backing):
    for name, value, options in (
        ("k", 12, {"k": 12}),
        ("between", 6, {"k": 12, "intermediates": 6}),
        ("metric", "features", {"k": 12, "intermediates": 6, "metric": "features"}),
        ("between", ANY, {"k": 12, "metric": "features"}),
    ):
        getattr(explorer, name).value = value
        assert explorer.found.path.tolist() == backing.transitions.find(0, 9, **options).path.tolist()
    assert "bits" not in explorer.status.text
    assert explorer.strip.between == [amount(float(d), "") for d in explorer.found.distances]
    explorer.swap.click()
    assert (explorer.source, explorer.target) == (9, 0)
    explorer.pair.click()
    assert explorer.source != explorer.target
    assert len(explorer.found.path) > 1


def test_a_step_is_replaced_kept_and_readmitted(explorer, backing):
    before = explorer.found.path.tolist()
    click(explorer.strip, 1)
    assert explorer.avoid == [before[1]]
    assert explorer.found.path.tolist() == backing.transitions.find(0, 9, avoid=explorer.avoid).path.tolist()
    assert before[1] not in explorer.found.path
    assert explorer._wished.layout.display is None
    click(explorer.strip, 1, "replace")
    assert len(explorer.avoid) == 2
    kept = explorer.found.path[1].item()
    click(explorer.strip, 1, "keep")
    assert explorer.waypoints == [kept]
    assert explorer.strip.badges[1] == "pass 1"
    assert explorer.wishes.badges == ["pass 1", "out", "out"]
    explorer.k.value = 20
    assert kept in explorer.found.path
    click(explorer.wishes, 1)  # the first that was left out
    assert (explorer.waypoints, len(explorer.avoid)) == ([kept], 1)
    click(explorer.strip, explorer.found.path.tolist().index(kept), "let go")
    assert explorer.waypoints == []
    explorer.clear.click()
    assert explorer.avoid == []
    assert explorer._wished.layout.display == "none"
    explorer.k.value = 5
    assert explorer.found.path.tolist() == before
    click(explorer.strip, 0)  # an end is replaced from the grid
    assert (explorer.role.value, explorer.avoid) == ("start", [])


def test_keeping_several_keeps_the_order_of_the_path(explorer):
    explorer.between.value = 5
    path = explorer.found.path.tolist()
    for i in (4, 1, 3):
        click(explorer.strip, i, "keep")
    assert explorer.waypoints == [path[1], path[3], path[4]]
    assert explorer.found.path.tolist() == path
    explorer.swap.click()
    assert explorer.found.path.tolist() == path[::-1]
    explorer.choose("end", path[3])
    assert path[3] not in explorer.waypoints


def test_every_outcome_has_its_words(backing, worded):
    explorer = MorphingExplorer(backing.transitions, backing, 3, 3)
    assert explorer.found.status == "same"
    worded(explorer.status.text, "same")
    assert explorer.strip.names == ["id 3", "id 3"] or explorer.strip.names == ["id 3"]
    same = explorer.status.text
    explorer.waypoints = [5]
    assert explorer.status.text == same
    far = int(np.bitwise_count(CODES ^ CODES[3]).sum(axis=1).argmax())
    explorer.waypoints, explorer.target = [], far
    explorer.between.value = 0
    assert explorer.found.status == "no_path"
    assert "exactly 0 pictures" in explorer.status.text
    worded(explorer.status.text, "none that long")
    assert explorer.strip.between == ["no path"]
    explorer.between.value = ANY
    explorer.avoid = [node for node in range(N) if node not in (3, far)]
    assert (explorer.found.status, explorer.found.component_sizes) == ("no_path", (1, 1))
    assert " 1 and 1" in explorer.status.text
    assert f"bridge: id 3 – id {far}" in explorer.status.text
    assert "No K up to 20" in explorer.status.text
    worded(explorer.status.text, "apart")
    assert explorer.status.kind == "warning"
    clusters = Backing(np.r_[CODES[:8] & 15, CODES[8:] | 240])
    apart = MorphingExplorer(clusters.transitions, clusters, 0, 20, k=3)
    joining = clusters.transitions.joining_k([0, 20], "codes")
    assert 3 < joining <= 20
    assert f"From K = {joining} on" in apart.status.text
    worded(apart.status.text, "joined by a larger K")
    apart.k.value = joining
    assert apart.found.status == "found"
    alone = Backing(CODES[:1])
    assert MorphingExplorer(alone.transitions, alone).status.text == TOO_FEW


def test_exceptions_are_said_and_pass(explorer, backing):
    before = backing.transitions.find
    backing.transitions.find = lambda *_, **__: 1 / 0
    explorer.k.value = 6
    assert (explorer.status.text, explorer.status.kind) == ("ZeroDivisionError: division by zero", "error")
    assert explorer.found is None
    backing.transitions.find = before
    explorer.k.value = 7
    assert explorer.status.kind == "plain"
    explorer.source = 10_000
    assert re.match("ValueError: .*10000", explorer.status.text)
    explorer.start = "nobody"
    assert re.match("ValueError: .*'nobody'", explorer.status.text)
    explorer.source = 1
    explorer.avoid = [1]
    assert re.match("ValueError: avoid .*1", explorer.status.text)
    explorer.picker._search = lambda text: 1 / 0
    explorer.picker.query.value = "hat"
    assert explorer.status.text == "ZeroDivisionError: division by zero"


def test_a_picture_of_ones_own_is_joined(explorer):
    explorer.role.value = "end"
    press(explorer.drop, event="picture", name="mine.png", buffers=[CODES[17].tobytes()])
    assert (explorer.target, explorer.transitions.ids[N]) == (N, "mine.png")
    assert explorer.found.path[-1] == N
    assert explorer.transitions.find(N, 17).length == 0
    press(explorer.drop, event="picture", name="no.png", buffers=[b""])
    assert explorer.status.text == "BadImageError: not_an_image: no.png"
    assert explorer.target == N
    explorer.metric.value = "features"
    assert explorer.found.path[-1] == N


def test_tags_lead_to_pictures(explorer):
    picker = explorer.picker
    assert picker.page.value == f"1–24 of {N}"
    everything = set(picker.nodes.tolist())
    picker.after.click()
    assert picker.page.value == f"25–{N} of {N}"
    assert everything | set(picker.nodes.tolist()) == set(range(N))
    assert picker.after.disabled
    picker.before.click()
    picker.query.value = "hat"
    assert picker.nodes.tolist() == list(range(0, N, 2))
    assert picker.gallery.badges[0] == "start"
    picker.query.value = "nobody"
    assert (picker.page.value, picker.gallery.pictures) == ("none fit", [])
    picker.query.value = "id 9"
    assert picker.nodes.tolist() == [9]


def test_one_search_for_several_changes(explorer, backing):
    calls, find = [], backing.transitions.find
    backing.transitions.find = lambda *ends, **more: calls.append(ends) or find(*ends, **more)
    with explorer.holding():
        explorer.source, explorer.target, explorer.avoid = 5, 6, [7]
    explorer.choose("start", "id 8")
    with pytest.raises(ValueError, match="role='middle'.*start, end or via"):
        explorer.choose("middle", 3)
    assert calls == [(5, 6), (8, 6)]


def test_a_map_can_set_the_ends_and_follows_them(explorer):
    """Through traits of the same name; of a picture that is not on the map it hears nothing."""

    class Map(traitlets.HasTraits):
        start, end = traitlets.Enum(["", "id 0", "id 4"]), traitlets.Unicode()

    shown = Map()
    for name in ("start", "end"):
        traitlets.link((explorer, name), (shown, name))
    assert (shown.start, shown.end) == ("id 0", "id 9")
    shown.start, shown.end = "id 4", "id 30"
    assert (explorer.source, explorer.target) == (4, 30)
    assert explorer.found.path[[0, -1]].tolist() == [4, 30]
    explorer.choose("start", 5)
    assert (explorer.start, shown.start, explorer.status.kind) == ("id 5", "id 4", "plain")
    explorer.avoid = [4]
    shown.start = "id 0"
    shown.start = "id 4"  # wanted after all
    assert (explorer.source, explorer.avoid, explorer.status.kind) == (4, [], "plain")
    explorer.end = ""
    assert (explorer.target, explorer.found, explorer.status.text) == (None, None, CHOOSE)


def test_saving_hands_over_what_is_shown(explorer, backing, worded):
    explorer.save.click()
    ((rows, found, metric, k),) = backing.saved
    assert (rows, found, metric, k) == (explorer.rows(), explorer.found, "codes", 5)
    assert explorer.status.text == f"saved {len(rows)} pictures"
    explorer.target = explorer.source
    explorer.avoid = [1]
    explorer.between.value = 0
    backing.saved.clear()
    explorer.target = None
    explorer.save.click()
    assert (backing.saved, explorer.found) == ([], None)
    worded(explorer.status.text)


def test_a_picture_stands_in(explorer):
    bundle, _ = explorer._repr_mimebundle_()
    assert {"application/vnd.jupyter.widget-view+json", "image/png"} <= set(bundle)
    wide = Image.open(io.BytesIO(explorer.static_png()))
    assert wide.width > 1000
    explorer.target = None
    assert Image.open(io.BytesIO(explorer.static_png())).height < 100


# the figure


def test_rows_and_the_figure_show_what_changes(backing, worded):
    found = backing.transitions.find(0, 9, intermediates=7)
    rows = transition_rows(backing.transitions, found)
    assert [row["distance"] for row in rows] == [None, *found.distances.tolist()]
    assert rows[0]["kept"] == backing.transitions.rarest_first(TAGS[0])
    for row, before, after in zip(rows[1:], found.path[:-1], found.path[1:], strict=True):
        assert set(row["gained"]) == set(TAGS[after]) - set(TAGS[before])
        assert set(row["lost"]) == set(TAGS[before]) - set(TAGS[after])
    fig = fig_transition(rows, backing.pictures(found.path, True))
    texts = [text.get_text() for text in fig.findobj(lambda artist: hasattr(artist, "get_text"))]
    assert texts.count("→") == len(rows) - 1
    for row in rows:
        assert row["id"] in texts
    tops = {round(ax.get_position().y1, 3) for ax in fig.axes}
    assert len(tops) == 2  # nine pictures: five and four
    caption = caption_transition(rows, found, "binary codes", 5, "bits", "The end.")
    assert "9 pictures" in caption
    assert "exactly 7" in caption
    worded(caption)
    assert fig_transition([], []).axes == []


def test_amounts():
    assert [amount(value, unit) for value, unit in ((1204, "bits"), (0.12345, ""), (46817.2, ""), (12.0, ""))] == [
        "1,204 bits", "0.123", "46,817", "12"
    ]  # fmt: skip


# of a run


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run whose networks are too slow to train here: codes of pixels stand for theirs."""
    from i2v_lib.run import Run

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("I2V_HOME", str(tmp_path_factory.mktemp("home")))
        built = Run(load_config("smoke", pictures=160, minimum_positives=6))
        features = lambda pixels, rows, _=None: pixels[rows].reshape(len(rows), -1)[:, :512].astype(np.float32) - 128  # noqa: E731
        patch.setattr(Run, "_features_of", lambda self, metric: features)
        patch.setattr(Run, "pretrained_source", lambda self: "surrogate")
        patch.setattr(Run, "stored", lambda self, name, inputs, build, together=False: build())
        patch.setattr(Run, "pretrained_inputs", dict)
        yield built


def test_the_explorer_of_a_run(run):
    explorer = explore_morphing(run, 0, 5)
    posts = run.collection().posts.take(run.safe_dataset()).to_pylist()
    assert explorer.transitions.ids == [post["id"] for post in posts]
    assert explorer.found.path.tolist() == run.morph(0, 5).path.tolist()
    assert [label for label, _ in explorer.metric.options] == [
        "VGG + NIN, binary codes", "VGG model A", "Pre-trained net (surrogate)"
    ]  # fmt: skip
    assert {post["rating"] for post in posts} == {"safe"}
    explorer.save.click()
    assert explorer.status.kind == "plain", explorer.status.text
    folder = run.folder / "transitions"
    (name,) = {path.stem for path in folder.iterdir()}
    assert {path.suffix for path in folder.iterdir()} == {".png", ".pdf", ".json"}
    record = json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
    assert [row["id"] for row in record["numbers"]["pictures"]] == [posts[node]["id"] for node in explorer.found.path]
    assert (record["numbers"]["metric"], record["numbers"]["k"]) == ("codes", 5)
    for saved in (f"runs/smoke/transitions/{name}.png", ".pdf", ".json"):
        assert saved in explorer.status.text


def test_a_file_is_joined_to_a_run(run):
    """One of the run's own pictures, dropped as a file: its twin is at distance 0."""
    explorer = explore_morphing(run, 0, 5)
    twin = int(run.safe_dataset()[7])
    file = io.BytesIO()
    Image.fromarray(run.collection().pixels[twin]).save(file, "png")
    press(explorer.drop, event="picture", name="../mine.png", buffers=[file.getvalue()])
    assert explorer.status.kind == "plain", explorer.status.text
    own = explorer.source
    assert explorer.transitions.ids[own] == "../mine.png"
    assert explorer.transitions.find(own, 7).length == 0
    assert np.array_equal(explorer.backing.pictures(np.array([own]), True)[0], read_picture(file.getvalue(), 224))
    explorer.save.click()
    assert explorer.status.kind == "plain", explorer.status.text
    assert not list(run.folder.rglob("*mine.png"))
    press(explorer.drop, event="picture", name="broken.png", buffers=[file.getvalue()[:100]])
    assert explorer.status.text.startswith("BadImageError")
    assert len(explorer.transitions) == own + 1


def test_unsafe_pictures_never_appear(run, monkeypatch):
    """Of a collection that is not drawn, whatever the search holds: grey stands for what is not rated safe."""
    explorer = explore_morphing(run, 0, 5)
    known = run.collection()
    posts = known.posts.set_column(4, "rating", [["explicit"] * len(known)])
    unsafe = Collection(known.folder, posts, known.pixels, known.info | {"resize": "warp"})
    monkeypatch.setattr(type(run), "collection", lambda self: unsafe)
    explorer.backing._look_well.cache_clear()
    for well in (False, True):
        assert {image.std() for image in explorer.backing.pictures(np.array([0, 5]), well)} == {0}
