"""course.py: what it sets up, what it mends, what it says when it cannot."""

import importlib.util
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import namedtuple
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
spec = importlib.util.spec_from_file_location("course", ROOT / "course.py")
course = importlib.util.module_from_spec(spec)
spec.loader.exec_module(course)

OFFLINE = "NewConnectionError: Name or service not known\nERROR: No matching distribution\n"
posix = pytest.mark.skipif(os.name == "nt", reason="signals and locks of POSIX")


class Machine:
    """Stands in for wait_for: makes what `venv` makes, and fails where it is told to."""

    def __init__(self, root):
        self.root, self.ran, self.fails = root, [], {}

    def __call__(self, command, stdout=None, **options):
        line = " ".join(str(word) for word in command)
        self.ran.append(line)
        if "-m venv" in line:
            python = course.python_of(self.root)
            python.parent.mkdir(parents=True)
            python.touch()
            (self.root / ".venv" / "pyvenv.cfg").write_text("version = 3.12.1\n")
        for part, output in list(self.fails.items()):
            if part in line:
                if isinstance(output, BaseException):
                    raise output
                stdout.write(output.encode())
                stdout.flush()
                return 1
        return 0

    def count(self, part):
        return sum(part in line for line in self.ran)


@pytest.fixture
def root(tmp_path):
    root = tmp_path / "a path with spaces"
    root.mkdir()
    (root / "pyproject.toml").write_text("[project]\n")
    (root / "constraints.txt").write_text("torch==2.13.0\ntorchvision==0.28.0\n")
    return root


@pytest.fixture
def machine(root, monkeypatch):
    machine = Machine(root)
    monkeypatch.setattr(course, "wait_for", machine)
    monkeypatch.setattr(course, "ROOT", root)
    monkeypatch.setattr(course, "find_python", lambda: ["python3.12"])
    monkeypatch.setattr(course, "probe", lambda command: ((3, 12), 64, True))
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.delenv("COURSE_TORCH_INDEX", raising=False)
    return machine


def only_line(capsys):
    """What was said in the end, after the progress lines."""
    error = capsys.readouterr().err
    assert "Traceback" not in error
    lines = [line for line in error.splitlines() if not line.startswith("[")]
    assert len(lines) == 1, error
    return lines[0]


def test_a_second_run_sets_nothing_up(root, machine):
    course.set_up(root)
    assert machine.count("-m venv") == machine.count(f"-e .[{course.EXTRAS}]") == 1
    machine.ran.clear()
    assert course.set_up(root) == course.python_of(root)
    assert machine.ran == []


@pytest.mark.parametrize("name", ["pyproject.toml", "constraints.txt"])
def test_changed_requirements_update_the_environment_and_keep_it(root, machine, name):
    course.set_up(root)
    with (root / name).open("a") as file:
        file.write("# changed\n")
    course.set_up(root)
    assert machine.count("-m venv") == 1
    assert machine.count("-e .") == 2


def test_a_moved_folder_is_set_up_again(root, machine):
    course.set_up(root)
    moved = root.rename(root.with_name("elsewhere"))
    assert not course.is_ready(moved)


@pytest.mark.parametrize("step", ["install --no-compile", "torch", "-e .", "-I -c"])
def test_an_interrupted_set_up_goes_on(root, machine, step):
    machine.fails[step] = KeyboardInterrupt()
    assert course.main(["setup"]) == 130
    assert not course.is_ready(root)
    machine.fails.clear()
    assert course.main(["setup"]) == 0
    assert course.is_ready(root)
    assert machine.count("-m venv") == 1


def test_an_interrupted_update_is_noticed_even_when_the_change_is_undone(root, machine):
    course.set_up(root)
    before = (root / "constraints.txt").read_text()
    (root / "constraints.txt").write_text(before + "numpy==2.4.6\n")
    machine.fails["-e ."] = KeyboardInterrupt()
    assert course.main(["setup"]) == 130
    (root / "constraints.txt").write_text(before)
    assert not course.is_ready(root)


def test_an_environment_that_does_not_run_is_made_anew(root, machine):
    course.set_up(root)
    (root / ".venv" / "ready").unlink()
    machine.fails["pip._internal"] = "No module named pip"
    course.set_up(root)
    assert machine.count("-m venv") == 2


