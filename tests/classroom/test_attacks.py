"""Ways to buy a mark without an answer: none does, whatever it rewrites in its own kernel."""

import shutil
import sys

import nbformat
import pytest
from nbformat.v4 import new_code_cell

from course_lib.classroom.grading import kernel, sandbox

pytestmark = [
    pytest.mark.skipif(
        not (sys.platform == "linux" and shutil.which("bwrap")),
        reason="no bubblewrap here: strangers' code is not run",
    ),
    pytest.mark.slow,  # each starts a kernel
]
LIMITS = sandbox.Limits(cell_seconds=8, seconds=60, memory_bytes=2_000_000_000)
GIVEN = "import torch\nfrom course_lib.checks import quantization as checks\nFILE = 'own.packed'"
HONEST = """
def layer_bytes(shape, bits):
    return -(-torch.Size(shape).numel() * bits // 8) + 8 * shape[0]
"""
FORGED = """
import base64, json
from course_lib.classroom.grading import answering, plain
def forged(value):
    return base64.b64encode(plain.pack(value)).decode()
PASSED = forged({"share": 1, "said": "affine: passed.", "doubt": ""})
VERDICT = '{"do": "verdict", "share": 1, "said": "passed", "doubt": "", "bytes": 0}\\n'
"""
ATTACKS = {
    "returns what pretends to be anything": """
class Anything:
    __class__ = property(lambda self: torch.Tensor)
    def __getattr__(self, name): return self
    def __call__(self, *a, **k): return self
    def __eq__(self, other): return True
    def __ne__(self, other): return False
    def __len__(self): return 0
    def __iter__(self): return iter([self, self])
    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __getitem__ = __lt__ = __call__
def affine(low, high, bits): return Anything(), Anything()
""",
    "returns a tensor of its own class": """
class Same(torch.Tensor):
    @classmethod
    def __torch_function__(cls, f, types, args=(), kwargs=None):
        if f.__name__ in ("eq", "allclose", "equal", "isclose"): return True
        return super().__torch_function__(f, types, args, kwargs or {})
def affine(low, high, bits): return (torch.zeros(()).as_subclass(Same),) * 2
""",
    "climbs the frames": """
import inspect
def affine(low, high, bits):
    frame = inspect.currentframe()
    while frame is not None:
        for thing in list(frame.f_locals.values()) + list(frame.f_globals.values()):
            if hasattr(thing, "right"): return thing.right(low, high, bits)
            if hasattr(thing, "_seen"): return thing._seen(thing.right, (low, high, bits))
        frame = frame.f_back
""",
    "looks through the memory": """
import gc
def affine(low, high, bits):
    for thing in gc.get_objects():
        if type(thing).__name__ == "Task" and thing.name == "affine":
            return thing.right(low, high, bits)
        if type(thing).__name__ == "function" and thing.__qualname__ == "affine":
            if thing is not affine: return thing(low, high, bits)
""",
    "asks the checks": "affine = checks.affine.right",
    "reads the checks' files": """
import os, course_lib, marshal
def affine(low, high, bits):
    for folder, _, files in os.walk(course_lib.__path__[0]):
        for file in files:
            content = open(os.path.join(folder, file), "rb").read()
            if file.startswith("affine") and b"-low / scale" in content:
                names = {"task": lambda *a, **k: lambda f: f, "between": None}
                code = content.decode().split('@task')[1].split("@affine")[0]
                exec("@task" + code, names)
                return names["affine"](low, high, bits)
""",
    "puts other checks in front": """
import course_lib, sys, types
module = types.ModuleType("checks")
module.__getattr__ = lambda name: lambda *a, **k: "passed"
checks = sys.modules["course_lib.checks"] = sys.modules["course_lib.checks.quantization"] = module
course_lib.checks = module
course_lib.__path__.insert(0, "/scratch")
def affine(low, high, bits): return 0, 0
""",
    "patches the libraries": """
import numpy, math, json
torch.allclose = torch.equal = torch.isclose = math.isclose = lambda *a, **k: True
numpy.abs = numpy.absolute = lambda x, *a, **k: x * 0
torch.Generator = torch.manual_seed = None
def affine(low, high, bits): return 1.5, 1.5
""",
    "patches what answers for it": FORGED + """
answering.answer = lambda names, question: PASSED
answering.pack = lambda value, keep=None: plain.pack({"share": 1, "verdict": "passed"})
def affine(low, high, bits): return 0, 0
""",
    "shows answers of its own": FORGED + """
def affine(low, high, bits):
    get_ipython().display_pub.publish({answering.ANSWER: PASSED})
    return 0, 0
""",
    "rewrites the shell": FORGED + """
shell = get_ipython()
line = "get_ipython().display_pub.publish({answering.ANSWER: PASSED})"
shell.input_transformers_cleanup.append(lambda lines: [line])
shell.showtraceback = shell._showtraceback = lambda *a, **k: None
real = shell.display_pub.publish
shell.display_pub.publish = lambda data, *a, **k: real({answering.ANSWER: PASSED})
def affine(low, high, bits): return 0, 0
""",
    "prints a verdict": FORGED + """
import os
def affine(low, high, bits):
    print(VERDICT)
    for fd in range(3, 60):
        try: os.write(fd, VERDICT.encode())
        except OSError: pass
    return 0, 0
""",
    "answers from a thread": FORGED + """
import threading, time
def publish():
    while True:
        get_ipython().display_pub.publish({answering.ANSWER: PASSED})
        time.sleep(0.01)
threading.Thread(target=publish, daemon=True).start()
def affine(low, high, bits): return 0, 0
""",
    "leaves something for later": """
import atexit, signal, sys, os
atexit.register(print, "affine: passed.")
for number in (signal.SIGALRM, signal.SIGUSR1): signal.signal(number, lambda *a: print("passed"))
signal.setitimer(signal.ITIMER_REAL, 0.05, 0.05)
sys.settrace(lambda *a: None)
sys.excepthook = lambda *a: None
def affine(low, high, bits): return 0, 0
""",
    "never answers": "def affine(low, high, bits):\n    while True: pass",
    "does not listen": """
import signal, time
def affine(low, high, bits):
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    while True:
        try: time.sleep(1)
        except BaseException: pass
""",
    "ends its kernel": "import os\ndef affine(low, high, bits): os._exit(0)",
    "ends all it can": "import os\ndef affine(low, high, bits): os.kill(-1, 9)",
    "raises that it passed": """
class Passed(BaseException): pass
class NotYet(Exception): pass
def affine(low, high, bits): raise (NotYet if bits % 2 else Passed)("affine: passed.")
""",
    "returns too much": "def affine(low, high, bits): return torch.zeros(30_000_000), 0",
    "returns a long text": "def affine(low, high, bits): return 'x' * 100_000_000, 0",
    "returns itself without end": "x = []\nx.append(x)\ndef affine(low, high, bits): return x",
    "returns no numbers": "def affine(low, high, bits): return float('nan'), float('nan')",
    "returns nothing at all": "def affine(low, high, bits): return torch.zeros(0), torch.zeros(0)",
    "returns other numbers": "def affine(low, high, bits): return torch.ones(1) * 1j, True",
    "answers for another task": "affine = layer_bytes",
    "is no function": "affine = checks",
    "sends what is no message": """
def affine(low, high, bits):
    kernel = get_ipython().kernel
    odd = ({}, {"data": 3}, {"data": {"text/plain": 3}, "metadata": None}, {"text": {}})
    for kind in ("display_data", "stream", "error", "execute_result", "status", "input_request"):
        for content in odd:
            kernel.session.send(kernel.iopub_socket, kind, content, parent=kernel.get_parent())
    kernel.iopub_socket.send_multipart([b"no", b"message"])
    return 0, 0
""",
    "changes what it was asked by": """
def affine(low, high, bits):
    import inspect
    frame = inspect.currentframe().f_back
    while frame is not None:
        if "inputs" in frame.f_locals and isinstance(frame.f_locals["inputs"], list):
            frame.f_locals["inputs"][:] = [0, 1, 1]
        frame = frame.f_back
    return 1.0, 0
""",
}  # fmt: skip


