"""What Python and the phone page have to agree on, from one file: page/shared.js.

>>> VALUES["SIDES"], VALUES["SUFFIX"]
([16, 512], '.plants')
"""

import ast
import re
from pathlib import Path
from typing import Any

FILE = Path(__file__).parent / "page" / "shared.js"


def read(file: Path = FILE) -> dict[str, Any]:
    """The file's values by name. Raises ValueError for a line that Python cannot read."""
    text = file.read_text(encoding="utf-8")
    found: dict[str, Any] = {}
    for line in re.findall(r"(?m)^(?!//).+$", text):
        parts = re.fullmatch(r"export const (\w+) = (.+);(?: //.*)?", line)
        try:
            found[parts[1]] = ast.literal_eval(parts[2])  # type: ignore[index]
        except (TypeError, ValueError, SyntaxError):
            raise ValueError(
                f"{file.name} has the line {line!r:.80}; Python reads `export const NAME = VALUE;` "
                f"alone, with a number, a text or a list of them"
            ) from None
    return found


VALUES = read()
