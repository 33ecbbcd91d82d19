import io

import numpy as np
import pytest
from pictures import picture, write_zip
from PIL import Image

from harness.data import DATASETS, open_split, read_manifest
from harness.data.images import Recipe
from harness.errors import HarnessError

PARTS = [0, 0, 2, 1, 0, 2]


def face(i, **options):
    return picture(seed=i, width=178, height=218, format="JPEG", **options)


def make(folder, changes=None, lines=None):
    """The published pair of files, with six faces: 3 to train, 1 to validate, 2 to test."""
    members = {f"img_align_celeba/{i + 1:06d}.jpg": face(i) for i in range(len(PARTS))} | (changes or {})
    write_zip(folder / "img_align_celeba.zip", {name: data for name, data in members.items() if data is not None})
    default = [f"{i + 1:06d}.jpg {part}" for i, part in enumerate(PARTS)]
    (folder / "list_eval_partition.txt").write_text("\n".join(lines or default) + "\n")


def prepare(folder, out, **extra):
    counts = {"train_count": 3, "validation_count": 1, "test_count": 2}
    path = str(folder / "img_align_celeba.zip")
    unpublished = {"checksum": None, "partition_checksum": None}
    DATASETS["celeba"]({"name": "celeba", "path": path, **counts, **unpublished, **extra}, out)


def test_the_partition_makes_the_splits(tmp_path):
    make(tmp_path)
    prepare(tmp_path, tmp_path / "out")
    recipe = Recipe(64, "squash", "bilinear-aliased")
    for split, members in (("train", [0, 1, 4]), ("validation", [3]), ("test", [2, 5])):
        np.testing.assert_array_equal(open_split(tmp_path / "out", split)[:], [recipe(face(i), "x") for i in members])
    manifest = read_manifest(tmp_path / "out")
    assert manifest["preparation"]["resample"] == "bilinear-aliased"
    assert len(manifest["source"]["partition_sha256"]) == len(manifest["source"]["sha256"]) == 64


def test_the_resize_is_a_parameter(tmp_path):
    make(tmp_path)
    prepare(tmp_path, tmp_path / "out", resample="bilinear", resolution=32)
    expected = Image.open(io.BytesIO(face(3))).resize((32, 32), Image.Resampling.BILINEAR)
    np.testing.assert_array_equal(open_split(tmp_path / "out", "validation")[0], np.asarray(expected).transpose(2, 0, 1))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"img_align_celeba/000002.jpg": None}, r"lacks pictures of the partition file: 000002\.jpg"),
        ({"img_align_celeba/000009.jpg": b"x"}, r"has pictures that the partition file lacks: 000009\.jpg"),
        ({"img_align_celeba/000002.jpg": face(1)[:-300]}, r"000002\.jpg cannot be decoded \(image file is truncated"),
        ({"img_align_celeba/000002.jpg": b"no picture"}, r"000002\.jpg cannot be decoded"),
        ({"img_align_celeba/000002.jpg": picture(1, 200, 218)}, r"000002\.jpg is 200x218; expected 178x218"),
        ({"../000002.jpg": b"x"}, "leaves the archive"),
        ({"img_align_celeba/a/000002.jpg": b"x"}, "1 file names in more than one folder"),
    ],
)
def test_a_wrong_archive_is_named_and_nothing_is_written(tmp_path, changes, message):
    make(tmp_path, changes)
    with pytest.raises(HarnessError, match=message):
        prepare(tmp_path, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("000006.jpg 3", r"line 6: given '000006\.jpg 3'; expected a new file name and 0, 1 or 2"),
        ("000005.jpg 2", "line 6: given"),
        ("000006.jpg", "line 6: given"),
        ("000006.jpg 1", "holds 2 validation pictures; expected 1"),
    ],
)
def test_a_wrong_partition_file_is_named(tmp_path, line, message):
    make(tmp_path, lines=[*(f"{i + 1:06d}.jpg {part}" for i, part in enumerate(PARTS[:5])), line])
    with pytest.raises(HarnessError, match=message):
        prepare(tmp_path, tmp_path / "out")


def test_counts_and_checksums_are_the_published_ones(tmp_path):
    make(tmp_path)
    with pytest.raises(HarnessError, match=r"list_eval_partition\.txt has md5 .*expected d32c9cbf.* partition_checksum to null"):
        DATASETS["celeba"]({"name": "celeba", "path": str(tmp_path / "img_align_celeba.zip")}, tmp_path / "out")
    with pytest.raises(HarnessError, match=r"img_align_celeba\.zip has md5 .*expected 00d2c5bc.*set checksum to null"):
        prepare(tmp_path, tmp_path / "out", checksum="md5:00d2c5bc6d35e252742224ab0c1e8fcb")
    with pytest.raises(HarnessError, match="holds 3 train pictures; expected 162770"):
        prepare(tmp_path, tmp_path / "out", train_count=162770)


def test_missing_files_say_where_they_are(tmp_path):
    with pytest.raises(HarnessError, match=r"no img_align_celeba\.zip at .* published at https://mmlab\.ie\.cuhk\.edu\.hk"):
        prepare(tmp_path, tmp_path / "out")
    make(tmp_path)
    (tmp_path / "list_eval_partition.txt").unlink()
    with pytest.raises(HarnessError, match=r"no list_eval_partition\.txt at .* or set data\.partition"):
        prepare(tmp_path, tmp_path / "out")


def test_a_duplicate_member_is_refused(tmp_path):
    make(tmp_path)
    with pytest.warns(UserWarning, match="Duplicate"):
        write_zip(tmp_path / "img_align_celeba.zip", [("img_align_celeba/000001.jpg", face(1))] * 2)
    with pytest.raises(HarnessError, match="is given twice"):
        prepare(tmp_path, tmp_path / "out")
