"""Task 5 of exercise 08: waiting for memory."""

import operator

import torch

from ..inputs import between, whole
from ..task import task


def _machines(random: torch.Generator, case: int) -> tuple:
    """Layers of which some wait for memory and others for arithmetic, but for batches of one."""
    wide = [(whole(random, 600, 900), whole(random, 600, 900)) for _ in range(2)]
    thin = [(whole(random, 4, 12), whole(random, 2000, 4000))]
    batch = (32, 1, 48, 256)[case % 4]
    bits = (8, 4, 32, 16)[(case + case // 4) % 4]
    bytes_per_second = 1e9 * between(random, 5, 20)
    ridge = between(random, 4.5, 5.5)  # multiply-adds a byte
    return wide + thin, batch, bits, ridge * bytes_per_second, bytes_per_second


def _counted(layers, batch, bits, *, weights_for_each=False, flow=32, byte=8, for_all=True, mac=1):
    """(multiply-adds, bytes) of each layer: its weights once, inputs and outputs for each image.

    flow: bits of an input or output. for_all: the images, not one. mac: as how many it counts.
    """
    for outputs, inputs in layers:
        weights = outputs * inputs
        stored = weights * bits / byte * (batch if weights_for_each else 1)
        flows = flow / 8 * (inputs + outputs) * batch
        yield mac * weights * (batch if for_all else 1), stored + flows


@task("08_trade_offs", draw=_machines)
def least_seconds(layers, batch, bits, macs_per_second, bytes_per_second, *, waits=max, **slips):
    """A language model writes one word at a time, and each word needs every weight: a batch of one.

    So it waits for memory, and weights in 4 bits make it faster even where nothing computes in 4
    bits. Served to many people at once it waits for arithmetic, and then they do not.
    """
    counted = _counted(layers, batch, bits, **slips)
    return sum(waits(m / macs_per_second, b / bytes_per_second) for m, b in counted)


@least_seconds.mistake
def roof_of_the_whole(layers, batch, bits, macs_per_second, bytes_per_second):
    """
    - One layer waits for memory, the next for arithmetic. Can one make up for the other?
    - You add up all multiplications and all bytes first. Then a layer that waits for memory seems
      to share its time with another that computes.
    - One layer comes after the other: each has its own roof, and its own time. Add the times.
    """
    macs, moved = map(sum, zip(*_counted(layers, batch, bits), strict=True))
    return max(macs / macs_per_second, moved / bytes_per_second)


least_seconds.mistaken("one_after_the_other", waits=operator.add)("""
    - While bytes are on their way, does the processor have to stand still?
    - You add the time of the arithmetic and that of the memory. At best both happen at once.
    - Of a layer's two times, which one is it waiting for?
""")

least_seconds.mistaken("the_faster_of_the_two", waits=min)("""
    - A layer is done when its arithmetic is done and its bytes are there. Which comes last?
    - You take the shorter of the two times. The roofline takes the smaller *speed*.
    - Less speed is more time: a layer waits for the slower of the two.
""")

least_seconds.mistaken("weights_for_each_image", weights_for_each=True)("""
    - Right for a batch of one. How often are the weights fetched for a batch of 32?
    - You move the weights once for each image. All images of a batch use the same ones.
    - The weights are moved once, what flows in and out once for each image.
""")

least_seconds.mistaken("weights_alone", flow=0)("""
    - What else has to be moved besides the weights?
    - The layer reads its inputs and writes its outputs, for each image of the batch.
    - Inputs and outputs are float32, whatever the bits of the weights are.
""")

least_seconds.mistaken("bits_taken_for_bytes", byte=1)("""
    - In which unit are your weights moved?
    - `bytes_per_second` counts bytes, and your weights are counted in bits.
    - How many bits has a byte?
""")


@least_seconds.mistake
def everything_in_bits(layers, batch, bits, *speeds):
    """
    - What is stored in `bits`, and what is not? Read the task again.
    - You move inputs and outputs in the weights' bits. They are float32 here.
    - Only the weights take `bits` each. How many bytes has a float32?
    """
    return least_seconds.right(layers, batch, bits, *speeds, flow=bits)


@least_seconds.mistake
def one_image(layers, batch, *rest):
    """
    - Right for a batch of one. Where does `batch` come into your function?
    - Your time is that of a single image. The arithmetic grows with the batch, and so does what
      flows in and out.
    - Of the three things that are counted (multiplications, weights moved, numbers in and out),
      which are there once for each image?
    """
    return least_seconds.right(layers, 1, *rest)


least_seconds.mistaken("macs_of_one_image", for_all=False)("""
    - The bytes are right. How many multiplications are there for a batch of 32?
    - You count the multiplications of a single image.
    - Each image of the batch is multiplied with all the weights.
""")

least_seconds.mistaken("two_for_one", mac=2)("""
    - Where a layer waits for memory you are right. What does the machine do so often a second?
    - You count a multiplication and an addition as two. Some tables do.
    - `macs_per_second` counts multiply-adds: both together are one.
""")
