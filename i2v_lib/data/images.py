"""The one place that decodes a picture: capped, upright, RGB on white, or a :class:`BadImageError`."""

from __future__ import annotations

import io
import struct
import warnings
from functools import lru_cache
from pathlib import Path

import numpy as np
from PIL import Image, ImageCms, ImageOps, UnidentifiedImageError
from PIL.Image import Transpose

# Pixels are counted here, before any is decoded. For all threads at once: a warning cannot be caught in one of them.
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)

MAX_BYTES = 64 * 2**20  # of one file
MAX_PIXELS = 64_000_000  # width times height, 8,000 squared: about 0.7 GB while it is decoded with alpha
MAX_ASPECT = 20  # longer side over the shorter: what is left of a longer strip shows nothing
FORMATS = (
    "AVIF",
    "BMP",
    "GIF",
    "JPEG",
    "JPEG2000",
    "PNG",
    "PPM",
    "TIFF",
    "WEBP",
)  # no EPS: it runs Ghostscript
REDUCED = 2  # a JPEG may be decoded at a lesser size, but at as many times the target's: the rest is antialiased
ANIMATED = ("AVIF", "GIF", "PNG", "WEBP")  # formats whose further pictures are frames, not pages
ANIMATIONS = ("first", "skip")
POLICIES = ("warp", "pad", "crop")
COLOR_SPACES = {"RGB": "RGB", "GRAY": "L", "CMYK": "CMYK"}  # of a color profile, and Pillow's mode for it
ORIENTATION_TAG = 0x0112  # EXIF; value 1 is upright
UPRIGHT = {
    2: Transpose.FLIP_LEFT_RIGHT,
    3: Transpose.ROTATE_180,
    4: Transpose.FLIP_TOP_BOTTOM,
    5: Transpose.TRANSPOSE,
    6: Transpose.ROTATE_270,
    7: Transpose.TRANSVERSE,
    8: Transpose.ROTATE_90,
}
SIDEWAYS = (Transpose.TRANSPOSE, Transpose.ROTATE_270, Transpose.TRANSVERSE, Transpose.ROTATE_90)


class BadImageError(ValueError):
    """A file that is no usable picture.

    Attributes
    ----------
    reason : one word for a table
        ``unreadable`` (the file cannot be opened), ``empty``, ``too_large`` (bytes or pixels),
        ``not_an_image`` (or of a format that is not accepted), ``truncated``, ``damaged``, ``unsupported``
        (a kind of pixel whose range is not known), ``extreme_shape`` or ``animated``; those who look for files
        and tags have more.
    detail : what is wrong with it, in words
    sha256 : digest of the file, if whoever could not use it knows that; else empty
    """

    def __init__(self, reason: str, detail: object, sha256: str = "") -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason, self.detail = reason, str(detail)
        self.sha256 = sha256


def read_bytes(path: str | Path, limit: int = MAX_BYTES) -> bytes:
    """Read a whole file, unless it is larger than ``limit`` bytes.

    Raises
    ------
    BadImageError
        If the file cannot be opened, or is too large.
    """
    path = Path(path)
    try:
        if not path.is_file():  # a pipe or a device would wait or never end
            raise BadImageError("unreadable", f"{path} is not a regular file")
        with path.open("rb") as file:
            data = file.read(limit + 1)
    except OSError as error:
        raise BadImageError("unreadable", error) from error
    if len(data) > limit:
        raise BadImageError("too_large", f"{path} has more than {limit:,} bytes")
    return data


def decode_image(source: str | Path | bytes | Image.Image, animation: str = "first") -> Image.Image:
    """Turn a file, its bytes or a Pillow image into an upright RGB picture on white.

    Transparency is laid on white, 16-bit greys are scaled (not clipped), colors of an embedded profile and CMYK
    become sRGB, and EXIF rotation is applied. The format is told from the content, whatever the name says;
    pixels are counted before any is decoded.

    Parameters
    ----------
    source : what to decode
    animation : what becomes of one: "first" takes its first frame, "skip" refuses it

    Returns
    -------
    Pillow image of mode RGB

    Raises
    ------
    BadImageError
        For whatever is wrong with the file; no other error comes from its content.
    """
    return _decode(source, animation, 0)[0]


def decode_reduced(source: bytes, target: int, animation: str = "first") -> tuple[Image.Image, int, int]:
    """Decode a picture that is then resized to ``target`` pixels a side: as :func:`decode_image`, but faster.

    A JPEG whose shorter side is at least four times the target is decoded at a half, a quarter or an eighth of its
    size, at least twice the target: that saves most of the time and the memory of a large one.

    Parameters
    ----------
    source : bytes of a file
    target : pixels a side that are needed
    animation : see :func:`decode_image`

    Returns
    -------
    image : Pillow image of mode RGB
    width, height : of the upright picture in the file, in pixels
    """
    return _decode(source, animation, target)


def picture_size(source: bytes) -> tuple[int, int]:
    """Width and height of a picture, in pixels, as its file declares them: nothing is decoded.

    Raises
    ------
    BadImageError
        If the file declares none.
    """
    try:
        return Image.open(io.BytesIO(source), formats=FORMATS).size
    except Exception as error:  # as in _decode
        raise BadImageError("not_an_image", error) from error