def test_a_python_that_vanished_is_replaced(root, machine):
    course.set_up(root)
    course.python_of(root).unlink()
    assert not course.is_ready(root)
    course.set_up(root)
    assert machine.count("-m venv") == 2


def test_damaged_files_lead_to_a_fresh_environment(root, machine):
    machine.fails["-I -c"] = "damaged: numpy"
    course.set_up(root)
    assert machine.count("-m venv") == 2
    assert machine.count("-e .") == 2


def test_a_missing_or_shortened_file_is_found_damaged(root):
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", root / ".venv"], check=True)
    site = next((root / ".venv").glob("[Ll]ib/**/site-packages"))
    package = site / "leaf-1.0.dist-info"
    package.mkdir()
    (site / "leaf.py").write_text("green = 1")
    (package / "METADATA").write_text("Name: leaf\nVersion: 1.0\n")
    (package / "RECORD").write_text("leaf.py,,9\nleaf-1.0.dist-info/METADATA,,\n")
    setup = course.Setup(root)
    assert setup.whole()
    (site / "leaf.py").write_text("gree")
    assert not setup.whole()
    (site / "leaf.py").unlink()
    assert not setup.whole()


def test_torch_is_a_cpu_build_where_one_can_be_had(root, machine):
    course.set_up(root)
    assert machine.count("uv pip install") == 2
    assert machine.count("--torch-backend cpu --no-deps torch==2.13.0 torchvision==0.28.0") == 1
    assert machine.count("pip install --no-compile") == 1  # uv itself


def test_torch_comes_by_pip_where_the_cpu_builds_are_out_of_reach(root, machine):
    machine.fails["--torch-backend cpu"] = OFFLINE
    course.set_up(root)
    by_pip = [line for line in machine.ran if "pip install --no-compile" in line]
    assert by_pip[1].endswith("constraints.txt torch==2.13.0")
    assert by_pip[2].endswith("--no-deps torchvision==0.28.0")


def test_without_uv_pip_installs_everything(root, machine):
    machine.fails["constraints.txt uv"] = "ERROR: No matching distribution found for uv"
    course.set_up(root)
    assert machine.count("-m uv") == 0
    assert machine.count("pip install --no-compile") == 4


def test_an_index_of_ones_own_for_torch(root, machine, monkeypatch):
    monkeypatch.setenv("COURSE_TORCH_INDEX", "http://localhost/torch")
    course.set_up(root)
    assert machine.count("--index-url http://localhost/torch --no-deps torch==2.13.0") == 1
    assert machine.count("--torch-backend") == 0


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        (OFFLINE, "no network"),
        ("ERROR: [Errno 28] No space left on device", "no disk space"),
        ("SSLError: CERTIFICATE_VERIFY_FAILED, Max retries exceeded", "PIP_CERT"),
        ("PermissionError: [Errno 13] Permission denied", "not allowed to write"),
        ("noise\nERROR: No matching distribution found for leaf\n", "for leaf; remove .venv"),
    ],
)
def test_a_failure_of_pip_is_one_line_that_says_what_to_do(machine, capsys, output, expected):
    machine.fails["pip install"] = output
    assert course.main(["course"]) == 1
    said = only_line(capsys)
    assert expected in said
    assert "run this again" in said
    assert ".venv/setup.log" in said


def test_the_log_keeps_what_pip_said(root, machine):
    machine.fails["constraints.txt uv"] = "what pip said"
    course.set_up(root)
    assert "what pip said" in (root / ".venv" / "setup.log").read_text()


def test_a_full_disk_is_seen_before_anything_is_made(root, machine, monkeypatch, capsys):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(0, 0, 2.5e9))
    assert course.main(["setup"]) == 1
    said = only_line(capsys)
    assert "2.5 GB free" in said
    assert "about 4 GB needed" in said
    assert not (root / ".venv").exists()


def test_an_intel_mac_is_told_where_to_go(machine, monkeypatch, capsys):
    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setattr(course.platform, "machine", lambda: "x86_64")
    assert course.main(["setup"]) == 1
    assert "Colab" in only_line(capsys)


def test_a_folder_that_cannot_be_written_is_named(machine, monkeypatch, capsys):
    def refuse(root):
        raise PermissionError(13, "Permission denied", str(root))

    monkeypatch.setattr(course, "set_up", refuse)
    assert course.main(["setup"]) == 1
    assert "may be written" in only_line(capsys)


