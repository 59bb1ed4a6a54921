"""The helper library of the course: one module per idea, named as its chapter.

Importing it is quick: nothing heavy is loaded until a submodule is asked for.

>>> from course_lib import models
>>> models.LeafNet(width=8).classes
12
"""

import os
import sys
from importlib.machinery import PathFinder

__version__ = "0.1.0"

# Waiting OpenMP threads that spin make training on a shared machine ten times slower;
# the setting is read once, when torch is first imported.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


class _MendTorchvision:
    """Runs just before torchvision is first imported.

    A torchvision built for another torch (a CUDA build beside a CPU torch) cannot load its
    compiled operators, and its import then fails with "operator torchvision::nms does not
    exist", although only detection networks need them. Declaring the two missing schemas is
    enough for everything else: transforms, models, datasets, torch.export.
    """

    @staticmethod
    def find_spec(name, path=None, target=None):
        if name == "torchvision" and name not in sys.modules:
            sys.meta_path.remove(_MendTorchvision)
            mend_torchvision()
        return None


def mend_torchvision() -> bool:
    """Declare torchvision's operators if its compiled ones are missing; True if it had to."""
    spec = PathFinder.find_spec("torchvision")
    if spec is None or not spec.submodule_search_locations:
        return False
    import torch

    folder = spec.submodule_search_locations[0]
    compiled = [
        f for f in os.listdir(folder) if f.startswith("_C.") and f.endswith((".so", ".pyd"))
    ]
    for file in compiled:
        try:
            torch.ops.load_library(os.path.join(folder, file))
            return False
        except OSError:
            pass
    library = torch.library.Library("torchvision", "DEF")
    library.define("nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    library.define("qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    _kept.append(library)  # the schemas live as long as this object
    return True


_kept: list = []
sys.meta_path.insert(0, _MendTorchvision)
