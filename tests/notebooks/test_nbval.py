"""Every notebook, from top to bottom: its outputs come again.

nbval compares what is exact; `sanitize.cfg` leaves out what a machine measured, and a cell
tagged `nbval-ignore-output` is only executed. Claims cells then say what its figures mean.
Several notebooks may run side by side: no time is asserted, and none is worth reading.
"""

import os
import re
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import nbformat
import pytest

from course_lib.classroom.assembly import find_root, tags
from course_lib.classroom.notebooks import build, build_env
from course_lib.processor import capabilities

ROOT = Path(__file__).parents[2]
SANITIZE = Path(__file__).with_name("sanitize.cfg")
BUILT = [
    path
    for folder in ("notebooks", "solutions")
    for path in sorted((ROOT / folder).glob("*.ipynb"))
]
each_notebook = pytest.mark.parametrize(
    "path", BUILT, ids=[f"{path.parent.name}/{path.stem}" for path in BUILT]
)


@dataclass(frozen=True)
class Validation:
    """One run of nbval: its exit status and words."""

    status: int
    output: str


def validate(path: Path, scratch: Path, root: Path = ROOT, **variables: str) -> Validation:
    """Run nbval over a notebook with this interpreter's kernel; variables: of its environment."""
    config = scratch / "pytest.ini"  # the project's own settings would switch nbval off
    config.write_text("[pytest]\n")
    options = ["--nbval", "--nbval-current-env", "--nbval-sanitize-with", str(SANITIZE)]
    options += ["--nbval-cell-timeout", "1800", "-p", "no:cacheprovider", "--noconftest"]
    options += ["-c", str(config), "-q", "--color", "no", str(path)]
    env = {name: value for name, value in build_env(root).items() if name != "PYTEST_ADDOPTS"}
    env |= {"PYTHONIOENCODING": "utf-8", "COURSE_BRIEF": "1"}
    if root == ROOT:  # `make test` shows it at its end
        (ROOT / "build").mkdir(exist_ok=True)
        env["COURSE_NOT_HERE"] = str(ROOT / "build" / "not_here.txt")
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        env=env | variables,
    )
    return Validation(ran.returncode, ran.stdout)


@pytest.mark.notebooks
@pytest.mark.timeout(3600)  # for what hangs; how long a notebook takes is a benchmark's to say
@each_notebook
def test_outputs_come_again(path, tmp_path):
    others = OTHER if os.environ.get("OTHER_PROCESSOR") == "1" else {}
    result = validate(path, tmp_path, **others)
    assert result.status == 0, result.output


# Other instruction sets, and two threads, round otherwise. For all notebooks:
#   OTHER_PROCESSOR=1 make test ARGS="tests/notebooks -k come_again"
OLDER = {"ATEN_CPU_CAPABILITY": "default", "ONEDNN_MAX_CPU_ISA": "SSE41"}
PLAIN = {"ATEN_CPU_CAPABILITY": "avx2", "ONEDNN_MAX_CPU_ISA": "AVX2"}
OTHER = {**(PLAIN if capabilities().get("avx512_f") else OLDER), "COURSE_THREADS": "2"}


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("name", ["notebooks/03_weight_pruning", "notebooks/06_low_rank"])
def test_outputs_come_again_with_other_instruction_sets(name, tmp_path):
    result = validate(ROOT / f"{name}.ipynb", tmp_path, **OTHER)
    assert result.status == 0, result.output


# What a notebook must be for that to mean something


def skips_comparison(cell) -> bool:
    """Whether nbval compares nothing of a cell: a tag, or the comment that does the same."""
    comments = [line.strip("# \t") for line in cell.source.splitlines() if line.startswith("#")]
    ignoring = {"nbval-ignore-output", "nbval-skip"}
    return bool(ignoring & (tags(cell) | {c.lower().replace("_", "-") for c in comments}))