# Which Python


def fake_pythons(monkeypatch, found):
    monkeypatch.setattr(course, "candidates", lambda: [[name] for name in found])
    monkeypatch.setattr(course, "probe", lambda command: found[command[0]])


def test_the_first_suitable_python_is_taken(monkeypatch):
    found = {
        "old": ((3, 8), 64, True),
        "gone": None,
        "32 bits": ((3, 13), 32, True),
        "too new": ((3, 14), 64, True),
        "without venv": ((3, 13), 64, False),
        "good": ((3, 12), 64, True),
        "also good": ((3, 11), 64, True),
    }
    fake_pythons(monkeypatch, found)
    assert course.find_python() == ["good"]


def test_a_python_without_venv_is_told_how_to_get_it(monkeypatch):
    fake_pythons(monkeypatch, {"python": ((3, 11), 64, False)})
    with pytest.raises(course.Stop, match=r"apt install python3\.11-venv"):
        course.find_python()


def test_no_suitable_python(monkeypatch):
    fake_pythons(monkeypatch, {"python": ((3, 14), 64, True)})
    with pytest.raises(course.Stop, match=r"Python 3\.11 to 3\.13 needed.*; install"):
        course.find_python()


def test_probing_a_real_python_and_none():
    assert course.probe([sys.executable])[:2] == (sys.version_info[:2], 64)
    assert course.probe([str(ROOT / "no python")]) is None
    assert course.probe([sys.executable, "-c", "print('other words')"]) is None


