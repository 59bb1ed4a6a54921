"""Lines for whoever waits. They are progress, as bars are: TQDM_DISABLE silences both."""

import os
import sys


def tell(text: str) -> None:
    """Print a line on stderr, at once."""
    if not os.environ.get("TQDM_DISABLE"):
        print(text, file=sys.stderr, flush=True)
