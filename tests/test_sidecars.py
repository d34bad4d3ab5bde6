"""Tags beside pictures: the shapes that downloaders and tagging tools write, and hostile ones."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from i2v_lib.data.sidecars import Tagging, normalize_tag, read_csv, read_json, read_tag_types, read_txt


def lists(tagging):
    return list(tagging.general), list(tagging.copyright), list(tagging.character)


@pytest.mark.parametrize(
    ("written", "tag"),
    [
        ("long_hair", "long hair"),
        ("  one_eye_closed ", "one eye closed"),
        (r"hatsune_miku_\(vocaloid\)", "hatsune miku (vocaloid)"),
        ("_leading", "leading"),
        ("a, b_c", "a b c"),
        ("half\ud800", "half?"),
        ("<script>alert(1)</script>", "<script>alert(1)</script>"),
        ("_", ""),
        ("k-on!", "k-on!"),
        ("t-shirt_(white)", "t-shirt (white)"),
    ],
)
def test_underscores_become_spaces(written, tag):
    assert normalize_tag(written) == tag


@pytest.mark.parametrize(
    "face",
    ["^_^", ">_<", "o_o", "0_0", "+_+", "._.", ";_;", "<o>_<o>", "||_||", "6_9", "(o)_(o)", "^__^", "=_="],
)
def test_faces_keep_theirs(face):
    assert normalize_tag(face) == face


@given(st.text(max_size=12))
@settings(max_examples=100, deadline=None)
def test_tags_are_always_writable(text):
    tag = normalize_tag(text)
    assert "," not in tag
    assert tag == " ".join(tag.split())
    tag.encode()


def test_txt():
    types = {"hatsune miku": "character", "vocaloid": "copyright", "someone": "artist", "highres": "ignored"}
    text = "1girl, long_hair,, hatsune_miku\r\nvocaloid, rating:q, someone, highres, :d, re:zero, long hair"
    tagging = read_txt(text, types)
    assert lists(tagging) == (["1girl", "long hair", ":d", "re:zero"], ["vocaloid"], ["hatsune miku"])
    assert (tagging.rating, tagging.artist) == ("questionable", "someone")
    prefixed = read_txt("character:rin, series:saga, general:smile, artist:anna_b, Rating:E, 3:1", {})
    assert lists(prefixed) == (["smile", "3:1"], ["saga"], ["rin"])
    assert (prefixed.rating, prefixed.artist) == ("explicit", "anna b")
    assert not read_txt(" ,\n, ", {})


POSTS = {
    "danbooru": {"tag_string_general": "1girl long_hair ^_^", "tag_string_character": "rin",
                 "tag_string_copyright": "saga", "tag_string_meta": "highres", "rating": "s",
                 "tag_string": "1girl long_hair ^_^ rin saga highres", "source": "https://example.org/1"},
    "gallery-dl lists": {"tags_general": ["1girl", "long_hair", "^_^"], "tags_character": ["rin"],
                         "tags_copyright": ["saga"], "tags": ["1girl", "rin", "highres"], "rating": "g",
                         "source": "https://example.org/1"},
    "gallery-dl strings": {"tags_general": "1girl, long hair, ^_^", "tags_character": "rin",
                           "tags_copyright": "saga", "tags": "1girl highres", "rating": "safe",
                           "source": "https://example.org/1"},
    "object of lists": {"post": {"tags": {"general": ["1girl", "long_hair", "^_^"], "character": ["rin"],
                                          "copyright": ["saga"], "meta": ["highres"]}, "rating": "general",
                                 "source": "https://example.org/1"}},
    "list of objects": [{"tags": [{"name": "1girl", "category": "0"}, {"name": "long_hair", "category": 0},
                                  {"names": ["^_^"], "category": "general"}, {"name": "rin", "category": "4"},
                                  {"name": "saga", "category": 3}, {"name": "highres", "category": "5"}],
                         "rating": "S", "source": "https://example.org/1"}],
    "plain tags and types": {"tags": "1girl long_hair ^_^ rin saga", "rating": "safe",
                             "file_url": "https://example.org/1"},
}  # fmt: skip


@pytest.mark.parametrize("shape", POSTS)
def test_json_shapes(shape):
    tagging = read_json(json.dumps(POSTS[shape]), {"rin": "character", "saga": "copyright"})
    assert lists(tagging) == (["1girl", "long hair", "^_^"], ["saga"], ["rin"])
    assert (tagging.rating, tagging.source_url) == ("safe", "https://example.org/1")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "tags",
                    "rating",
                    "post",
                    "tags_general",
                    "tag_string",
                    "name",
                    "names",
                    "category",
                    "source",
                ]
            ),
            inner,
            max_size=4,
        )
    ),
)


@given(JSON)
@settings(max_examples=150, deadline=None)
def test_any_json_is_read_or_refused(value):
    try:
        tagging = read_json(json.dumps(value), {})
    except ValueError:
        return
    assert tagging.rating in ("", "safe", "questionable", "explicit")
    assert all(isinstance(tag, str) and tag for tag in tagging.general)


def test_csv(tmp_path):
    path = tmp_path / "tags.csv"
    path.write_text(
        "\ufeffpath,general,copyright,character,rating,group,split,id\n"
        'a é/b.png,"long_hair, ^_^",,"rin, ren",q,g1,val,"an, id"\nc.png,,,,,,,\n',
        encoding="utf-8",
    )
    rows = read_csv(path)
    assert list(rows) == ["a é/b.png", "c.png"]
    first = rows["a é/b.png"]
    assert lists(first) == (["long hair", "^_^"], [], ["rin", "ren"])
    assert (first.rating, first.group, first.split, first.id) == ("questionable", "g1", "val", "an, id")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("general,rating\nx,s\n", "path"),
        ("path,generals\na,b\n", "generals"),
        ("path,general\na.png,b,c\n", "line 2.*fields"),
        ("path,general\na.png\n", "line 2.*fields"),
        ("path,split\na.png,valid\n", "line 2.*'valid'"),
        ("path\na.png\na.png\n", "line 3.*twice"),
        ("path,id\na.png,1\nb.png,1\n", "line 3.*'1' appears twice"),
        ('path,general\na.png,"open\n', "tags.csv"),
    ],
)
def test_wrong_csv_names_the_line(tmp_path, content, message):
    path = tmp_path / "tags.csv"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(ValueError, match=message):
        read_csv(path)


def test_tag_types(tmp_path):
    table, record = tmp_path / "types.csv", tmp_path / "types.json"
    table.write_text("tag,category\nhatsune_miku,character\nsaga,3\n", encoding="utf-8")
    record.write_text('{"hatsune_miku": "character", "saga": 3}', encoding="utf-8")
    assert read_tag_types(table) == read_tag_types(record) == {"hatsune miku": "character", "saga": "copyright"}
    table.write_text("rin,person\n", encoding="utf-8")
    with pytest.raises(ValueError, match="person"):
        read_tag_types(table)


def test_links_and_origins_are_no_tags():
    assert not Tagging(links=("post:danbooru/1",), origin={"site": "danbooru"})
    assert Tagging(rating="safe")
    assert Tagging().links == ()
    assert Tagging().origin == {}
    Tagging().origin["site"] = "danbooru"
    assert Tagging().origin == {}  # each has its own