@pytest.mark.parametrize("version", ["3.6", "3.7", "3.8", "3.9", "3.10"])
def test_an_old_python_says_which_one_is_needed(version, tmp_path):
    folders = (Path.home() / ".pyenv" / "versions").glob(f"{version}.*")
    python = next((folder / "bin" / "python" for folder in folders), None)
    if python is None:
        pytest.skip(f"no Python {version} on this machine to try it with")
    for name in ("course.py", "pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, tmp_path)
    # No other Python is to be found: neither on the path nor in the home folder.
    ran = subprocess.run(
        [python, "course.py", "course"],
        cwd=tmp_path,
        env={"PATH": str(tmp_path), "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 1
    assert ran.stderr.startswith(
        "course.py: Python 3.11 to 3.13 needed (64 bits), this is " + version
    )
    assert ran.stderr.count("\n") == 1
    assert not (tmp_path / ".venv").exists()


# The commands


def test_help_names_every_command(capsys):
    assert course.main([]) == 0
    shown = capsys.readouterr().out
    assert all(f"\n  {command} " in shown for command in course.COMMANDS)


def test_an_unknown_command_is_answered_with_those_there_are(capsys):
    assert course.main(["curse"]) == 2
    assert "'curse'; there are setup, course" in only_line(capsys)


def test_every_command_has_its_steps():
    for command in course.COMMANDS:
        for step in course.steps(command, "python", []):
            assert str(step[0]) == "python"


def test_more_words_are_passed_on():
    assert course.steps("course", "py", ["01"]) == [["py", "-m", "course_lib", "run", "01"]]
    assert course.steps("test-slow", "py", ["-x"])[0][-1] == "-x"


@pytest.fixture
def ready(monkeypatch, tmp_path):
    """course.py on a machine that is set up, with steps that exit with the given codes."""

    monkeypatch.setattr(course, "ROOT", tmp_path)

    def prepare(*codes):
        monkeypatch.setattr(course, "set_up", lambda root: sys.executable)
        done = []
        commands = [[sys.executable, "-c", f"exit({code})"] for code in codes]
        monkeypatch.setattr(course, "steps", lambda *_: commands)
        run = course.wait_for
        monkeypatch.setattr(course, "wait_for", lambda c, **o: done.append(c) or run(c, **o))
        return done

    return prepare


def test_exit_codes_are_passed_on(ready):
    done = ready(0, 3, 0)
    assert course.main(["lab"]) == 3
    assert len(done) == 2


def test_what_is_made_anew_goes_on_where_it_stopped_until_the_leaves_change(ready, capsys):
    leaves = course.ROOT / "course_lib" / "images" / "leaves.py"
    leaves.parent.mkdir(parents=True)
    leaves.write_text("")
    done = ready(0, 3, 0)
    assert course.main(["anew"]) == 3
    assert "exit(3) failed; mend it, then anew goes on with it" in capsys.readouterr().err
    done[:] = []
    assert course.main(["anew", "--list"]) == 0
    assert capsys.readouterr().out.count(": done\n") == 1
    assert done == []
    ready(0, 0, 0)
    assert course.main(["anew"]) == 0
    assert len(done) == 2
    assert course.main(["anew"]) == 0  # all was done: it begins again
    assert len(done) == 5
    ready(0, 3, 0)
    course.main(["anew"])
    leaves.write_text("VERSION = 2")
    done[:] = []
    course.main(["anew"])
    assert len(done) == 2  # the first step, too


def test_nothing_that_depends_on_the_leaves_is_forgotten():
    others = {"distillation mnist", "weight_pruning lottery", "trade_offs efficientnet"}
    made, told = set(), (ROOT / "docs" / "changes.md").read_text(encoding="utf-8")
    for line in course.ANEW[:-1]:
        script, _, words = line.partition(" --only ")
        assert (ROOT / script).exists()
        assert Path(script).stem in told[told.index("# A new species") :]
        made |= {f"{Path(script).stem} {word}" for word in words.split() or [""]}
    for file in (ROOT / "course_lib" / "recorded").glob("*.json"):
        for table in json.loads(file.read_text(encoding="utf-8")):
            names = {f"{file.stem} {table}", f"{file.stem} {table.split()[0]}", f"{file.stem} "}
            assert names & (made | others) or file.stem == "plants", table


def test_claims_that_did_not_hold_are_listed_and_fail_nothing(ready, capsys, monkeypatch):
    ready(0)
    line = "not here: it is fast [0.5x; likely reason: it is busy]"
    script = f"open('build/not_here.txt', 'a').write({line!r} + chr(10))"
    monkeypatch.setattr(course, "steps", lambda *_: [[sys.executable, "-c", script]])
    for name in course.TESTS:
        assert course.main([name]) == 0
        said = capsys.readouterr().err.splitlines()
        assert "  it is fast [0.5x; likely reason: it is busy]" in said
    ready(3)
    assert course.main(["test"]) == 3
    assert "it is fast" not in capsys.readouterr().err


def test_children_get_few_threads_that_sleep_and_the_environment(monkeypatch, root):
    for name in ("OMP_WAIT_POLICY", "OMP_NUM_THREADS", "JUPYTER_PLATFORM_DIRS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PIP_TARGET", "elsewhere")
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    variables = course.environment(root)
    assert variables["OMP_WAIT_POLICY"] == "PASSIVE"
    assert variables["PYTHONUTF8"] == variables["JUPYTER_PLATFORM_DIRS"] == "1"
    assert variables["OMP_NUM_THREADS"] in ("1", "2")
    assert variables["PATH"].split(os.pathsep)[0] == str(course.python_of(root).parent)
    assert not {"PIP_TARGET", "PYTHONDONTWRITEBYTECODE"} & set(variables)
    assert variables["PIP_USER"] == "0"
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    assert course.environment(root)["OMP_NUM_THREADS"] == "1"


CONFIGURED = """[global]
index-url = https://mirror.example/simple
extra-index-url =
    https://one.example/simple
    https://two.example/simple
proxy = http://proxy.example:3128
require-virtualenv = true
[install]
user = true
target = /elsewhere
prefix = /elsewhere
no-binary = :all:
no-deps = true
"""


def test_pip_keeps_the_networks_settings_of_the_user_and_no_others(root, monkeypatch, tmp_path):
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)  # whoever runs these tests has some, too
    (tmp_path / "pip.conf").write_text(CONFIGURED)
    monkeypatch.setenv("PIP_CONFIG_FILE", str(tmp_path / "pip.conf"))
    monkeypatch.setenv("PIP_ONLY_BINARY", ":none:")
    monkeypatch.setenv("PIP_PROXY", "http://other.example")
    settings = course.pip_settings(Path(sys.executable), root)
    assert settings["PIP_CONFIG_FILE"] == os.devnull
    assert settings["PIP_INDEX_URL"] == "https://mirror.example/simple"
    extra = "https://one.example/simple https://two.example/simple"
    assert settings["PIP_EXTRA_INDEX_URL"] == extra
    assert settings["PIP_PROXY"] == "http://other.example", "the environment comes first"
    assert settings["PIP_ONLY_BINARY"] == ""
    assert not {name for name in settings if "USER" in name or "TARGET" in name}
    # What pip itself makes of it.
    told = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"],
        env=dict(course.environment(root), **settings), capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    assert "target" not in told
    assert "no-binary" not in told
    assert "mirror.example" in told


def test_pip_is_run_with_those_settings(root, machine, monkeypatch):
    asked = []

    def wait_for(command, env=None, **options):
        if [str(word) for word in command[1:3]] == ["-m", "pip"]:
            asked.append(env.get("PIP_CONFIG_FILE"))
        return machine(command, **options)

    monkeypatch.setattr(course, "wait_for", wait_for)
    course.set_up(root)
    assert set(asked) == {os.devnull}


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="no processor affinity here")
def test_threads_are_at_most_two_and_at_most_those_allowed(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(64)))
    assert course.threads() <= 2
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {3})
    assert course.threads() == 1


