"""Files are written whole or not at all, by whoever, wherever; errors say what to do."""

import errno
import os
import stat
import subprocess
import sys
import tempfile
import threading

import pytest

from course_lib import files


def left(folder):
    return sorted(file.name for file in folder.iterdir())


def test_bytes_and_texts_come_back_as_they_were(tmp_path):
    path = files.write(tmp_path / "a" / "b.txt", "Größe\n")
    assert path.read_bytes() == "Größe\n".encode()
    assert files.write(str(path), b"\x00\r\n") == path
    assert path.read_bytes() == b"\x00\r\n"
    assert left(path.parent) == ["b.txt"]


@pytest.mark.skipif(os.name == "nt", reason="Windows has no umask")
@pytest.mark.parametrize("umask", [0o022, 0o077, 0o002])
def test_permissions_are_those_of_any_new_file(tmp_path, umask):
    kept = os.umask(umask)
    try:
        files.write(tmp_path / "open", b"")
        with files.replacing(tmp_path / "private") as part:  # as safetensors does it
            part.unlink()
            os.close(os.open(part, os.O_CREAT | os.O_WRONLY, 0o600))
        with files.replacing(tmp_path / "shared", mode=0o644) as part:
            part.write_bytes(b"")
    finally:
        os.umask(kept)
    modes = [stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("open", "private")]
    assert modes == [0o666 & ~umask] * 2
    assert stat.S_IMODE((tmp_path / "shared").stat().st_mode) == 0o644


def test_an_error_leaves_what_was_there(tmp_path):
    path = files.write(tmp_path / "x", b"old")

    def begin(part):
        part.write_bytes(b"half of the n")
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError), files.replacing(path) as part:
        begin(part)
    assert path.read_bytes() == b"old"
    assert left(tmp_path) == ["x"]


def test_a_killed_writer_leaves_the_old_file_and_its_rest_is_cleared_later(tmp_path, monkeypatch):
    path = files.write(tmp_path / "x[1]", b"old")
    code = (
        "import os, sys; from pathlib import Path; from course_lib import files\n"
        "with files.replacing(Path(sys.argv[1])) as part:\n"
        "    part.write_bytes(b'half'); os._exit(9)"
    )
    killed = [sys.executable, "-c", code, str(path)]
    assert subprocess.run(killed).returncode == 9
    assert path.read_bytes() == b"old"
    assert len(left(tmp_path)) == 2
    files.write(path, b"new")
    assert left(tmp_path) == ["x[1]"]

    assert subprocess.run(killed).returncode == 9
    monkeypatch.setattr(files, "_here", lambda: "00000000")  # another machine shares the disk
    files.write(path, b"newer")
    assert len(left(tmp_path)) == 2, "its writer may still be at work"
    monkeypatch.setattr(files, "ORPHANED", -1)
    files.write(path, b"newest")
    assert left(tmp_path) == ["x[1]"]


def test_a_scratch_folder_is_gone_afterwards_and_so_are_those_of_killed_processes(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    (tmp_path / "tmp").mkdir()
    code = (
        "import os, sys, tempfile; from pathlib import Path; from course_lib import files\n"
        "tempfile.tempdir = sys.argv[1]\n"
        "with files.scratch() as one, files.scratch(Path(sys.argv[2])) as other:\n"
        "    (one / 'half').touch(); (other / 'half').touch(); os._exit(9)"
    )
    words = [str(tmp_path / "tmp"), str(tmp_path / "page")]
    assert subprocess.run([sys.executable, "-c", code, *words]).returncode == 9
    assert (len(left(tmp_path)), len(left(tmp_path / "tmp"))) == (2, 1)
    with files.scratch() as folder, files.scratch(tmp_path / "page") as beside:
        assert (folder.parent, beside.parent) == (tmp_path / "tmp", tmp_path)
        with files.scratch() as second:
            assert folder.exists(), "a living process's own stays"
            assert second != folder
    assert (left(tmp_path), left(tmp_path / "tmp")) == (["tmp"], [])


def test_without_a_folder_for_temporary_files_its_variable_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "no"))
    with pytest.raises(OSError, match="TMPDIR name a folder that can be written"), files.scratch():
        pass


def test_writers_of_the_same_file_do_not_meet(tmp_path):
    path = tmp_path / "x"
    contents = [bytes([number]) * 100_000 for number in range(8)]
    seen = []

    def write(content):
        for _ in range(5):
            files.write(path, content)
            seen.append(path.read_bytes())

    threads = [threading.Thread(target=write, args=(content,)) for content in contents]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(seen) == 40
    assert set(seen) <= set(contents)
    assert left(tmp_path) == ["x"]


def test_where_a_reader_is_in_the_way_the_move_is_tried_again(tmp_path, monkeypatch):
    """As on Windows, which moves nothing onto a file that is open."""
    real, refused = os.replace, []

    def busy(source, target):
        if len(refused) < 2:
            refused.append(target)
            raise PermissionError(errno.EACCES, "Access is denied")
        real(source, target)

    monkeypatch.setattr(os, "replace", busy)
    monkeypatch.setattr(files, "PAUSES", (0.0, 0.0, 0.0))
    assert files.write(tmp_path / "x", b"new").read_bytes() == b"new"
    refused.clear()
    monkeypatch.setattr(files, "PAUSES", (0.0,))
    with pytest.raises(PermissionError, match="close what has this file open"):
        files.write(tmp_path / "x", b"newer")
    assert (tmp_path / "x").read_bytes() == b"new"
    assert left(tmp_path) == ["x"]


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (errno.ENOSPC, r"x could not be written \(No space left.*is as it was: free some space"),
        (errno.EROFS, r"x could not be written \(Read-only .*choose a folder that is not read-on"),
        (errno.EIO, r"x could not be written \(Input/output error\), and is as it was$"),
    ],
)
def test_a_full_or_read_only_disk_is_said_with_what_to_do(tmp_path, monkeypatch, number, said):
    path = files.write(tmp_path / "x", b"old")

    def full(_):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match=said) as told:
        files.write(path, b"new")
    assert told.value.errno == number
    assert path.read_bytes() == b"old"
    assert left(tmp_path) == ["x"]


def test_a_folder_in_the_way_and_a_missing_one_are_named(tmp_path):
    (tmp_path / "x").mkdir()
    with pytest.raises(OSError, match=r"x could not be written"):
        files.write(tmp_path / "x", b"new")
    with (
        pytest.raises(FileNotFoundError, match="make its folder first"),
        files.replacing(tmp_path / "no" / "x"),
    ):
        pass
    assert left(tmp_path) == ["x"]
