"""Which files a notebook's outputs depend on: no more than it reaches, and no fewer."""

from pathlib import Path

import pytest

from course_lib.classroom import dependencies

ROOT = Path(__file__).resolve().parents[2]
HOUSE = {
    "__init__.py": "from typing import TYPE_CHECKING\n"
    "if TYPE_CHECKING:\n    from .nets import layers as layers\n",
    "alone.py": "VALUE = 1\n",
    "tool.py": "from course_lib.alone import VALUE\n",
    "lazy.py": "def later():\n    from . import alone\n    return alone.VALUE\n",
    "typed.py": "from typing import TYPE_CHECKING\n"
    "if TYPE_CHECKING:\n    from course_lib.alone import VALUE\n",
    "nets/__init__.py": "from course_lib.nets.layers import Conv\n"
    "from .widths import double as twice\n"
    "def own():\n    from course_lib import tool\n    return tool\n",
    "nets/layers.py": "class Conv: ...\n",
    "nets/widths.py": "from ..alone import VALUE\ndef double(): ...\n",
    "nets/deep/__init__.py": "",
    "nets/deep/inner.py": "from ..layers import Conv\nfrom ... import lazy\n",
    "data.py": 'PATH = "files/net.bin"\nNUMBERS = "files/numbered"\n',
    "files/net.bin": "1",
    "files/other.bin": "1",
    "files/numbered/7.bin": "1",
    "elsewhere/net.bin": "1",
}


@pytest.fixture
def house(tmp_path):
    for name, text in HOUSE.items():
        file = tmp_path / "course_lib" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return tmp_path


@pytest.mark.parametrize(
    ("code", "reached"),
    [
        ("import math", ""),
        ("import course_lib.tool", "tool alone"),
        ("import course_lib.tool as t\nt.VALUE", "tool alone"),
        ("from course_lib import tool", "tool alone"),
        ("from course_lib.tool import VALUE", "tool alone"),
        ("from course_lib import lazy", "lazy alone"),
        ("from course_lib import typed", "typed"),  # what type checkers alone import, nobody runs
        # Through packages that pass a name on, to where it is defined, and no farther.
        ("from course_lib import nets\nnets.Conv()", "nets/__init__ nets/layers"),
        ("from course_lib import nets\nnets.twice()", "nets/__init__ nets/widths alone"),
        ("from course_lib.nets import twice", "nets/__init__ nets/widths alone"),
        ("import course_lib\ncourse_lib.nets.layers.Conv()", "nets/__init__ nets/layers"),
        ("from course_lib import layers\nlayers.Conv()", "nets/__init__ nets/layers"),
        (
            "from course_lib.nets.deep import inner",
            "nets/__init__ nets/deep/__init__ nets/deep/inner nets/layers lazy alone",
        ),
        # The package's own, or the whole of it: all that it imports.
        ("from course_lib import nets\nnets.own()",
         "nets/__init__ nets/layers nets/widths tool alone"),
        ("from course_lib import nets\nprint(nets)",
         "nets/__init__ nets/layers nets/widths tool alone"),
        ("from course_lib.nets import *", "nets/__init__ nets/layers nets/widths tool alone"),
        ("from course_lib import nets\ndef f():\n    return [n.Conv for n in (nets,)]",
         "nets/__init__ nets/layers nets/widths tool alone"),
        # Data files, by their folders and their names; numbered ones by their folders alone.
        ("from course_lib import data", "data files/net.bin files/numbered/7.bin"),
    ],
)  # fmt: skip
def test_a_name_is_followed_to_where_it_is_defined(house, code, reached):
    library = house / "course_lib"
    files = dependencies.library_files(code, house)
    found = {file.relative_to(library).as_posix().removesuffix(".py") for file in files}
    assert found == {"__init__", *reached.split()}


@pytest.mark.parametrize(
    ("name", "files"),
    [
        ("n_of_m_bytes", {"__init__", "n_of_m_bytes"}),
        ("keep_n_of_m", {"__init__", "keep_n_of_m", "masks"}),
    ],
)
def test_a_check_is_followed_to_the_file_of_its_task(name, files):
    code = f"from course_lib.checks import weight_pruning as checks\nchecks.{name}(print)"
    found = dependencies.library_files(code, ROOT)
    assert {file.stem for file in found if file.parent.name == "weight_pruning"} == files


def test_what_one_chapter_draws_is_no_matter_of_the_others():
    for kind, drawn, depends in (
        ("notebooks", "figures/low_rank.py", {"06_low_rank"}),
        ("solutions", "checks/low_rank/tucker_macs.py", {"06_low_rank"}),
        ("notebooks", "recorded/distillation.json", {"05_distillation"}),
    ):
        file = ROOT / "course_lib" / drawn
        sources = list((ROOT / kind).glob("[0-9][0-9]_*.py"))
        reach = {
            source.stem
            for source in sources
            if file in dependencies.library_files(source.read_text(encoding="utf-8"), ROOT)
        }
        assert len(sources) > 8
        assert reach == depends
