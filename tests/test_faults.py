"""A machine's failing is said in one sentence, without a traceback; the exit code is not 0."""

import errno
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from course_lib import __main__ as command_line
from course_lib import cache, faults, files

ROOT = Path(__file__).parents[1]
posix = pytest.mark.skipif(os.name == "nt", reason="limits of POSIX")


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (OSError(errno.ENOSPC, "No space left on device", "out/x"), r"^out/x: No space left.*free"),
        (PermissionError(errno.EACCES, "Permission denied", "work/a"), r"^work/a: Permission den"),
        (OSError(errno.EROFS, "Read-only file system", b"caf\xe9"), "not read-only$"),
        (OSError(errno.EMFILE, "Too many open files", "x"), "mend that"),
        (OSError(errno.ENOSPC, "x could not be written"), "^x could not be written$"),
        (
            RuntimeError("[enforce fail at inline_container.cc] . unexpected pos 64 vs 0"),
            "^OUT",
        ),
        (OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)), "^OUT: .*; free some space"),
        (RuntimeError("PytorchStreamWriter failed writing file data.pkl"), "^OUT.* is full"),
        (RuntimeError("(sqlite3.OperationalError) database or disk is full"), "^OUT.* is full"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried"), "^not enough memo"),
        (ImportError("libtorch_cpu.so: failed to map segment from shared object"), "^not enough m"),
        (RuntimeError("can't start new thread"), "^not enough memory"),
        (MemoryError(), "^not enough memory .Python could get no more"),
        (OSError(errno.ENOMEM, "Cannot allocate memory"), "^not enough memory"),
        (FileNotFoundError(2, "No usable temporary directory found in ['/tmp']"), "TMPDIR name a"),
    ],
)
def test_a_failing_of_the_machine_is_one_sentence(error, said, monkeypatch, capsys):
    def fail(*_):
        raise error

    monkeypatch.setattr(command_line, "_compress", fail)
    assert command_line.main(["compress", "--data", "digits", "--out", "OUT"]) == 1
    written = capsys.readouterr().err
    assert written.startswith("compress: ")
    assert written.count("\n") == 1
    assert re.search(said, written.removeprefix("compress: ").rstrip("\n")), written


@pytest.mark.parametrize(
    "error",
    [
        FileNotFoundError(errno.ENOENT, "No such file or directory", "x"),
        ZeroDivisionError("a mistake"),
        RuntimeError("shapes (3,) and (4,) do not fit"),
        ImportError("no module named graph"),
    ],
)
def test_a_mistake_of_the_courses_own_keeps_its_traceback(error, monkeypatch):
    def fail(*_):
        raise error

    monkeypatch.setattr(command_line, "_compress", fail)
    with pytest.raises(type(error)):
        command_line.main(["compress", "--data", "digits", "--out", "OUT"])


def test_without_a_folder_for_temporary_files_nothing_is_begun(monkeypatch, capsys, tmp_path):
    def none():
        raise FileNotFoundError(errno.ENOENT, "No usable temporary directory found in ['/tmp']")

    monkeypatch.setattr(tempfile, "gettempdir", none)
    assert command_line.main(["compress", "--data", "digits", "--out", str(tmp_path / "x")]) == 1
    assert "TMPDIR" in capsys.readouterr().err
    assert not (tmp_path / "x").exists()


@posix
def test_a_limit_of_the_system_is_named_with_the_file(tmp_path):
    """A real one: files of no more than 512 bytes (`ulimit -f`)."""
    code = (
        "import resource, signal, sys; from pathlib import Path\n"
        "from course_lib import __main__ as line, files\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (512, 512))\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "line._compress = lambda asked: files.write(Path(asked.out) / 'x', b'0' * 9999)\n"
        "sys.exit(line.main(['compress', '--data', 'digits', '--out', sys.argv[1]]))"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], cwd=ROOT, capture_output=True, text=True
    )
    assert ran.returncode == 1
    assert ran.stderr.count("\n") == 1
    assert f"{tmp_path / 'x'} could not be written (File too large)" in ran.stderr
    assert list(tmp_path.iterdir()) == []


def test_every_remedy_says_what_to_do():
    for number in files.REMEDIES:
        said = faults.sentence(OSError(number, os.strerror(number), "x"))
        assert said is None or said.startswith(f"x: {os.strerror(number)}; ")


@posix
@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_compress_killed_again_and_again_loses_nothing_and_leaves_nothing(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    kills = __import__("_kills").kills
    random = np.random.default_rng(0)
    for number in range(90):
        place = tmp_path / "photos" / f"class {number % 3}"
        place.mkdir(parents=True, exist_ok=True)
        pixels = random.integers(0, 80, (32, 32, 3), dtype=np.uint8)
        pixels[..., number % 3] += 120
        Image.fromarray(pixels).save(place / f"{number}.png")
    found = kills(4, 0, 30, str(tmp_path / "photos"))
    assert found.wrong == []
    assert found.kills


# Locks


@posix
@pytest.mark.parametrize("number", [errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP])
def test_a_file_system_without_locks_is_said_once_and_waits_for_nothing(
    tmp_path, monkeypatch, number
):
    """filelock before 3.21 took these errors for a lock that another process holds."""

    def flock(*_):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(cache.fcntl, "flock", flock)
    monkeypatch.setattr(cache.FileLock, "acquire", lambda *_, **__: pytest.fail("it was asked"))
    cache.locks_work.cache_clear()

    def locked(*names):
        for name in names:
            with cache.lock(tmp_path / name):
                pass

    with pytest.warns(UserWarning, match="a file system without locks") as warned:
        locked("x", "y", "x")
    assert len(warned) == 1
    cache.locks_work.cache_clear()


@pytest.mark.long
@posix
def test_the_second_in_a_folder_says_at_once_that_it_waits_and_goes_on(tmp_path):
    code = (
        "import sys; from pathlib import Path; from course_lib.recipes import recipe\n"
        "with recipe._alone_in(Path(sys.argv[1])) as folder:\n"
        "    print('alone', flush=True); sys.stdin.readline()"
    )
    words = [sys.executable, "-c", code, str(tmp_path / "out")]
    pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    with subprocess.Popen(words, cwd=ROOT, text=True, **pipes) as first:
        assert first.stdout.readline() == "alone\n"
        with subprocess.Popen(words, cwd=ROOT, text=True, **pipes) as second:
            waiting = second.stderr.readline()
            first.communicate("done\n")
            assert second.stdout.readline() == "alone\n", "it goes on"
            second.communicate("done\n")
    assert waiting == f"another compress works in {tmp_path / 'out'}; waiting for it\n"
    assert (first.returncode, second.returncode) == (0, 0)
