"""The synthetic posts: drawn pictures with all that makes a real post awkward."""

from __future__ import annotations

import io
import random
from collections.abc import Sequence
from dataclasses import dataclass, field

from PIL import Image, ImageOps

from .damaged import damaged_files
from .pictures import File, crop, draw, draw_many, encode

CATEGORIES = ("general", "artist", "copyright", "character", "meta")
DENIED = ("loli", "shota", "toddlercon")  # on harmless drawings, to test that a client never asks for them
WEIRD = (
    ">_<", "(o)_(o)", "^_^", ":d", "+_+", "dr._moth's_lamp", "re:bloom", "\"quoted\"_sign", "moon/sun",
    "rock_&_rain", "<o>_<o>", "100%_orange", "#1_fan", "café_au_lait",
)  # fmt: skip
# For each of these a right client has a reason not to ask for the file, and the rating is not it.
EXCLUDED_ROLES = (
    "deleted", "banned", "restricted", "pending", "flagged", *DENIED, "denied_kin", "dropped", "mp4", "zip", "gif",
    "strip",
)  # fmt: skip
RATED = {"sensitive": "s", "questionable": "q", "explicit": "e"}  # so that few posts have them all; harmless too
KEPT_ROLES = (
    "weird", "weird", "twin", "child", "grandchild", "cycle", "pixiv", "large", "wide", "deprecated", "stale_alias",
    "lying_ext", *RATED,
)  # fmt: skip
ROLES = EXCLUDED_ROLES + KEPT_ROLES
FIRST = 40  # among so many first posts every role appears once
PLAIN = 3  # of them are ordinary, for others to be children and twins of
SHARE = 0.25  # of the later posts have a role
START = 9_300_000  # below the first id
DAY = 1_767_225_600  # seconds; the first post's time, 2026-01-01


@dataclass
class Post:
    """One post as the server knows it; changes during a run write into it."""

    id: int
    created: float  # seconds since 1970
    rating: str  # g s q e
    tags: dict[str, list[str]]  # names by category
    file: File
    role: str = ""
    flags: set[str] = field(default_factory=set)  # of banned deleted pending flagged restricted
    parent_id: int | None = None
    pixiv_id: int | None = None
    source: str = ""
    removed: bool = False  # expunged: row and file are gone

    def all_tags(self) -> list[str]:
        """Names of every category, sorted."""
        return sorted({name for names in self.tags.values() for name in names})