@posix
def test_ctrl_c_ends_cleanly():
    script = (
        "import importlib.util, sys\n"
        f"spec = importlib.util.spec_from_file_location('course', {str(ROOT / 'course.py')!r})\n"
        "course = importlib.util.module_from_spec(spec)\n"
        "spec.loader.exec_module(course)\n"
        "course.set_up = lambda root: sys.executable\n"
        "child = 'import time; print(1, flush=True); time.sleep(60)'\n"
        "course.steps = lambda *_: [[sys.executable, '-c', child]]\n"
        "sys.exit(course.main(['course']))\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", script],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdout.readline() == "1\n"
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to both
    _, error = process.communicate(timeout=20)
    assert process.returncode == 130
    assert error.splitlines()[-1] == "course.py: course interrupted; run it again to go on"
    assert 'course.py", line' not in error


@posix
def test_two_set_ups_in_one_folder_take_turns(root, capsys):
    script = (
        "import fcntl, sys, time\n"
        "file = open(sys.argv[1])\n"
        "fcntl.flock(file, fcntl.LOCK_EX)\n"
        "print(1, flush=True)\n"
        "time.sleep(0.5)\n"
    )
    other = subprocess.Popen(
        [sys.executable, "-c", script, root / "pyproject.toml"], stdout=subprocess.PIPE
    )
    other.stdout.readline()
    with course.alone(root):
        assert other.wait(timeout=0.4) == 0  # it had ended, or was just ending
    assert "waiting" in capsys.readouterr().err


# The real thing


@pytest.fixture
def copy(tmp_path):
    """The files of the repository in a path with spaces; what is set up there is removed."""
    copy = tmp_path / "a path with spaces" / "repo"
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listed, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in names.split("\0"):
        if name and (ROOT / name).is_file():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, copy / name)
    yield copy
    shutil.rmtree(copy / ".venv", ignore_errors=True)


def really_set_up(copy):
    ran = subprocess.run(
        [sys.executable, "course.py", "setup"], cwd=copy, capture_output=True, text=True
    )
    assert ran.returncode == 0, ran.stderr
    return (copy / ".venv" / "ready").stat().st_mtime_ns


def works(copy):
    script = "import course_lib.networks.models, torchvision; print(course_lib.__file__)"
    ran = subprocess.run(
        [course.python_of(copy), "-c", script], cwd=copy.parent, capture_output=True, text=True
    )
    return Path(ran.stdout.strip()).is_relative_to(copy) or ran.stderr


