"""Which form of a packed file takes less time here: its integers, or the same weights in floats.

Processors without 8-bit dot products (see `processor`) gain little from 8 bits, and small networks
little or nothing.

>>> from course_lib import models, packing
>>> choice = choose(packing.load(models.WEIGHTS / "leaves.packed"))
>>> len(choice.network(torch.ones(1, 3, 64, 64))), list(choice.milliseconds)
(1, ['integers', 'floats'])
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor

from course_lib.deploy.engines import Onnx
from course_lib.deploy.floats import in_floats
from course_lib.images.data import Images
from course_lib.measure.measuring import latency
from course_lib.units import short_ms

LEAST_GAIN = 0.1  # of the integers' time; what saves less may lose it on another day
SAMPLE = 300  # images
# Without rounding between the layers logits differ by a few steps. In 8 bits the two largest are
# often equal (for one photo of four in a 2-bit network), and floats then name the one or the
# other: labels count as the same if the integers have both within this share of the largest logit.
TIE = 0.02
LEAST_AGREEMENT = 0.98  # of the sample; 0.99 and more were found, even for noise


@dataclass(frozen=True)
class Choice:
    """Which of the two forms of a network is to be run here; print(choice) says why."""

    network: Onnx
    milliseconds: Mapping[str, float] = field(default_factory=dict)  # in "integers", in "floats"
    agreement: float = 1.0  # share of the sample that gets the same label, but for ties
    largest: float = 0.0  # difference of any logit, relative to the largest logit

    def __str__(self) -> str:
        if not self.milliseconds:
            return "in floats, as it was given: it holds no integers"
        integers, floats = (short_ms(self.milliseconds[way]) for way in ("integers", "floats"))
        alike = (
            f"{self.agreement:.1%} of the images named alike, logits differ by up to "
            f"{self.largest:.1%} of the largest"
        )
        if self.network.kind == "float32":
            return f"in floats, {floats} an image: in integers it takes {integers} ({alike})"
        if self.agreement < LEAST_AGREEMENT:
            return f"in integers, {integers} an image: floats, {floats}, answer otherwise ({alike})"
        return (
            f"in integers, {integers} an image (floats: {floats}; taken only if they save "
            f"{LEAST_GAIN:.0%} or more)"
        )


def choose(network: Onnx, seconds: float = 0.2, images: Images | None = None) -> Choice:
    """The network as it is or `in_floats`, whichever takes less time here for one image.

    Both are timed by turns, for `seconds`. Floats are taken if they save LEAST_GAIN of the time,
    and name LEAST_AGREEMENT of a sample as the integers do, but for ties. The sample are the first
    of `images`, better real ones; without any it is noise, the same each time. A float32 network
    comes back as it is. Raises what `in_floats` raises.
    """
    if network.kind == "float32":
        return Choice(network)
    floats, sample = in_floats(network), _sample(network, images)
    batches = sample.split(network.batch or 20)
    ours, theirs = (torch.cat([form(part) for part in batches]) for form in (network, floats))
    highest = ours.abs().max()
    behind = ours.max(1).values - ours.gather(1, theirs.argmax(1, keepdim=True))[:, 0]
    agreement = (behind <= TIE * highest).double().mean().item()
    forms = {"integers": network, "floats": floats}
    runs = [form.run(batches[0][: network.batch or 1]) for form in forms.values()]
    times = latency(*runs, limit_s=seconds)
    taken = {name: time.median_ms for name, time in zip(forms, times, strict=True)}
    faster = taken["floats"] <= (1 - LEAST_GAIN) * taken["integers"]
    return Choice(
        floats if faster and agreement >= LEAST_AGREEMENT else network,
        taken,
        agreement,
        ((ours - theirs).abs().max() / highest).item(),
    )


def _sample(network: Onnx, images: Images | None) -> Tensor:
    """Normalised images, (count, channels, height, width), as many as fill whole batches."""
    batch = network.batch or 1
    count = SAMPLE if images is None else min(SAMPLE, len(images))
    count = max(count - count % batch, batch)
    if images is None:
        return torch.randn(count, *network.shape, generator=torch.Generator().manual_seed(0))
    return next(images.first(count).fed_to(network).batches(count))[0]