def faults(notebook, chapter: str) -> list[str]:
    """Why comparing a notebook's outputs would say too little; empty when it says enough."""
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    compared = [c for c in code if c.outputs and not skips_comparison(c)]
    # A solution's claims are the checks that it passes.
    claims = [c for c in code if "claims" in tags(c) or c.metadata.get("nbgrader", {}).get("grade")]
    ignoring = [cell for cell in code if skips_comparison(cell)]
    found = []
    if not compared:
        found.append("no cell with an output is compared")
    if not claims and (ignoring or chapter[:2] != "00"):
        found.append("there is no claims cell (tag `claims`), and no check")
    if any("nbval-skip" in tags(cell) or "NBVAL_SKIP" in cell.source for cell in code):
        found.append("a cell is skipped")
    if any("raises-exception" in tags(cell) for cell in claims):
        found.append("a claims cell may raise")
    if any(cell.execution_count is None for cell in code if cell.source.strip()):
        found.append("a cell was not executed")
    if any(cell.source.rstrip().endswith(";") for cell in code):
        found.append("a cell ends in `;`, which nbval does not heed: begin with `_ =` instead")
    if "widgets" in notebook.metadata:
        found.append("widget state is stored")
    return found


@each_notebook
def test_comparison_says_something(path):
    assert faults(nbformat.read(path, as_version=4), path.stem) == []


def test_notebooks_agree_with_their_sources(capsys):
    if not (ROOT / "notebooks").is_dir():
        pytest.skip("there are no notebooks yet")
    status = build(check=True, root=find_root(ROOT))
    assert status == 0, capsys.readouterr().out


# The tools above, on a chapter of their own

MEASURED = 'print(f"original   {time.perf_counter() % 7:.2f} ms   97.1%")'


@pytest.fixture
def chapter(tmp_path: Path):
    """Builds notebooks/01_one.ipynb of the cells given in a repository of its own."""

    def make(*cells: str) -> Path:
        root = tmp_path / "house"
        (root / "notebooks").mkdir(parents=True)
        (root / "course_lib").mkdir()
        (root / "pyproject.toml").write_bytes((ROOT / "pyproject.toml").read_bytes())
        source = root / "notebooks/01_one.py"
        source.write_text("".join(f"# %% {cell}\n\n" for cell in cells), encoding="utf-8")
        assert build(root=root) == 0
        return source.with_suffix(".ipynb")

    return make


@pytest.mark.notebooks
def test_measured_figures_and_streams_may_differ(chapter, tmp_path):
    path = chapter(
        "\nimport os, sys, time\n" + MEASURED,
        "\nprint('a', flush=True); print('w', file=sys.stderr, flush=True); print('b')",
        "\nimport ipywidgets\nwith ipywidgets.Output():\n    print('seen')\n"
        "_ = ipywidgets.interact(lambda x: print(x), x=3)",
        'tags=["nbval-ignore-output"]\nprint(os.getpid())',
        'tags=["claims"]\nassert "COURSE_STRICT" not in os.environ\n'
        "from course_lib.measure.claims import claim\n"
        "claim('it is fast', time.perf_counter() % 2 < 1, machine='busy', measured='x')",
    )
    assert faults(nbformat.read(path, as_version=4), "01_one") == []
    result = validate(path, tmp_path, path.parents[1])
    assert result.status == 0, result.output


@pytest.mark.notebooks
def test_an_exact_figure_that_differs_is_a_failure(chapter, tmp_path):
    path = chapter('\nprint("97.1% of 5,000 images, 4,611,208 bytes")', "\nassert True")
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("4,611,208 bytes\\n", "4,611,209 bytes\\n"), encoding="utf-8")
    result = validate(path, tmp_path, path.parents[1])
    assert result.status == 1
    assert "Cell outputs differ" in result.output


SAME = [
    ("median 2.31 ms, p90 12.4 ms", "median 12.01 ms, p90 3 ms"),
    ("original     2.31 ms  97.1%", "original    12.31 ms  97.1%"),
    ("<td>2.31 ms</td>", "<td>0.9 ms</td>"),
    ("870 images/s", "1,204.5 images/s"),
    ("31 frames a second", "8 frames a second"),
    ("1.52 mJ (estimate)", "0.4 mJ (measured)"),
    ("3.4x faster, held", "13x faster, held"),
    ("612 MB of memory", "1.1 GB of memory"),
    ("peak 612 MB", "peak 98 MB"),
    ("2.31 ms (noisy machine), held", "2.31 ms, held"),
    ("held here: fast [2x]\nheld: true", "not here: fast [1.5x; likely reason: busy]\nheld: true"),
    ("pytorch, 2 threads", "pytorch, 1 thread"),
    ("widget(max=3, min=-3) 4 ms", "widget(max=3, min=-3) 5 ms"),
    ("<Axes at 0x7f12ab34cd>", "<Axes at 0x7f99ab34cd>"),
    ("training:  50%|#####  | 2/4 [00:01<00:02]", "training: 100%|#######| 4/4 [00:09<00:00]"),
]
DIFFERENT = [
    ("97.1%", "97.2%"),
    ("4,611,208 bytes", "4,611,209 bytes"),
    ("1.2 MB on disk", "1.3 MB on disk"),
    ("12 species", "13 species"),
    ("153 M MACs", "154 M MACs"),
    ("40x smaller", "41x smaller"),
    ("held: true", "not on these images (digits): true"),
    ("held here: fast [2x]", "held here: small [2x]"),
    ("widget(max=3, min=-3)", "widget(max=4, min=-3)"),
]


