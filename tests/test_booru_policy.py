"""What may be fetched: the deny list holds under every setting, and each reason has a post that earns it."""

import dataclasses
import itertools

import pytest

from i2v_lib.collect.booru.policy import DEFAULT_DROPPED, DENIED, Policy, exclude
from i2v_lib.collect.booru.posts import Post

FINE = Post(
    site="danbooru", id=7, rating="g", rating_scheme="2022", md5="0" * 32, ext="png", width=2000, height=3000,
    file_size=9, general=("1girl", "long_hair"), copyright=("saga_of_ink",), character=("rin_(saga)",),
    artist=("anna_b",), meta=("highres",), parent_id=None, pixel_hash="", pixiv_id=None,
    source_url="https://art.example/7", created_at="", flags=(), variants=(),
)  # fmt: skip
CATEGORIES = ("general", "copyright", "character", "artist", "meta", "untyped")
OPEN = Policy(  # as lenient as the arguments allow
    ratings=("g", "s", "q", "e"), minimum_side=1, maximum_aspect=1e9, dropped_tags=frozenset(), also_denied=frozenset()
)


def changed(**fields):
    return dataclasses.replace(FINE, **fields)


def test_a_plain_post_may_be_fetched():
    assert exclude(FINE, Policy()) is None


@pytest.mark.parametrize("category", CATEGORIES)
@pytest.mark.parametrize("tag", sorted(DENIED))
def test_denied_tags_are_denied_everywhere(category, tag):
    for written in (tag, tag.upper(), tag.title(), f" {tag}_", "".join(chr(ord(letter) + 0xFEE0) for letter in tag)):
        for rating in ("g", "s", "q", "e", ""):
            post = changed(**{category: ("1girl", written)}, rating=rating)
            assert exclude(post, OPEN) == "denied_tag", written
            assert exclude(post, Policy()) == "denied_tag", written


def test_a_tag_that_only_contains_a_denied_one_is_not_denied():
    assert exclude(changed(general=("lolita_fashion", "shotacon_free")), OPEN) is None


def test_the_deny_list_can_only_grow():
    assert set(DENIED) == {"loli", "shota", "toddlercon", "lolicon", "shotacon"}
    assert isinstance(DENIED, frozenset)
    policy = Policy(also_denied=frozenset({"Some Tag"}))
    for written in ("some_tag", "some tag", "SOME_tag"):
        assert exclude(changed(character=(written,)), policy) == "denied_tag"
        assert exclude(changed(character=(written,)), Policy()) is None
    assert exclude(changed(general=("loli",)), policy) == "denied_tag"
    for field in dataclasses.fields(Policy):  # no value of any field lets it through
        for value in (frozenset(), ("g", "s", "q", "e"), 1, 0):
            try:
                lenient = Policy(**{field.name: value})
            except (ValueError, TypeError):
                continue
            assert exclude(changed(untyped=("loli",)), lenient) == "denied_tag"


@pytest.mark.parametrize(
    ("reason", "fields"),
    [
        ("rating", {"rating": "s"}),
        ("rating", {"rating": "q"}),
        ("rating", {"rating": "e"}),
        ("rating", {"rating": ""}),
        ("rating", {"rating_scheme": "2005"}),  # which has no general
        ("rating", {"rating_scheme": "2030"}),
        ("dropped_tag", {"meta": ("third-party_edit",)}),
        ("dropped_tag", {"general": ("Photo (medium)",)}),
        ("dropped_tag", {"artist": ("banned_artist",)}),
        ("banned", {"flags": ("deleted", "banned")}),
        ("deleted", {"flags": ("deleted",)}),
        ("pending", {"flags": ("pending",)}),
        ("flagged", {"flags": ("flagged",)}),
        ("hidden", {"flags": ("hidden",)}),
        ("file_type", {"ext": "gif"}),
        ("file_type", {"ext": "mp4"}),
        ("file_type", {"ext": "zip"}),
        ("file_type", {"ext": ""}),
        ("too_small", {"width": 127, "height": 300}),
        ("aspect", {"width": 200, "height": 801}),
        ("aspect", {"width": 801, "height": 200}),
        ("too_large", {"width": 8001, "height": 8000}),
        (None, {"width": 128, "height": 512}),
        (None, {"width": 8000, "height": 8000}),
        (None, {"width": 0, "height": 0}),
        (None, {"general": ()}),
    ],
)
def test_each_reason(reason, fields):
    assert exclude(changed(**fields), Policy()) == reason


def test_safety_is_judged_first():
    """Of a post that earns every reason, the reasons come off in this order."""
    worst = changed(
        general=("loli", "guro"), rating="e", flags=("hidden", "flagged", "pending", "deleted", "banned"), ext="swf",
        width=50, height=400,
    )  # fmt: skip
    cures = [
        ("denied_tag", {"general": ("guro",)}), ("rating", {"rating": "g"}), ("dropped_tag", {"general": ()}),
        ("banned", {"flags": worst.flags[:4]}), ("deleted", {"flags": worst.flags[:3]}),
        ("pending", {"flags": worst.flags[:2]}), ("flagged", {"flags": worst.flags[:1]}), ("hidden", {"flags": ()}),
        ("file_type", {"ext": "jpg"}), ("too_small", {"width": 90_000, "height": 9000}),
        ("aspect", {"width": 9000}), ("too_large", {"width": 500, "height": 500}),
        ("few_tags", {"general": ("a", "b")}),
    ]  # fmt: skip
    policy = Policy(minimum_general=2)
    for reason, cure in cures:
        assert exclude(worst, policy) == reason
        worst = dataclasses.replace(worst, **cure)
    assert exclude(worst, policy) is None


@pytest.mark.parametrize(("scheme", "rating"), list(itertools.product(("2022", "2005", "dapi"), "gsqe")))
def test_a_rating_passes_only_if_it_is_named(scheme, rating):
    post = changed(rating=rating, rating_scheme=scheme)
    known = (scheme, rating) != ("2005", "g")
    for ratings in (("g",), ("s",), ("g", "s"), ("q", "e")):
        passes = exclude(post, Policy(ratings=ratings)) is None
        assert passes == (known and rating in ratings)


def test_dropped_tags_can_be_kept():
    assert "guro" in DEFAULT_DROPPED
    assert exclude(changed(general=("guro",)), Policy(dropped_tags=DEFAULT_DROPPED - {"guro"})) is None


@pytest.mark.parametrize(
    "setting",
    [
        {"ratings": ("general",)}, {"ratings": ("safe",)}, {"ratings": ()}, {"ratings": "g"}, {"ratings": ("G",)},
        {"extensions": ("gif",)}, {"extensions": ("mp4",)}, {"extensions": ()}, {"extensions": "jpg"},
        {"minimum_side": 0}, {"minimum_side": "128"}, {"maximum_aspect": 0.5}, {"maximum_aspect": float("nan")},
        {"minimum_general": -1}, {"maximum_pixels": 64_000_001}, {"also_denied": "tag"}, {"dropped_tags": "tag"},
    ],
)  # fmt: skip
def test_impossible_settings_are_refused(setting):
    with pytest.raises(ValueError, match=next(iter(setting))):
        Policy(**setting)


def test_equal_policies_are_equal():
    assert Policy(ratings=["s", "g", "g"]) == Policy(ratings=("g", "s"))
    assert Policy(dropped_tags=["A b"]) == Policy(dropped_tags=frozenset({"a_b"})) != Policy()
