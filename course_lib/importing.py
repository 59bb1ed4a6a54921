"""What happens when something is first imported: torchvision mended, former names understood."""

import os
import sys
from collections.abc import Mapping
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Any


class OtherNames(MetaPathFinder, Loader):
    """`import course_lib.data` finds the module where it lies: `course_lib.images.data`."""

    def __init__(self, lies: Mapping[str, str]):
        self.lies = lies  # {full name asked for: full name of the module}

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        return ModuleSpec(name, self) if name in self.lies else None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        module = import_module(self.lies[spec.name])
        spec.loader_state = module.__spec__
        return module

    def exec_module(self, module: ModuleType) -> None:
        """It has run already; only its own spec, which the import has replaced, is put back."""
        replaced = module.__spec__
        module.__spec__ = replaced.loader_state if replaced else None


class TorchvisionMended(MetaPathFinder):
    """Runs just before torchvision is first imported.

    A torchvision built for another torch (a CUDA build beside a CPU torch) cannot load its
    compiled operators, and its import then fails with "operator torchvision::nms does not
    exist", although only detection networks need them. Declaring the two missing schemas is
    enough for everything else: transforms, models, datasets, torch.export.
    """

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> None:
        if name == "torchvision" and name not in sys.modules:
            sys.meta_path.remove(self)
            mend_torchvision()


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


_kept: list[Any] = []