def sanitized(text: str) -> str:
    """The text as nbval compares it."""
    from nbval.plugin import get_sanitize_patterns

    for pattern, replacement in get_sanitize_patterns(SANITIZE.read_text(encoding="utf-8")):
        text = re.sub(pattern, replacement, text)
    return text


@pytest.mark.parametrize(("one", "other"), SAME)
def test_sanitize_hides_what_a_machine_measured(one, other):
    assert sanitized(one) == sanitized(other)


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_sanitize_keeps_what_is_exact(one, other):
    assert sanitized(one) != sanitized(other)


def test_a_scorecard_is_compared_without_what_was_measured():
    scorecard = pytest.importorskip("course_lib.measure.scorecard")
    one = scorecard.Scorecard(
        name="original", engine="pytorch", threads=2,
        accuracy=0.97, accuracy_low=0.965, accuracy_high=0.974,
        params=1_149_388, nonzero_params=1_149_388,
        file_bytes=4_600_000, packed_bytes=4_300_000, deployed_bytes=4_600_000,
        macs=153_000_000, latency_ms_median=4.7, latency_ms_p90=5.2,
        memory_bytes=400_000_000, energy_mj=1.5, energy_is_estimate=True,
    )  # fmt: skip
    small = replace(one, name="small", file_bytes=400_000, latency_ms_median=4.6, energy_mj=0.1)
    elsewhere = {"threads": 1, "memory_bytes": 1_212_345_678, "energy_is_estimate": False}
    again = replace(one, latency_ms_median=14.71, latency_ms_p90=101.2, noisy=True, **elsewhere)
    small_again = replace(small, latency_ms_median=1.1, energy_mj=12.5, noisy=True, **elsewhere)
    forms = [repr, str, lambda shown: shown._repr_html_()]
    for form in forms:
        assert sanitized(form(one)) == sanitized(form(again))
        assert sanitized(form(one)) != sanitized(form(replace(again, file_bytes=4_800_000)))
        table, table_again = (
            sanitized(form(scorecard.compare(pair)))
            for pair in ([one, small], [again, small_again])
        )
        assert table == table_again
    assert sanitized(one.to_json()) == sanitized(again.to_json())
    assert sanitized(one.to_json()) != sanitized(replace(one, macs=1).to_json())


def test_faults_are_seen():
    def notebook(*cells):
        new = nbformat.v4
        made = []
        for number, (text, tagged) in enumerate(cells, 1):
            output = [new.new_output("stream", text="1")]
            made.append(new.new_code_cell(text, outputs=output, execution_count=number))
            made[-1].metadata.tags = tagged
        return new.new_notebook(cells=made)

    claims = ("assert x", ["claims"])
    assert faults(notebook(("x", []), claims), "01_one") == []
    assert faults(notebook(("x", [])), "00_start_here") == []
    assert faults(notebook(("x", [])), "01_one") == [
        "there is no claims cell (tag `claims`), and no check"
    ]
    ignored = notebook(("x", ["nbval-ignore-output"]), ("# NBVAL_IGNORE_OUTPUT\ny", []))
    assert faults(ignored, "00_start_here") == [
        "no cell with an output is compared",
        "there is no claims cell (tag `claims`), and no check",
    ]
    assert "a cell is skipped" in faults(notebook(("x", ["nbval-skip"]), claims), "01_one")
    semicolon = faults(notebook(("plot(x);", []), claims), "01_one")
    assert len(semicolon) == 1
    assert "begin with `_ =`" in semicolon[0]
    raising = notebook(("x", []), ("assert x", ["claims", "raises-exception"]))
    assert faults(raising, "01_one") == ["a claims cell may raise"]
