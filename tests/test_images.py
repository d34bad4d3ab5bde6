"""Decoding: every kind of pixel by hand, and hundreds of damaged files that must end in one kind of error."""

import io
import os
import random
import struct
import zlib

import numpy as np
import pytest
from PIL import Image, ImageCms, ImageFile, ImageOps

from i2v_lib.data import images
from i2v_lib.data.images import BadImageError, decode_image, decode_reduced, resize_image


def encode(image, kind="PNG", **options):
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def photo(width=48, height=36, seed=0):
    """A smooth colored picture, so that JPEG keeps it."""
    small = np.random.default_rng(seed).integers(0, 256, (4, 5, 3), dtype=np.uint8)
    return Image.fromarray(small).resize((width, height), Image.Resampling.BICUBIC)


def first_pixel(data):
    picture = decode_image(data)
    assert picture.mode == "RGB"
    return picture.getpixel((0, 0))


def png_header(width, height):
    """A PNG that promises many pixels and holds none."""

    def chunk(name, content):
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    empty = chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + empty


@pytest.mark.parametrize(
    ("mode", "color", "expected"),
    [
        ("RGB", (10, 20, 30), (10, 20, 30)),
        ("L", 77, (77, 77, 77)),
        ("1", 1, (255, 255, 255)),
        ("RGBA", (255, 0, 0, 128), (255, 127, 127)),  # half red on white
        ("RGBA", (0, 0, 0, 0), (255, 255, 255)),
        ("LA", (0, 0), (255, 255, 255)),
        ("LA", (40, 255), (40, 40, 40)),
        ("I;16", 65535, (255, 255, 255)),
        ("I;16", 32768, (128, 128, 128)),
        ("I;16", 257, (1, 1, 1)),  # clipping would give 255
    ],
)
def test_every_mode_by_hand(mode, color, expected):
    assert first_pixel(encode(Image.new(mode, (3, 2), color))) == expected


def test_palette_with_transparency():
    image = Image.new("P", (2, 1))
    image.putpalette([255, 0, 0, 0, 0, 255])
    image.putdata([0, 1])
    opaque, clear = encode(image), encode(image, transparency=0)
    assert first_pixel(opaque) == (255, 0, 0)
    assert first_pixel(clear) == (255, 255, 255)
    assert decode_image(clear).getpixel((1, 0)) == (0, 0, 255)


def test_cmyk_jpeg_is_not_inverted():
    red, black = (0, 255, 255, 0), (0, 0, 0, 255)
    assert np.allclose(first_pixel(encode(Image.new("CMYK", (16, 16), red), "JPEG")), (255, 0, 0), atol=3)
    assert np.allclose(first_pixel(encode(Image.new("CMYK", (16, 16), black), "JPEG")), (0, 0, 0), atol=3)


def test_16_bit_greys_are_scaled_not_clipped():
    values = np.linspace(0, 65535, 256).round().astype(np.uint16).reshape(16, 16)
    data = encode(Image.fromarray(values))
    found = np.asarray(decode_image(data))[..., 0]
    assert np.abs(found - values / 257).max() <= 0.5
    clipped = np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))[..., 0]  # the trap
    assert (clipped == 255).mean() > 0.9


