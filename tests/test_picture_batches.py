"""Pictures into batches: every kind of picture gives the pixels made by hand."""

import io
import re

import numpy as np
import pytest
import torch
from PIL import Image

from i2v_lib.data.images import BadImageError
from i2v_lib.models.serving.picture_batches import picture_batches, read_picture

RGB = np.random.default_rng(0).integers(0, 256, (32, 32, 3), np.uint8)
GREY = RGB[:, :, 0]
ALPHA = np.random.default_rng(1).integers(0, 256, (32, 32), np.uint8)


def encoded(image, kind="PNG", **options):
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def on_white(colors, alpha):
    share = alpha[:, :, None] / 255
    return np.round(colors * share + 255 * (1 - share))


def pixels(batches):
    """All pictures of batches, (N, S, S, 3)."""
    return np.concatenate([batch.images.permute(0, 2, 3, 1).numpy() for batch in batches])


def test_every_kind_of_picture_gives_the_same_pixels(tmp_path):
    image = Image.fromarray(RGB)
    path = tmp_path / "a picture é.png"
    image.save(path)
    kinds = [path, str(path), path.read_bytes(), image, Image.open(path), RGB, RGB[::-1][::-1], image.copy()]
    assert all(np.array_equal(read_picture(kind, 32), RGB) for kind in kinds)
    assert np.array_equal(pixels(picture_batches(kinds, 3, 32)), [RGB] * len(kinds))
    for single in kinds[:6]:
        assert np.array_equal(pixels(picture_batches(single, 3, 32)), [RGB])
    assert np.array_equal(pixels(picture_batches(np.stack([RGB, RGB + 1]), 3, 32)), [RGB, RGB + 1])


def test_grey_and_palette(tmp_path):
    for grey in (GREY, GREY[:, :, None], Image.fromarray(GREY), encoded(Image.fromarray(GREY))):
        assert np.array_equal(read_picture(grey, 32), np.dstack([GREY] * 3))
    palette = Image.fromarray(RGB).quantize(16)
    colors = np.array(palette.getpalette()).reshape(-1, 3)[np.array(palette)]
    for alpha in ("white", "drop"):
        assert np.array_equal(read_picture(palette, 32, alpha), colors)
        assert np.array_equal(read_picture(encoded(palette), 32, alpha), colors)
    assert not np.array_equal(np.dstack([np.array(palette)] * 3), colors)


def test_alpha():
    """On white by the formula; dropped, the colors under it are those the authors' library sees."""
    transparent = np.dstack([RGB, ALPHA])
    for picture in (transparent, Image.fromarray(transparent), encoded(Image.fromarray(transparent))):
        assert np.abs(read_picture(picture, 32) - on_white(RGB.astype(float), ALPHA)).max() <= 1
        authors = np.asarray(Image.fromarray(transparent), np.float32)[:, :, :3]
        assert np.array_equal(read_picture(picture, 32, "drop"), authors)
    assert np.abs(read_picture(transparent, 32).astype(int) - RGB).max() > 100
    grey = Image.merge("LA", [Image.fromarray(GREY), Image.fromarray(ALPHA)])
    assert np.array_equal(read_picture(grey, 32, "drop"), np.dstack([GREY] * 3))
    palette = Image.fromarray(RGB).quantize(16)
    colors = np.array(palette.getpalette()).reshape(-1, 3)[np.array(palette)]
    data = encoded(palette, transparency=3)
    assert np.array_equal(read_picture(data, 32, "drop"), colors)
    hidden = (np.array(palette) == 3)[:, :, None]
    assert np.array_equal(read_picture(data, 32), np.where(hidden, 255, colors))
    with pytest.raises(ValueError, match="alpha='keep' is unknown"):
        picture_batches([], 2, 32, alpha="keep")


