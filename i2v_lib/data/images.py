"""The one place that decodes a picture: capped, upright, RGB on white, or a :class:`BadImageError`."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError
from PIL.Image import Transpose

MAX_BYTES = 64 * 2**20  # of one file
MAX_PIXELS = 64_000_000  # width times height, 8,000 squared: about 0.7 GB while it is decoded with alpha
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
POLICIES = ("warp", "pad", "crop")
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


class BadImageError(ValueError):
    """A file that is no usable picture.

    Attributes
    ----------
    reason : one word for a table
        ``unreadable`` (the file cannot be opened), ``empty``, ``too_large`` (bytes or pixels),
        ``not_an_image`` (or of a format that is not accepted), ``truncated``, ``damaged`` or ``unsupported``
        (a kind of pixel whose range is not known).
    """

    def __init__(self, reason: str, detail: object) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason


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


def decode_image(source: str | Path | bytes | Image.Image) -> Image.Image:
    """Turn a file, its bytes or a Pillow image into an upright RGB picture on white.

    Transparency is laid on white, 16-bit greys are scaled (not clipped), CMYK is converted, EXIF rotation is
    applied, and an animation gives its first frame. Color profiles are not applied. The format is told from
    the content, whatever the name says; pixels are counted before any is decoded.

    Returns
    -------
    Pillow image of mode RGB

    Raises
    ------
    BadImageError
        For whatever is wrong with the file; no other error comes from its content.
    """
    if isinstance(source, str | Path):
        source = read_bytes(source)
    if isinstance(source, bytes) and not source:
        raise BadImageError("empty", "the file has no bytes")
    try:
        image = source if isinstance(source, Image.Image) else Image.open(io.BytesIO(source), formats=FORMATS)
        if image.width * image.height > MAX_PIXELS:
            raise BadImageError("too_large", f"{image.width} x {image.height} pixels, over {MAX_PIXELS:,}")
        image.load()
        rotation = UPRIGHT.get(_orientation(image))
        image = _on_white(image)
        return image.transpose(rotation) if rotation is not None else image
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
    if image.has_transparency_data:
        layer = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), layer)
    return image.convert("RGB")


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