def _decode(source: str | Path | bytes | Image.Image, animation: str, target: int) -> tuple[Image.Image, int, int]:
    """Decode one picture; a target of 0 pixels asks for its full size."""
    if animation not in ANIMATIONS:
        raise ValueError(f"animation={animation!r} is unknown; use one of {', '.join(ANIMATIONS)}")
    if isinstance(source, str | Path):
        source = read_bytes(source)
    if isinstance(source, bytes) and not source:
        raise BadImageError("empty", "the file has no bytes")
    try:
        image = source if isinstance(source, Image.Image) else Image.open(io.BytesIO(source), formats=FORMATS)
        if image.width * image.height > MAX_PIXELS:
            raise BadImageError("too_large", f"{image.width} x {image.height} pixels, over {MAX_PIXELS:,}")
        if min(image.size) < 1 or max(image.size) > MAX_ASPECT * min(image.size):
            raise BadImageError("extreme_shape", f"{image.width} x {image.height} pixels, over {MAX_ASPECT} to 1")
        if animation == "skip" and image.format in ANIMATED and getattr(image, "is_animated", False):
            raise BadImageError("animated", "it has several frames")
        size = image.size
        if target and min(size) >= 2 * REDUCED * target:
            image.draft(None, (REDUCED * target, REDUCED * target))  # does nothing to other formats
        image.load()
        rotation = UPRIGHT.get(_orientation(image))
        image = _on_white(image)
        if rotation is not None:
            image, size = image.transpose(rotation), size[::-1] if rotation in SIDEWAYS else size
        return image, *size
    except BadImageError:
        raise
    except UnidentifiedImageError as error:
        raise BadImageError("not_an_image", "no accepted format, " + ", ".join(FORMATS)) from error
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise BadImageError("too_large", error) from error
    except Exception as error:  # Pillow's decoders raise whatever a damaged file leads them into
        cut_off = isinstance(error, EOFError) or "truncated" in str(error).lower()
        raise BadImageError("truncated" if cut_off else "damaged", error) from error


def resize_image(image: Image.Image, size: int, policy: str = "warp") -> np.ndarray:
    """Make an RGB picture square, with antialiasing.

    Parameters
    ----------
    image : Pillow image of mode RGB, as :func:`decode_image` gives it
    size : side S of the result, in pixels
    policy : "warp" stretches both sides to S, as the authors did; "pad" keeps the proportions and fills up
        with white; "crop" keeps the proportions and cuts the longer side, the center staying

    Returns
    -------
    uint8 array, shape (S, S, 3), RGB
        A picture that is S x S already comes back unchanged.
    """
    bilinear = Image.Resampling.BILINEAR  # the authors' filter; Pillow widens it when it reduces
    if policy == "warp":
        square = image.resize((size, size), bilinear)
    elif policy == "pad":
        square = ImageOps.pad(image, (size, size), bilinear, color="white")
    elif policy == "crop":
        square = ImageOps.fit(image, (size, size), bilinear)
    else:
        raise ValueError(f"policy={policy!r} is unknown; use one of {', '.join(POLICIES)}")
    return np.array(square)


def _orientation(image: Image.Image) -> int:
    try:
        return image.getexif().get(ORIENTATION_TAG, 1)
    except (SyntaxError, ValueError, KeyError, TypeError, OSError, struct.error):
        return 1  # a damaged EXIF block says nothing about the pixels


def _on_white(image: Image.Image) -> Image.Image:
    """Convert any mode to RGB without losing what transparency or a second byte meant."""
    if image.mode == "F":
        raise BadImageError("unsupported", "floating-point pixels have no fixed white; save it with 8 or 16 bits")
    if image.mode == "I" or image.mode.startswith("I;16"):
        return _from_16_bits(image)
    profile, mode = image.info.get("icc_profile"), image.mode
    if image.has_transparency_data:
        layer = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), layer)
    return _in_srgb(image, profile, mode) if profile else image.convert("RGB")


def _in_srgb(image: Image.Image, profile: bytes, mode: str) -> Image.Image:
    """Convert colors as their profile says, unless it is sRGB's, broken, or made for another mode of pixels."""
    space, transform = _transform(profile)
    fits = {"CMYK": mode == "CMYK", "L": mode in ("1", "L", "LA"), "RGB": mode != "CMYK"}
    if transform is None or not fits[space]:
        return image.convert("RGB")
    return transform.apply(image.convert(space))


@lru_cache(maxsize=16)  # a few programs wrote nearly all profiles there are
def _transform(profile: bytes) -> tuple[str, ImageCms.ImageCmsTransform | None]:
    """Pillow's mode for a profile's pixels and their way to sRGB; None if that is broken, or changes nothing."""
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        space = COLOR_SPACES[source.profile.xcolor_space.strip()]
        transform = ImageCms.buildTransform(source, ImageCms.createProfile("sRGB"), space, "RGB")
        levels = np.linspace(0, 255, 6).astype(np.uint8)
        colors = np.stack(np.meshgrid(levels, levels, levels, indexing="ij"), axis=-1).reshape(1, -1, 3)  # black first
        given = Image.fromarray(colors).convert(space)
        found = np.asarray(transform.apply(given)).astype(int)
    except (ImageCms.PyCMSError, KeyError, OSError, ValueError, TypeError):
        return "RGB", None  # a damaged profile says nothing about the pixels
    broken = found[0, 0].max() > 96 or found[0, -1].min() < 230  # black and white must stay so, ink may be lighter
    return space, None if broken or np.abs(found - np.asarray(given.convert("RGB"))).max() <= 1 else transform


def _from_16_bits(image: Image.Image) -> Image.Image:
    """Scale greys of 0 to 65,535 to a byte; ``convert`` would clip nearly all of them to white."""
    values = np.asarray(image).astype(np.int64)
    if values.min() < 0 or values.max() > 65535:
        raise BadImageError("unsupported", "greys beyond 16 bits have no fixed white; save it with 8 or 16 bits")
    greys = ((values + 128) // 257).astype(np.uint8)  # 65535 = 255 * 257
    transparent = image.info.get("transparency")
    if isinstance(transparent, int):
        greys[values == transparent] = 255
    return Image.fromarray(greys).convert("RGB")
