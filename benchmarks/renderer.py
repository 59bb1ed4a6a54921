"""How fast the leaves are rendered, and the contact sheet of the README (docs/leaves.png)."""

import argparse
import time

import numpy as np

from _recording import ROOT, record
from course_lib import figures, leaves

COUNT = 2000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", action="store_true", help="a try-out that writes nothing")
    small = parser.parse_args().small
    count = 24 if small else COUNT
    speeds = {}
    for workers in (1, 2, 1, 2, 1, 2):  # by turns, so that a busy moment hits both
        start = time.perf_counter()
        images, labels = leaves.render(count, seed=9, workers=workers)
        speed = count / (time.perf_counter() - start)
        speeds.setdefault(f"workers_{workers}", []).append(round(speed))
    rows = np.stack([images[labels == species][:10] for species in range(len(leaves.SPECIES))])
    names = [species.name for species in leaves.SPECIES]
    sheet = figures.contact_sheet(rows, names, None)
    if small:
        print(speeds)
        return
    (ROOT / "docs" / "leaves.png").write_bytes(sheet.png())
    record("renderer", {"images": COUNT, "images_per_second": speeds})


if __name__ == "__main__":
    main()