class Population:
    """Makes posts, the same ones for the same settings.

    Parameters
    ----------
    seed : of drawings, roles and ids
    size : pixels, square, of a drawing before it is cropped
    drawings : how many are drawn; None: one a post
    roles : which special posts there are; () for none
    """

    def __init__(self, seed: int, size: int, drawings: int | None, roles: Sequence[str] = ROLES) -> None:
        self.seed, self.size, self.drawings, self.roles = seed, size, drawings, tuple(roles)
        self.aliases: dict[str, str] = {}
        self.made: list[Post] = []
        self._md5s: set[str] = set()
        dealt = list(self.roles) + [""] * max(0, FIRST - PLAIN - len(self.roles))
        random.Random(f"roles/{seed}").shuffle(dealt)
        self._first = [""] * PLAIN + dealt

    def add(self, count: int, corrupt: bool = False) -> list[Post]:
        """Make the next posts, with higher ids than all before; after them the damaged files, if asked for."""
        fresh = []
        for index in range(len(self.made), len(self.made) + count):
            fresh.append(self._post(index))
            self.made.append(fresh[-1])
        if corrupt:
            image = draw(self.seed, 0, self.size).image
            for name, file in damaged_files(image).items():
                post = self._blank(len(self.made), file, f"damaged_{name}")
                post.tags["general"] += ["no_humans", "test_card"]
                fresh.append(post)
                self.made.append(post)
        return fresh

    def draw_spare(self, number: int) -> Image.Image:
        """A picture that no post shows, to replace one; another for another number."""
        image = draw(self.seed, number % max(1, self.drawings or len(self.made)), self.size).image
        spare = ImageOps.invert(image)
        spare.paste((number % 256, number // 256 % 256, 90), (0, 0, 4, 4))
        return spare

    def _post(self, index: int) -> Post:
        rng = random.Random(f"post/{self.seed}/{index}")
        if index < len(self._first):
            role = self._first[index]
        else:
            role = rng.choice(self.roles) if self.roles and rng.random() < SHARE else ""
        drawing = draw_many(self.seed, index, self.size, self.drawings)
        image = crop(drawing.image, rng)
        if role in ("large", "wide"):
            width = 400 if role == "large" else 900
            image = image.resize((width, round(width * image.height / image.width)))
        elif role == "strip":
            image = image.crop((0, 0, image.width, max(1, image.width // 6)))
        ext = rng.choice(("jpg", "jpg", "png", "png", "webp"))
        if role in ("mp4", "zip"):
            file = File(f"no bytes of {self.seed}/{index}".encode(), role, *image.size)
        elif role == "gif":
            file = File(encode(image, "gif"), "gif", *image.size)
        elif role == "lying_ext":
            file = File(encode(image, "png"), "jpg", *image.size)
        else:
            file = self._new_file(image, ext)
        post = self._blank(index, file, role)
        post.tags |= {
            "general": list(drawing.general),
            "artist": [drawing.artist],
            "copyright": list(drawing.copyright),
            "character": list(drawing.character),
            "meta": ["commentary"] if rng.random() < 0.3 else [],
        }
        if role not in EXCLUDED_ROLES:  # those are g, so that the rating is not the reason
            post.rating = {"safe": "s" if rng.random() < 0.15 else "g"}.get(drawing.rating, drawing.rating[0])
        post.source = "" if rng.random() < 0.1 else f"https://example.com/{drawing.artist}/{index}"
        self._play(post, rng)
        self._md5s.add(post.file.md5)
        return post

    def _new_file(self, image: Image.Image, ext: str) -> File:
        """Encode a picture, as a PNG of other bytes if the site has the file: the demo set repeats some scenes."""
        file = File(encode(image, ext), ext, *image.size)
        for compression in range(2, 10):
            if file.md5 not in self._md5s:
                break
            file = File(encode(image, "png", compression=compression), "png", *image.size)
        return file

    def _blank(self, index: int, file: File, role: str) -> Post:
        """A post of rating g without tags; ids have gaps, now and then a wide one."""
        rng = random.Random(f"id/{self.seed}/{index}")
        last = self.made[-1].id if self.made else START
        gap = rng.randint(500, 3000) if rng.random() < 0.01 else rng.randint(1, 4)
        tags = {category: [] for category in CATEGORIES}
        return Post(last + gap, DAY + 43_200.123 * index, "g", tags, file, role)

    def _play(self, post: Post, rng: random.Random) -> None:
        """Give a post what its role says."""
        role, general, meta = post.role, post.tags["general"], post.tags["meta"]
        earlier = [other for other in self.made if other.role == ""]
        alone = [other for other in earlier if other.parent_id is None]
        if role in ("deleted", "banned", "restricted", "pending", "flagged"):
            post.flags.add(role)
            if role == "banned":
                post.tags["artist"] = ["withdrawn_artist", "banned_artist"]
        elif role in DENIED:
            general.append(role)
        elif role == "denied_kin":  # an old post: what the tag implies was never added
            general.append("kin_of_kin_of_loli")
        elif role == "dropped":
            meta.append("third-party_edit")
        elif role in ("mp4", "zip", "gif"):
            meta.append("animated")
        elif role == "weird":
            general += rng.sample(WEIRD, 3)
        elif role == "twin":
            self._copy(post, rng.choice(earlier))
        elif role == "child":
            post.parent_id = earlier[-1].id
        elif role == "grandchild":
            post.parent_id = earlier[-1].id
            earlier[-1].parent_id = earlier[-1].parent_id or earlier[-2].id
        elif role == "cycle" and alone:
            post.parent_id, alone[-1].parent_id = alone[-1].id, post.id
        elif role == "pixiv":
            post.pixiv_id = earlier[-1].pixiv_id = earlier[-1].pixiv_id or 100_000_000 + post.id
            post.source = earlier[-1].source = f"https://www.pixiv.net/artworks/{post.pixiv_id}"
        elif role in RATED:
            post.rating = RATED[role]
        elif role in ("large", "wide"):
            meta.append("highres")
        elif role == "deprecated":
            general.append("lovely")
        elif role == "stale_alias" and general:
            new = general[0]
            self.aliases[f"old_{new}"] = new
            general[0] = f"old_{new}"

    def _copy(self, post: Post, original: Post) -> None:
        """Make a post show the same pixels as another, in a file of another MD5."""
        image = Image.open(io.BytesIO(original.file.data)).convert("RGB")
        post.file = self._new_file(image, "png")
        post.rating = original.rating
        post.tags = {category: list(names) for category, names in original.tags.items()}