def test_16_bit_transparency_and_unknown_ranges():
    image = Image.new("I;16", (2, 1), 1000)
    assert first_pixel(encode(image, transparency=1000)) == (255, 255, 255)
    for strange in (Image.new("F", (2, 2), 0.5), Image.new("I", (2, 2), 70_000)):
        with pytest.raises(BadImageError, match="unsupported"):
            decode_image(encode(strange, "TIFF"))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_rotation(orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = encode(photo(), "PNG", exif=exif.tobytes())
    assert (np.asarray(decode_image(data)) == ImageOps.exif_transpose(Image.open(io.BytesIO(data)))).all()
    assert decode_image(data).size == ((48, 36) if orientation < 5 else (36, 48))


def test_damaged_exif_is_ignored():
    assert decode_image(encode(photo(), "JPEG", exif=b"Exif\0\0garbage")).size == (48, 36)


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG", "TIFF"])
def test_first_frame_of_an_animation(kind):
    frames = [Image.new("RGB", (20, 20), color) for color in ("red", "lime", "blue")]
    data = encode(frames[0], kind, save_all=True, append_images=frames[1:], duration=100)
    assert np.allclose(first_pixel(data), (255, 0, 0), atol=8)
    if kind == "TIFF":  # pages are no frames
        assert decode_image(data, "skip").size == (20, 20)
    else:
        with pytest.raises(BadImageError, match="animated"):
            decode_image(data, "skip")
    still = encode(photo(), kind)
    assert np.array_equal(decode_image(still, "skip"), decode_image(still))
    with pytest.raises(ValueError, match="'last'"):
        decode_image(still, "last")


@pytest.mark.parametrize(("width", "height", "fits"), [(20, 1, True), (21, 1, False), (1, 5000, False), (7, 140, True)])
def test_strips_are_refused(width, height, fits):
    data = encode(Image.new("RGB", (width, height), "red"))
    if fits:
        assert decode_image(data).size == (width, height)
    else:
        with pytest.raises(BadImageError, match="extreme_shape"):
            decode_image(data)


SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
SWAPPED = SRGB.replace(b"rXYZ", b"....").replace(b"gXYZ", b"rXYZ").replace(b"....", b"gXYZ")  # red is called green
GAMMA = SRGB.index(b"para") + 12  # of the tone curve (a v + b) ** gamma, a number of 16 + 16 bits
LINEAR = SRGB[:GAMMA] + struct.pack(">i", 1 << 16) + SRGB[GAMMA + 4 :]
LINEAR_GREY = LINEAR.replace(b"RGB XYZ ", b"GRAYXYZ ").replace(b"rTRC", b"kTRC")


def linear_in_srgb(value):
    """What LINEAR means by a byte, as sRGB writes it: both by their formulas."""
    share = value / 255
    light = (share + 0.055) / 1.055 if share > 0.04045 else share / 12.92
    return 255 * (1.055 * light ** (1 / 2.4) - 0.055 if light > 0.0031308 else light * 12.92)


def ink_profile(darkest=0):
    """A CMYK profile by hand, in which colored inks are three greys and only their sum counts."""
    corners = np.indices((2, 2, 2, 2)).reshape(4, -1).T  # cyan slowest
    light = np.clip(255 - corners @ [60, 60, 60, 255], darkest, 255).astype(np.uint8)
    lab = np.stack([light, np.full(16, 128, np.uint8), np.full(16, 128, np.uint8)], axis=1)
    ramp = bytes(range(256))
    identity = struct.pack(">9i", *(np.eye(3, dtype=int).ravel() << 16).tolist())
    table = b"mft1" + bytes(4) + bytes([4, 3, 2, 0]) + identity + ramp * 4 + lab.tobytes() + ramp * 3
    white = b"XYZ " + bytes(4) + struct.pack(">3i", 63190, 65536, 54061)
    head = b"lcms" + bytes.fromhex("02400000") + b"prtrCMYKLab " + bytes(12) + b"acsp" + bytes(28)
    head += struct.pack(">3i", 63190, 65536, 54061) + bytes(48)
    tags = struct.pack(">i", 2) + b"A2B0" + struct.pack(">2i", 156, len(table))
    tags += b"wtpt" + struct.pack(">2i", 156 + len(table), len(white))
    profile = head + tags + table + white
    return struct.pack(">i", len(profile) + 4) + profile


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "TIFF", "AVIF"])
def test_colors_are_what_the_profile_says(kind):
    data = encode(Image.new("RGB", (16, 16), "red"), kind, icc_profile=SWAPPED, quality=100)
    assert np.allclose(first_pixel(data), (0, 255, 0), atol=4)
    clear = Image.new("RGBA", (16, 16), (255, 0, 0, 128))
    if kind in ("PNG", "WEBP"):
        assert np.allclose(first_pixel(encode(clear, kind, icc_profile=SWAPPED)), (127, 255, 127), atol=4)