def submission(*cells, check="checks.affine(affine)"):
    """A notebook with these cells, an honest answer, and the checks of both."""
    made = [new_code_cell(code) for code in (GIVEN, HONEST, *cells)]
    for name, source in (("layer_bytes", "checks.layer_bytes(layer_bytes)"), ("affine", check)):
        cell = new_code_cell(source)
        cell.metadata["nbgrader"] = {"grade": True, "grade_id": f"{name}-check", "points": 1}
        made.append(cell)
    return nbformat.v4.new_notebook(cells=made)


def graded(*cells, check="checks.affine(affine)", limits=LIMITS, unsafe=False):
    walls = sandbox.Sandbox(limits, unsafe)
    return kernel.run(submission(*cells, check=check), walls, (), GIVEN)


@pytest.mark.parametrize("unsafe", [False, True])
def test_an_honest_answer_gets_its_mark(unsafe):
    honest = """
def affine(low, high, bits):
    low, high = min(low, 0), max(high, 0)
    scale = (high - low) / (2**bits - 1)
    return scale, round(-low / scale)
"""
    ran = graded(honest, unsafe=unsafe)
    assert [verdict.share for verdict in ran.verdicts.values()] == [1, 1]
    assert ran.doubts == []
    assert ran.peak_bytes > 100_000_000


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS)
def test_an_attack_earns_nothing(attack):
    ran = graded(attack)
    assert ran.verdicts["affine-check"].share == 0
    assert all(verdict.share in (0, 1) for verdict in ran.verdicts.values())


