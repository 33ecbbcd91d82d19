import os

import pytest
from pictures import picture

from harness.data.finding import find_pictures
from harness.data.sources import FolderSource
from harness.errors import HarnessError


@pytest.fixture
def folder(tmp_path):
    root = tmp_path / "in"
    (root / "class").mkdir(parents=True)
    for name in ("b.png", "class/a.JPG", "class/c.webp"):
        (root / name).write_bytes(picture())
    return root


def test_pictures_are_found_and_the_rest_is_counted(folder, capsys):
    assert find_pictures(folder) == ["b.png", "class/a.JPG", "class/c.webp"]
    assert capsys.readouterr().err == ""
    (folder / ".ipynb_checkpoints").mkdir()
    (folder / ".ipynb_checkpoints" / "b-checkpoint.png").write_bytes(b"x")
    for name in ("._b.png", "d.bmp", "e.jfif", "class/notes", "Thumbs.db"):
        (folder / name).write_bytes(b"x")
    (folder / "loop").symlink_to(folder, target_is_directory=True)
    (folder / "gone.png").symlink_to(folder / "nowhere.png")
    assert find_pictures(folder) == ["b.png", "class/a.JPG", "class/c.webp"]
    said = capsys.readouterr().err
    assert said.startswith(f"note: {folder}: left out 1 broken links or special files, 1 hidden, 1 hidden folders, 1 links to")
    assert said.endswith("1 with ending .bmp, 1 with ending .db, 1 with ending .jfif, 1 with ending none\n")
    assert said.count("\n") == 1


def test_a_name_that_is_not_utf8_is_refused_before_anything_is_decoded(folder):
    os.close(os.open(os.fsencode(folder) + b"/caf\xe9.png", os.O_CREAT))
    with pytest.raises(HarnessError, match=r"the file name b'caf\\xe9\.png' is not UTF-8; rename it"):
        FolderSource(folder).items()


@pytest.mark.parametrize("name", ["a%b?c#d e(f)", "new\nline", "$x;`y`"])
def test_names_with_odd_characters_are_read(tmp_path, name):
    (tmp_path / name).mkdir()
    (tmp_path / name / f"{name}.png").write_bytes(picture())
    source = FolderSource(tmp_path / name)
    ((found, locator),) = source.items()
    with source.open() as read:
        assert (found, read(found, locator)) == (f"{name}.png", picture())
