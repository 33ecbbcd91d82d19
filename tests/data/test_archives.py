import io
import stat
import tarfile
import tracemalloc
import zipfile

import pytest
from pictures import write_zip

from harness.data.archives import list_zip, read_member, read_tar_files
from harness.errors import HarnessError

JPG = (".jpg",)


def read_all(path, **limits):
    with path.open("rb") as handle:
        return {name: read_member(handle, member, name) for name, member in list_zip(path, JPG, **limits)}


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_members_read_as_zipfile_reads_them(tmp_path, method):
    members = {"b/1.jpg": b"x" * 5000, "a/2.jpg": bytes(range(256)), "a/é.jpg": b"", "empty/": b"", "a/note.txt": b"?"}
    path = write_zip(tmp_path / "a.zip", members, method)
    with zipfile.ZipFile(path) as archive:
        expected = {name: archive.read(name) for name in archive.namelist() if name.endswith(".jpg")}
    assert read_all(path) == expected
    assert list(read_all(path)) == ["b/1.jpg", "a/2.jpg", "a/é.jpg"]


def test_hidden_members_are_left_out(tmp_path):
    path = write_zip(tmp_path / "a.zip", {"__MACOSX/a/._1.jpg": b"x", "a/.thumb.jpg": b"x", "a/1.jpg": b"y"})
    assert read_all(path) == {"a/1.jpg": b"y"}


@pytest.mark.parametrize("name", ["../1.jpg", "a/../../1.jpg", "/etc/1.jpg", "a\\..\\1.jpg", "C:/1.jpg", ".."])
def test_names_that_leave_the_archive_are_refused(tmp_path, name):
    with pytest.raises(HarnessError, match="leaves the archive; refused"):
        read_all(write_zip(tmp_path / "a.zip", {"1.jpg": b"x", name: b"x"}))


def test_a_name_given_twice_is_refused(tmp_path):
    with pytest.warns(UserWarning, match="Duplicate"):
        path = write_zip(tmp_path / "a.zip", [("a/1.jpg", b"x"), ("a/1.jpg", b"y")])
    with pytest.raises(HarnessError, match=r"'a/1\.jpg' is given twice"):
        read_all(path)


def test_a_link_is_refused(tmp_path):
    link = zipfile.ZipInfo("1.jpg")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with pytest.raises(HarnessError, match=r"'1\.jpg' is a link"):
        read_all(write_zip(tmp_path / "a.zip", {link: b"/etc/passwd"}))


def test_other_methods_and_encryption_are_refused(tmp_path):
    with pytest.raises(HarnessError, match="compressed by method 12"):
        read_all(write_zip(tmp_path / "a.zip", {"1.jpg": b"x"}, zipfile.ZIP_BZIP2))
    path = write_zip(tmp_path / "b.zip", {"1.jpg": b"x"})
    data = bytearray(path.read_bytes())
    data[data.index(b"PK\x01\x02") + 8] |= 1  # the directory's flag for encryption
    path.write_bytes(data)
    with pytest.raises(HarnessError, match="is encrypted"):
        read_all(path)


def test_sizes_over_the_limits_are_refused(tmp_path, monkeypatch):
    path = write_zip(tmp_path / "a.zip", {"1.jpg": b"\0" * 10_000, "2.jpg": b"\0" * 10_000}, zipfile.ZIP_DEFLATED)
    with pytest.raises(HarnessError, match=r"'1\.jpg' declares 10000 bytes, more than 9999"):
        read_all(path, max_member=9999)
    monkeypatch.setattr("harness.data.archives.MAX_TOTAL", 19_999)
    with pytest.raises(HarnessError, match="declares more than 19999 bytes"):
        read_all(path)


def test_limits_and_kinds_apply_only_to_pictures(tmp_path, capsys):
    link = zipfile.ZipInfo("data.link")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    members = [("ffhq.json", b"{" * 20_000), ("1.jpg", b"x" * 100), (link, b"/etc/passwd"), ("a/.b.jpg", b"x" * 20_000)]
    assert read_all(write_zip(tmp_path / "a.zip", members), max_member=1000) == {"1.jpg": b"x" * 100}
    assert "a.zip: left out 1 hidden, 1 with ending .json, 1 with ending .link" in capsys.readouterr().err