def test_greys_and_inks_have_profiles_too():
    for profile in (LINEAR, LINEAR_GREY):
        for value in (0, 60, 128, 200, 255):
            data = encode(Image.new("L", (2, 2), value), icc_profile=profile)
            assert np.allclose(first_pixel(data), linear_in_srgb(value), atol=1.5)
            assert value in (0, 255) or first_pixel(data)[0] > value + 20  # without the profile: the value
    cyan = Image.new("CMYK", (16, 16), (255, 0, 0, 0))
    grey = 255 * (1.055 * ((((195 / 2.55) + 16) / 116) ** 3) ** (1 / 2.4) - 0.055)  # lightness 195 of 255, in sRGB
    assert np.allclose(first_pixel(encode(cyan, "JPEG", icc_profile=ink_profile())), grey, atol=3)
    assert np.allclose(first_pixel(encode(cyan, "JPEG")), (0, 255, 255), atol=3)


def test_profiles_that_change_nothing_or_fit_nothing_are_ignored():
    plain = np.asarray(photo())
    red = struct.unpack(">i", SRGB[SRGB.index(b"rXYZ") + 4 :][:4])[0]  # where its color is written
    dark = SRGB[: red + 8] + bytes(12) + SRGB[red + 20 :]  # a red that gives no light, so that white is none
    for profile in (SRGB, b"garbage", SRGB[:200], LINEAR_GREY, ink_profile(), dark, b"\0" * 4000):
        assert np.array_equal(decode_image(encode(photo(), icc_profile=profile)), plain)
    assert not np.array_equal(decode_image(encode(photo(), icc_profile=SWAPPED)), plain)
    inks = photo().convert("CMYK")
    plain = decode_image(encode(inks, "JPEG"))
    for profile in (SWAPPED, ink_profile(darkest=200)):  # for other pixels; with a black that is none
        assert np.array_equal(decode_image(encode(inks, "JPEG", icc_profile=profile)), plain)


def test_damaged_profiles_never_hurt():
    generator = random.Random(0)
    for profile in (SWAPPED, LINEAR_GREY, ink_profile()):
        for _ in range(40):
            damaged = bytearray(profile)
            for _ in range(generator.randint(1, 6)):
                damaged[generator.randrange(len(damaged))] = generator.randrange(256)
            assert decode_image(encode(photo(6, 4), icc_profile=bytes(damaged))).size == (6, 4)