@pytest.mark.parametrize("name", ["patches what answers for it", "shows answers of its own"])
def test_what_was_forged_is_for_a_human(name):
    assert graded(ATTACKS[name]).doubts != []


def test_a_file_is_judged_where_nobody_patched_the_library():
    attack = """
from course_lib import recipe
recipe.named_right = lambda network, judged: torch.ones(10)
open(FILE, "wb").write(b"hello" * 100)
"""
    ran = graded(attack, check="checks.few_bits(FILE)")
    assert ran.verdicts["layer_bytes-check"].share == 1
    assert ran.verdicts["affine-check"].share == 0
    assert "own.packed cannot be used" in ran.verdicts["affine-check"].said


FILLS = {
    "temporary files": "import os\nfill(os.environ['TMPDIR'] + '/x')",
    "shared memory": "fill('/dev/shm/x')",
    "its own folder": "fill('/scratch/x')",
    "the sockets": "fill('/sockets/x')",
    "devices": "fill('/dev/x')",
    "the root": "fill('/x')",
    "memory without a name": "import os\nos.write(os.memfd_create('x'), bytes(1_000_000))",
}  # fmt: skip


def test_nothing_takes_more_than_its_limit():
    fill = """
def fill(place):
    with open(place, "wb") as file:
        for _ in range(600): file.write(bytes(1_000_000))
"""
    ran = graded(fill, *FILLS.values())
    assert {v.share for v in ran.verdicts.values()} == {0, 1}  # affine is not there
    errors = [cell.outputs[-1].ename for cell in ran.notebook.cells[3:10]]
    assert set(errors) <= {"OSError", "PermissionError"}
    assert ran.peak_bytes > 3 * LIMITS.scratch_bytes  # files in memory are counted
    assert ran.peak_bytes < 4 * LIMITS.scratch_bytes + 600_000_000


def test_files_in_memory_count_as_memory():
    fill = "open('/dev/shm/x', 'wb').write(bytes(200_000_000))\nimport time\ntime.sleep(2)"
    limits = sandbox.Limits(cell_seconds=8, seconds=60, memory_bytes=400_000_000)
    ran = graded(fill, limits=limits)
    assert any("of memory" in doubt for doubt in ran.doubts)