@pytest.mark.slow
@pytest.mark.timeout(1500)
@pytest.mark.skipif(shutil.which("git") is None, reason="git lists the files to copy")
def test_a_real_set_up_its_repetition_and_its_repair(copy):
    first = really_set_up(copy)
    assert works(copy) is True
    assert really_set_up(copy) == first  # what is ready is left alone

    if os.name == "nt":
        return
    # Killed while packages are being installed, at a moment when some are only half there.
    shutil.rmtree(copy / ".venv")
    process = subprocess.Popen(
        [sys.executable, "course.py", "setup"],
        cwd=copy,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    for line in process.stderr:
        if "PyTorch" in line:
            break
    site = next((copy / ".venv").glob("lib/python*/site-packages"))
    while not (site / "torch").exists():
        assert process.poll() is None
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    process.stderr.close()
    assert not course.is_ready(copy)
    really_set_up(copy)
    assert course.is_ready(copy)
    assert works(copy) is True


# Where the repository lies


@pytest.fixture
def named(root, monkeypatch):
    monkeypatch.setattr(course, "ROOT", root)
    monkeypatch.setattr(course, "set_up", lambda root: sys.executable)
    (root / "pyproject.toml").write_text(
        '[project.urls]\npage = "https://pruning.github.io/course/app/"\n'
        'repository = "https://github.com/pruning/course"\n'
    )
    (root / "README.md").write_text("https://mybinder.org/v2/gh/pruning/course/main pruning-course")
    return root


def test_an_address_is_written_everywhere_and_the_notebooks_are_built(named, monkeypatch, capsys):
    ran = []
    monkeypatch.setattr(course, "perform", lambda name, python, extra: ran.append(name) or 0)
    assert course.main(["address", "https://github.com/ana/leaves.git"]) == 0
    assert ran == ["address"]
    assert (named / "pyproject.toml").read_text() == (
        '[project.urls]\npage = "https://ana.github.io/leaves/app/"\n'
        'repository = "https://github.com/ana/leaves"\n'
    )
    text = (named / "README.md").read_text()
    assert text == "https://mybinder.org/v2/gh/ana/leaves/main pruning-course"
    assert course.main(["address"]) == 0
    assert "https://github.com/ana/leaves\n" in capsys.readouterr().err
    assert ran == ["address"]


@pytest.mark.parametrize(
    "wrong",
    [
        "ana/leaves", "http://github.com/ana/leaves", "https://github.com/ana",
        "https://gitlab.com/ana/leaves",
    ],
)  # fmt: skip
def test_what_is_no_address_changes_nothing(named, wrong, capsys):
    before = (named / "pyproject.toml").read_text()
    assert course.main(["address", wrong]) == 1
    assert f"an address is https://github.com/OWNER/NAME, got {wrong}" in capsys.readouterr().err
    assert (named / "pyproject.toml").read_text() == before


# Other versions


@pytest.mark.parametrize(
    ("words", "versions", "left"),
    [
        ([], [], []),
        (["-k", "x"], [], ["-k", "x"]),
        (["--with", "torch==2.11.0"], ["torch==2.11.0"], []),
        (["-q", "--with", "a==1", "b<2", "-k", "x"], ["a==1", "b<2"], ["-q", "-k", "x"]),
    ],
)
def test_versions_are_told_from_what_is_passed_on(words, versions, left):
    assert course.split_with(words) == (versions, left)


def test_an_environment_with_other_versions_is_made_once(named, monkeypatch, capsys):
    ran = []
    monkeypatch.setattr(course, "wait_for", lambda command, **_: ran.append(command) or 0)
    for _ in range(2):
        assert course.main(["test", "--with", "torch==2.11.0", "numpy==2.1.3", "-k", "x"]) == 0
    made = [command for command in ran if "uv" in map(str, command)]
    assert [command[3] for command in made] == ["venv", "pip"]
    assert {"torch==2.11.0", "numpy==2.1.3"} < set(map(str, made[1]))
    tests = [command for command in ran if "pytest" in map(str, command)]
    assert len(tests) == 2
    assert Path(tests[0][0]).is_relative_to(named / "build" / "with")
    assert tests[0][-2:] == ["-k", "x"]


@pytest.mark.parametrize("words", [["--with"], ["--with", "torch==2.11.0; rm"], ["--with", "-q"]])
def test_what_is_no_version_is_refused(named, words, capsys):
    assert course.main(["test", *words]) == 1
    assert "--with takes versions, like --with torch==2.11.0" in capsys.readouterr().err


def test_an_environment_that_cannot_be_made_is_tried_again(named, monkeypatch, capsys):
    codes = iter([0, 1, 1, 0, 1, 0, 0])  # without a CPU build's index the ordinary one is asked
    ran = []
    monkeypatch.setattr(course.sys, "platform", "linux")
    monkeypatch.setattr(course, "wait_for", lambda command, **_: ran.append(command) or next(codes))
    assert course.main(["test", "--with", "torch==0.0"]) == 1
    assert "no environment with torch==0.0" in capsys.readouterr().err
    assert course.main(["test", "--with", "torch==0.0"]) == 0
