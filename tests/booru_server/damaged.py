"""Files that an import must survive: unusual kinds of pixels, animations, and damage."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
from PIL import Image

from .pictures import File, encode

USABLE = ("cmyk", "sixteen_bit", "palette", "grey_alpha")  # the rest a right client leaves out


def damaged_files(image: Image.Image) -> dict[str, File]:
    """The set by name, made of one picture; all declare its size, whatever their bytes say."""
    grey = np.asarray(image.convert("L"))
    frames = [image, image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)]
    clear = image.convert("P", palette=Image.Palette.ADAPTIVE, colors=16)
    fade = Image.merge("LA", (image.convert("L"), Image.linear_gradient("L").resize(image.size)))
    thin = Image.new("RGB", (1, 5000), (90, 120, 200))
    jpeg = encode(image, "jpg")
    made = {
        "truncated": (jpeg[: len(jpeg) * 6 // 10], "jpg"),
        "cmyk": (_save(image.convert("CMYK"), "JPEG", quality=90), "jpg"),
        "sixteen_bit": (_save(Image.fromarray(grey.astype(np.uint16) * 257), "PNG"), "png"),
        "palette": (_save(clear, "PNG", transparency=0), "png"),
        "grey_alpha": (_save(fade, "PNG"), "png"),
        "animated_png": (_save(frames[0], "PNG", save_all=True, append_images=frames[1:], duration=200), "png"),
        "animated_webp": (_save(frames[0], "WEBP", save_all=True, append_images=frames[1:], duration=200), "webp"),
        "animated_gif": (encode(image, "gif"), "gif"),
        "thin": (encode(thin, "png"), "png"),
        "bomb": (_bomb(30000), "png"),
        "empty": (b"", "jpg"),
    }
    return {name: File(data, ext, *image.size, original_only=True) for name, (data, ext) in made.items()}


def _save(image: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def _bomb(side: int) -> bytes:
    """A PNG of a few hundred bytes whose header declares ``side`` × ``side`` pixels."""
    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(bytes(3 * side + 1))), (b"IEND", b"")]
    packed = [
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in chunks
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(packed)
