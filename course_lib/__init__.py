"""Pruning and model compression, measured: the helper library of the course.

`recipe.compress` makes the smallest network that loses no more than you allow, and measures it:

    from course_lib import data, recipe
    print(recipe.compress(data.load("leaves"), max_drop=0.5))

What there is, `from course_lib import NAME`, by the room that it lies in:

    recipes     recipe, search
    images      data, leaves
    networks    models, training, counting, structure
    techniques  jigsaw, neuron_pruning, channels, sensitivity, channel_patches, weight_pruning,
                sparse, quantization, distillation, students, low_rank
    deploy      engines, packing, floats
    measure     scorecard, cards, table, fresh_process, roofline, fastest, claims, recorded
    phone       app, rejection
    figures     one for each chapter; style, widgets, predict
    checks      what exercises call, one for each chapter
    classroom   doctor, notebooks
    everywhere  processor, units

`help(recipe)` says more of one. Nothing heavy is loaded before it is asked for.

>>> from course_lib import leaves, models
>>> models.LeafNet(width=8).classes == len(leaves.SPECIES)
True
"""

import difflib
import os
import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING

from .importing import OtherNames, TorchvisionMended

if TYPE_CHECKING:  # the front door as type checkers see it; _ROOMS is the same for Python
    from . import checks as checks
    from . import figures as figures
    from . import processor as processor
    from . import units as units
    from .classroom import doctor as doctor
    from .classroom import notebooks as notebooks
    from .deploy import engines as engines
    from .deploy import floats as floats
    from .deploy import packing as packing
    from .figures import predict as predict
    from .figures import style as style
    from .figures import widgets as widgets
    from .images import data as data
    from .images import leaves as leaves
    from .measure import cards as cards
    from .measure import claims as claims
    from .measure import fastest as fastest
    from .measure import fresh_process as fresh_process
    from .measure import recorded as recorded
    from .measure import roofline as roofline
    from .measure import scorecard as scorecard
    from .measure import table as table
    from .networks import counting as counting
    from .networks import models as models
    from .networks import structure as structure
    from .networks import training as training
    from .phone import app as app
    from .phone import rejection as rejection
    from .recipes import recipe as recipe
    from .recipes import search as search
    from .techniques import channel_patches as channel_patches
    from .techniques import channels as channels
    from .techniques import distillation as distillation
    from .techniques import jigsaw as jigsaw
    from .techniques import low_rank as low_rank
    from .techniques import neuron_pruning as neuron_pruning
    from .techniques import quantization as quantization
    from .techniques import sensitivity as sensitivity
    from .techniques import sparse as sparse
    from .techniques import students as students
    from .techniques import weight_pruning as weight_pruning

__version__ = "0.1.0"

_ROOMS = {
    "recipes": "recipe search",
    "images": "data leaves",
    "networks": "models training counting structure",
    "techniques": "jigsaw neuron_pruning channels sensitivity channel_patches weight_pruning "
    "sparse quantization distillation students low_rank",
    "deploy": "engines packing floats",
    "measure": "scorecard cards table fresh_process roofline fastest claims recorded",
    "phone": "app rejection",
    "figures": "style widgets predict",
    "classroom": "doctor notebooks",
}
_FORMER = {  # names in copies of chapters that learners have edited, and which no update touches
    "allocation": "sensitivity",
    "judge": "fresh_process",
    "responses": "channel_patches",
    "surgery": "structure",
    "unsure": "rejection",
}
_LIES = {name: f"{__name__}.{room}.{name}" for room in _ROOMS for name in _ROOMS[room].split()}
_EVERYWHERE = ("checks", "figures", "processor", "units")  # not in a room, or rooms themselves


def __getattr__(name: str) -> ModuleType:
    now = _FORMER.get(name, name)
    if now in _LIES or now in _EVERYWHERE:
        return import_module(_LIES.get(now, f"{__name__}.{now}"))
    near = difflib.get_close_matches(name, __dir__(), n=1)
    meant = f"; did you mean {near[0]}?" if near else f"; there are: {', '.join(__dir__())}"
    raise AttributeError(f"{__name__} has no module {name}{meant}", name=name)


def __dir__() -> list[str]:
    return sorted((*_LIES, *_EVERYWHERE))


# Waiting OpenMP threads that spin make training on a shared machine ten times slower;
# the setting is read once, when torch is first imported.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

_OTHER = {former: _LIES[now] for former, now in _FORMER.items()} | _LIES
sys.meta_path.insert(0, TorchvisionMended())
sys.meta_path.insert(0, OtherNames({f"{__name__}.{name}": lies for name, lies in _OTHER.items()}))
