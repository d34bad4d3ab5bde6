"""Files of the server: drawn pictures as JPEG, PNG or WebP, and their smaller variants."""

from __future__ import annotations

import hashlib
import io
import random
from dataclasses import dataclass
from functools import cached_property, lru_cache

from PIL import Image

from i2v_lib.config import load_config
from i2v_lib.drawn import draw_picture

BOXES = {"180x180": 180, "360x360": 360, "720x720": 720}  # pixels; a picture is fitted inside, never enlarged
SAMPLE_WIDTH = 850  # pixels; wider originals have a sample
TYPES = {
    "jpg": "image/jpeg", "png": "image/png", "webp": "image/webp", "gif": "image/gif",
    "mp4": "video/mp4", "webm": "video/webm", "zip": "application/zip",
}  # fmt: skip
MOVING = ("mp4", "webm", "zip")


@dataclass(frozen=True)
class Drawing:
    """One picture of the demo set, with its tags in the site's spelling."""

    image: Image.Image
    general: tuple[str, ...]
    copyright: tuple[str, ...]
    character: tuple[str, ...]
    rating: str  # "safe", "questionable" or "explicit"; all are harmless
    artist: str


@lru_cache(maxsize=1024)
def draw(seed: int, index: int, size: int) -> Drawing:
    """Draw one picture of the demo set, ``size`` pixels square; kept for the whole process."""
    picture = draw_picture(load_config("smoke", seed=seed), index, size)
    tags = picture.tags
    groups = (tags.general, tags.copyright, tags.character)
    names = [tuple(name.replace(" ", "_") for name in group) for group in groups]
    return Drawing(picture.image, *names, rating=tags.rating, artist=picture.scene.artist.replace(" ", "_"))


def draw_many(seed: int, index: int, size: int, drawings: int | None) -> Drawing:
    """Picture ``index`` out of a small number of drawings.

    A drawing costs some milliseconds. From index ``drawings`` on, the left half of one drawing stands beside
    the right half of another, so that thousands of different files need only hundreds of drawings.
    """
    if drawings is None or index < drawings:
        return draw(seed, index, size)
    turn, left = divmod(index, drawings)
    first, second = draw(seed, left, size), draw(seed, (left + turn) % drawings, size)
    image = first.image.copy()
    half = (size // 2, 0, size, size)
    image.paste(second.image.crop(half), half)
    return Drawing(image, first.general, first.copyright, first.character, first.rating, first.artist)


def crop(image: Image.Image, rng: random.Random) -> Image.Image:
    """Cut a square drawing to one of the usual proportions."""
    side = image.width
    width, height = rng.choice([(side, side), (side, side * 3 // 4), (side * 3 // 4, side), (side * 2 // 3, side)])
    left, top = (side - width) // 2, (side - height) // 2
    return image.crop((left, top, left + width, top + height))


def encode(image: Image.Image, ext: str, quality: int = 90, compression: int = 1) -> bytes:
    """Write a picture as ``jpg``, ``png``, ``webp`` or ``gif``."""
    buffer = io.BytesIO()
    if ext == "jpg":
        image.save(buffer, "JPEG", quality=quality)
    elif ext == "png":
        image.save(buffer, "PNG", compress_level=compression)
    elif ext == "webp":
        image.save(buffer, "WEBP", quality=quality, method=0)
    else:
        mirrored = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        image.save(buffer, "GIF", save_all=True, append_images=[mirrored], duration=200, loop=0)
    return buffer.getvalue()


class File:
    """An original and what the site makes of it.

    Parameters
    ----------
    data : the bytes of the original
    ext : as the site declares it; the bytes may be of another kind
    width, height : in pixels, as the site declares them
    original_only : the site could make no variants of it
    """

    def __init__(self, data: bytes, ext: str, width: int, height: int, original_only: bool = False) -> None:
        self.data, self.ext, self.width, self.height = data, ext, width, height
        self.original_only = original_only
        self.md5 = hashlib.md5(data).hexdigest()
        self.image = hashlib.sha1(self.md5.encode()).hexdigest()  # safebooru.org's name of it, which is not the MD5
        self._variants: dict[str, bytes] = {"original": data}

    @property
    def moving(self) -> bool:
        """Whether this is a video or a bundle of frames."""
        return self.ext in MOVING

    @cached_property
    def pixel_hash(self) -> str:
        """MD5 of size and decoded pixels; of the bytes, where they cannot be decoded."""
        if self.moving or self.original_only:
            return hashlib.md5(b"pixels" + self.data).hexdigest()
        image = Image.open(io.BytesIO(self.data)).convert("RGB")
        return hashlib.md5(repr(image.size).encode() + image.tobytes()).hexdigest()

    def kinds(self) -> list[tuple[str, int, int, str]]:
        """Every variant there is: kind, width, height, ext."""
        original = ("original", self.width, self.height, self.ext)
        if self.original_only:
            return [original]
        made = []
        for kind, side in BOXES.items():
            made.append((kind, *_inside(self.width, self.height, side, side), "webp" if kind == "720x720" else "jpg"))
        if self.width > SAMPLE_WIDTH:
            made.append(("sample", *_inside(self.width, self.height, SAMPLE_WIDTH, 10**6), "jpg"))
        return [*made, original]

    def variant(self, kind: str) -> bytes:
        """Bytes of one variant, encoded when first asked for.

        Raises
        ------
        KeyError
            If there is none of this kind.
        """
        if kind not in self._variants:
            _, width, height, ext = next((entry for entry in self.kinds() if entry[0] == kind), (None,) * 4)
            if ext is None or self.moving:
                raise KeyError(kind)
            image = Image.open(io.BytesIO(self.data)).convert("RGB")
            if image.size != (width, height):
                image = image.resize((width, height), Image.Resampling.LANCZOS)
            self._variants[kind] = encode(image, ext, quality=75 if ext == "webp" else 85)
        return self._variants[kind]


def _inside(width: int, height: int, box_width: int, box_height: int) -> tuple[int, int]:
    """A size fitted inside a box, never enlarged."""
    scale = min(1.0, box_width / width, box_height / height)
    return max(1, round(width * scale)), max(1, round(height * scale))