def test_a_member_that_grows_beyond_its_declared_size_never_reaches_memory(tmp_path):
    path = write_zip(tmp_path / "a.zip", {"1.jpg": b"\0" * 50_000_000}, zipfile.ZIP_DEFLATED)
    data = path.read_bytes().replace((50_000_000).to_bytes(4, "little"), (100).to_bytes(4, "little"))
    path.write_bytes(data)
    tracemalloc.start()
    with pytest.raises(HarnessError, match="differ from what the archive declares"):
        read_all(path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1_000_000


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_flipped_bytes_are_noticed(tmp_path, method):
    path = write_zip(tmp_path / "a.zip", {"1.jpg": bytes(range(250)) * 4}, method)
    data = bytearray(path.read_bytes())
    data[60] ^= 0xFF
    path.write_bytes(data)
    with pytest.raises(HarnessError, match=r"1\.jpg.*(differ|cannot be decompressed)"):
        read_all(path)


def test_a_member_under_another_name_than_its_directorys_is_noticed(tmp_path):
    path = write_zip(tmp_path / "a.zip", {"1.jpg": b"x", "2.jpg": b"y"})
    data = path.read_bytes()
    start = data.index(b"PK\x01\x02")
    path.write_bytes(data[:start] + data[start:].replace(b"1.jpg", b"3.jpg"))
    with pytest.raises(HarnessError, match=r"3\.jpg: the archive is damaged \(another or no member"):
        read_all(path)


@pytest.mark.parametrize("keep", [0, 10, 200, -1])
def test_a_truncated_zip_is_named(tmp_path, keep):
    path = write_zip(tmp_path / "a.zip", {f"{i}.jpg": b"x" * 100 for i in range(5)})
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(HarnessError, match=r"a\.zip is not a whole zip archive"):
        read_all(path)


def member(name, data=b"", **fields):
    info = tarfile.TarInfo(name)
    info.size = len(data)
    for key, value in fields.items():
        setattr(info, key, value)
    return info, data


def write_tar(path, members):
    with tarfile.open(path, "w:gz") as archive:
        for info, data in members:
            archive.addfile(info, io.BytesIO(data))
    return path


def read_tar(path, max_total=1000, **sizes):
    return dict(read_tar_files(path, {f"{name}.bin": size for name, size in sizes.items()}, max_total))


def test_a_tar_gives_what_is_asked_for(tmp_path):
    members = [member("d", type=tarfile.DIRTYPE), member("d/a.bin", b"123"), member("d/readme", b"x"), member("d/b.bin", b"45")]
    assert read_tar(write_tar(tmp_path / "a.tgz", members), a=3, b=2) == {"a.bin": b"123", "b.bin": b"45"}


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ([member("../a.bin", b"123")], "leaves the archive"),
        ([member("/a.bin", b"123")], "leaves the archive"),
        ([member("x", type=tarfile.SYMTYPE, linkname="/etc"), member("x/a.bin", b"123")], "'x' is a link or a device"),
        ([member("a.bin", type=tarfile.LNKTYPE, linkname="b")], r"'a\.bin' is a link or a device"),
        ([member("a.bin", b"123"), member("d/a.bin", b"123")], r"'d/a\.bin' is given twice"),
        ([member("a.bin", b"12")], r"'a\.bin' is 2 bytes long; expected 3"),
        ([member("b.bin", b"123")], r"lacks a\.bin"),
        ([member("big", b"0" * 1001)], "declares more than 1000 bytes"),
        ([member("a.bin", type=tarfile.DIRTYPE)], r"lacks a\.bin"),
    ],
)
def test_a_harmful_or_wrong_tar_is_refused(tmp_path, members, message):
    with pytest.raises(HarnessError, match=message):
        read_tar(write_tar(tmp_path / "a.tgz", members), a=3)


@pytest.mark.parametrize("keep", [0, 5, 40, -1])
def test_a_truncated_tar_is_named(tmp_path, keep):
    path = write_tar(tmp_path / "a.tgz", [member("a.bin", bytes(range(250)))])
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(HarnessError, match=r"a\.tgz is not a whole \.tar\.gz archive"):
        read_tar(path, a=250)