@pytest.mark.parametrize("orientation", [1, 6])
def test_a_large_jpeg_is_decoded_at_a_lesser_size(orientation, monkeypatch):
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = encode(photo(400, 300), "JPEG", quality=90, exif=exif.tobytes())
    whole = decode_image(data)
    upright = (400, 300) if orientation == 1 else (300, 400)
    for target, share in ((76, 1), (75, 2), (38, 2), (37, 4), (10, 8), (1, 8)):
        image, *size = decode_reduced(data, target)
        assert tuple(size) == upright == whole.size
        assert image.size == tuple(-(-side // share) for side in upright)
        reduced, expected = (resize_image(picture, target).astype(int) for picture in (image, whole))
        assert np.abs(reduced - expected).mean() < 2  # of 255
    assert decode_reduced(encode(photo(400, 300)), 10)[0].size == (400, 300)  # a PNG has no lesser size
    with pytest.raises(BadImageError, match="truncated"):
        decode_reduced(data[: len(data) // 2], 10)
    monkeypatch.setattr(images, "MAX_PIXELS", 400 * 300 - 1)
    with pytest.raises(BadImageError, match="too_large"):  # by its size in the file
        decode_reduced(data, 10)


def test_paths_bytes_and_images_agree_whatever_the_name(tmp_path):
    data = encode(photo())
    path = tmp_path / "wrong ending é.jpg"
    path.write_bytes(data)
    for source in (path, str(path), data, photo()):
        assert (np.asarray(decode_image(source)) == np.asarray(photo())).all()


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")  # Pillow tells of each odd TIFF field
def test_damaged_files_raise_one_error_only():
    rgba = photo().convert("RGBA")
    rgba.putalpha(100)
    whole = [
        encode(photo(), "JPEG"),
        encode(photo(), "PNG"),
        encode(rgba, "PNG"),
        encode(photo().quantize(8), "GIF"),
        encode(photo(), "WEBP"),
        encode(photo(), "TIFF"),
        encode(photo(), "BMP"),
        encode(photo().convert("CMYK"), "JPEG"),
        encode(Image.new("I;16", (9, 9), 500), "PNG"),
        encode(photo(), "AVIF"),
    ]
    assert all(decode_image(data).mode == "RGB" for data in whole)  # control: they are sound
    generator = random.Random(0)
    reasons = []
    for data in whole:
        damaged = [data[: generator.randrange(len(data))] for _ in range(20)]
        for _ in range(20):
            flipped = bytearray(data)
            for _ in range(generator.randint(1, 8)):
                flipped[generator.randrange(len(data))] ^= 1 << generator.randrange(8)
            damaged.append(bytes(flipped))
        zeroed = bytearray(data)
        zeroed[len(data) // 3 : len(data) // 2] = bytes(len(data) // 2 - len(data) // 3)
        damaged += [bytes(zeroed), generator.randbytes(500), bytes(500), b"<html>404</html>", b""]
        for one in damaged:
            try:
                assert decode_image(one).mode == "RGB"
                reasons.append("fine")
            except BadImageError as error:
                reasons.append(error.reason)
    assert len(reasons) == 450
    assert {"truncated", "damaged", "not_an_image", "empty"} < set(reasons)
    assert 20 < reasons.count("fine") < 225  # flips may spare the pixels; most damage must be seen


def test_a_jpeg_cut_in_its_pixels_is_truncated():
    data = encode(photo(200, 200), "JPEG", quality=95)
    for share in (0.4, 0.6, 0.8, 0.95):
        with pytest.raises(BadImageError, match="truncated"):
            decode_image(data[: int(len(data) * share)])


@pytest.mark.parametrize("side", [20_000, 12_000])
@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_bombs_are_rejected_before_they_are_decoded(side, monkeypatch):
    monkeypatch.setattr(ImageFile.ImageFile, "load", lambda self: pytest.fail("decoded"))
    with pytest.raises(BadImageError, match="too_large"):
        decode_image(png_header(side, side))


def test_caps_and_files_that_are_none(tmp_path, monkeypatch):
    path = tmp_path / "a.png"
    path.write_bytes(encode(photo()))
    monkeypatch.setattr(images, "MAX_PIXELS", 48 * 36)
    assert decode_image(path).size == (48, 36)
    monkeypatch.setattr(images, "MAX_PIXELS", 48 * 36 - 1)
    with pytest.raises(BadImageError, match="too_large"):
        decode_image(path)
    with pytest.raises(BadImageError, match="too_large"):
        images.read_bytes(path, limit=10)
    os.mkfifo(tmp_path / "pipe.png")  # reading it would wait for ever
    for nothing in (tmp_path / "pipe.png", tmp_path, tmp_path / "absent.png"):
        with pytest.raises(BadImageError, match="unreadable"):
            decode_image(nothing)


def test_postscript_is_never_run():
    with pytest.raises(BadImageError, match="not_an_image"):
        decode_image(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\nshowpage\n")


def test_policies_by_hand():
    wide = Image.new("RGB", (40, 20), "blue")
    wide.paste("red", (0, 0, 10, 20))  # left quarter
    warp, pad, crop = (resize_image(wide, 20, policy) for policy in ("warp", "pad", "crop"))
    for square in (warp, pad, crop):
        assert square.shape == (20, 20, 3)
        assert square.dtype == np.uint8
    red, blue, white = [255, 0, 0], [0, 0, 255], [255, 255, 255]
    assert [warp[10, 2].tolist(), warp[10, 8].tolist(), warp[0, 19].tolist()] == [red, blue, blue]
    assert [pad[2, 9].tolist(), pad[10, 2].tolist(), pad[17, 9].tolist()] == [white, red, white]
    assert crop[10, 2].tolist() == blue  # columns 10 to 30 stay: all blue
    with pytest.raises(ValueError, match="'squash'"):
        resize_image(wide, 20, "squash")


@pytest.mark.parametrize("policy", images.POLICIES)
def test_a_picture_of_the_right_size_is_unchanged(policy):
    assert (resize_image(photo(32, 32), 32, policy) == np.asarray(photo(32, 32))).all()
    assert resize_image(photo(3000, 1), 16, policy).shape == (16, 16, 3)


def test_reduction_is_antialiased():
    board = (np.indices((64, 64)).sum(0) % 2 * 255).astype(np.uint8)
    reduced = resize_image(Image.fromarray(board).convert("RGB"), 8)
    assert np.abs(reduced.astype(int) - 127.5).max() < 12  # sampling single pixels would give 0 or 255
