"""A guess: what do norms repair that look again?"""

from ...networks import models, training
from ...techniques import neuron_pruning as pruning
from ..budget import leaves
from ..prediction import Prediction


def _recovered() -> float:
    """Percent right on the validation leaves: half of the fifth layer gone, norms taken anew."""
    network = models.load_pretrained("leafnet_student_distilled")
    cut = pruning.prune(network, {"features.14": 0.5})
    fresh = training.recalibrated(cut, leaves().train.first(500))
    return round(100 * training.evaluate(fresh, leaves().val), 1)


my_percent = Prediction(
    "02_neuron_pruning",
    "my_percent",
    "Percent of the validation leaves that are named right, once the norms have looked again?",
    low=0,
    high=100,
    measure=_recovered,
    why="No weight has changed since the cut. So what was broken?",
    unit="%",
)
