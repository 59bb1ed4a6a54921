"""What a good written answer says: shown once something was written, to hold one's own against.

>>> why_oak = Rubric("00_example", "why_oak", ("Its leaves have lobes.", "They are not pointed."))
>>> print(why_oak())  # no notebook 00_example.ipynb lies in this folder
why_oak: once yours is written, hold it against this. A good answer says:
- Its leaves have lobes.
- They are not pointed.
"""

import html
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

TEXT_STUB = "*Write your answer here.*"  # in an exercise's cell as long as nothing was written


@dataclass(frozen=True)
class Rubric:
    """The points of a good answer to one written task.

    exercise: its notebook's name, without suffix. name: the task's, as in its `answer=` mark.
    """

    exercise: str
    name: str
    points: Sequence[str]

    def __call__(self) -> "Shown":
        """The points; or the wish to write first, where the notebook in this folder says so."""
        cell = self._cell()
        if cell is None:  # another name, another editor: nothing is hidden, but folded
            return Shown(f"{self.name}: once yours is written, hold it against this.", self.points)
        if TEXT_STUB in cell:
            return Shown(
                f"{self.name}: open. Write your answer in the cell above, in the place of "
                f"{TEXT_STUB}, save the notebook (Ctrl+S), and run this cell again: then it shows "
                f"what a good answer says."
            )
        return Shown(f"{self.name}: hold yours against this.", self.points, unfolded=True)

    def _cell(self) -> str | None:
        """The cell of the answer, as the notebook was last saved; None where it is not found."""
        try:
            notebook = json.loads(Path(f"{self.exercise}.ipynb").read_text(encoding="utf-8"))
            (cell,) = (
                cell
                for cell in notebook["cells"]
                if cell["metadata"].get("nbgrader", {}).get("grade_id") == f"{self.name}-answer"
            )
            return "".join(cell["source"])
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return None


@dataclass(frozen=True)
class Shown:
    """A line, and the points below it: folded as long as nobody knows whether to show them."""

    said: str
    points: Sequence[str] = ()
    unfolded: bool = False

    def __str__(self) -> str:
        if not self.points:
            return self.said
        return "\n- ".join([f"{self.said} A good answer says:", *self.points])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        if not self.points:
            return f"<p>{html.escape(self.said)}</p>"
        points = "".join(f"<li>{html.escape(point)}</li>" for point in self.points)
        return (
            f"<details{' open' * self.unfolded}><summary>{html.escape(self.said)} A good answer "
            f"says:</summary><ul>{points}</ul></details>"
        )