def test_dropping_alpha_does_not_drop_the_caps():
    """What is refused with alpha on white is refused with it dropped, and before it is decoded."""
    long = Image.new("RGBA", (3, 300))
    for alpha in ("white", "drop"):
        for picture in (long, encoded(long)):
            with pytest.raises(BadImageError, match="extreme_shape"):
                read_picture(picture, 32, alpha)


@pytest.mark.parametrize(("height", "width"), [(50, 130), (128, 20)])
def test_pictures_are_warped(height, width):
    """As PyTorch's own antialiased bilinear filter; nothing is cut off."""
    smooth = np.random.default_rng(2).integers(0, 256, (5, 7, 3), np.uint8)
    picture = np.array(Image.fromarray(smooth).resize((width, height), Image.Resampling.BICUBIC))
    planes = torch.from_numpy(picture).permute(2, 0, 1)[None].float()
    options = {"mode": "bilinear", "antialias": True, "align_corners": False}
    expected = torch.nn.functional.interpolate(planes, (32, 32), **options)[0].permute(1, 2, 0).numpy()
    found = read_picture(picture, 32).astype(float)
    assert np.abs(found - expected).max() <= 1.01
    assert np.abs(found.transpose(1, 0, 2) - expected).max() > 20


def test_the_center_is_cut_out_of_what_is_stored():
    large = np.random.default_rng(3).integers(0, 256, (40, 40, 3), np.uint8)
    assert np.array_equal(pixels(picture_batches([large], 2, 32, 40)), [large[4:36, 4:36]])
    with pytest.raises(ValueError, match="stored_size=30 is smaller"):
        picture_batches([large], 2, 32, 30)


def test_one_image_given_many_times(tmp_path):
    """A Pillow image reads its file when it is first used; threads must not do so at once."""
    path = tmp_path / "a.png"
    Image.fromarray(RGB).resize((700, 700)).save(path)
    expected = read_picture(path, 32)
    for _ in range(3):
        assert (pixels(picture_batches([Image.open(path)] * 24, 8, 32)) == expected).all()


def test_large_jpegs_are_decoded_smaller(tmp_path):
    """A path takes the fast way, an image that is open the whole one; they look the same, and are not the same bits."""
    smooth = Image.fromarray(RGB[:6, :6]).resize((900, 700), Image.Resampling.BICUBIC)
    smooth.save(tmp_path / "a.jpg", quality=95)
    fast, whole = read_picture(tmp_path / "a.jpg", 32), read_picture(Image.open(tmp_path / "a.jpg"), 32)
    apart = np.abs(fast.astype(int) - whole)
    assert 0 < apart.mean() < 3
    assert apart.max() < 16
    assert np.abs(fast.astype(int) - whole[::-1]).mean() > 20


def test_bad_pictures_keep_their_place():
    pictures = [RGB, b"", RGB, np.zeros((0, 3), np.uint8), np.zeros((4, 4, 2), np.uint8), RGB, b"x"]
    batches = list(picture_batches(pictures, 2, 32))
    assert [len(batch.images) for batch in batches] == [1, 1, 1, 0]
    assert [[error and error.reason for error in batch.errors] for batch in batches] == [
        [None, "empty"], [None, "unsupported"], ["unsupported", None], ["not_an_image"]
    ]  # fmt: skip
    assert re.search(r"unsupported: image 4: .*shape \(4, 4, 2\)", str(batches[2].errors[0]))
    assert batches[3].images.shape == (0, 3, 32, 32)


def test_threads_end_with_whoever_stops_listening():
    """A consumer that leaves takes the generator of pictures with it, and an error in that generator gets through."""
    left = []

    def pictures():
        try:
            while True:
                yield RGB
        finally:
            left.append(True)

    given = pictures()
    batches = picture_batches(given, 2, 32)
    next(batches)
    batches.close()
    given.close()
    assert left

    def broken():
        yield RGB
        raise OSError("disk gone")

    with pytest.raises(OSError, match="disk gone"):
        list(picture_batches(broken(), 2, 32))
