"""Task 5 of exercise 08: waiting for memory."""

import operator

import torch

from ..inputs import between, whole
from ..task import task


def _machines(random: torch.Generator, case: int) -> tuple:
    """Layers of which some wait for memory and others for arithmetic, but for batches of one."""
    wide = [(whole(random, 600, 900), whole(random, 600, 900)) for _ in range(2)]
    thin = [(whole(random, 4, 12), whole(random, 2000, 4000))]
    batch = (32, 1, 48, 256, 32, 1, 48, 4)[case % 8]
    bits = (8, 4, 32, 16)[(case + case // 4) % 4]
    bytes_per_second = 1e9 * between(random, 5, 20)
    ridge = between(random, 4.5, 5.5)  # multiply-adds a byte
    return wide + thin, batch, bits, ridge * bytes_per_second, bytes_per_second


def _counted(
    layers,
    batch,
    bits,
    *,
    weights_for_each=False,
    flow=32,
    byte=8,
    for_all=True,
    mac=1,
    passing=lambda outputs, inputs, first: outputs + inputs,
    flow_for_each=True,
):
    """(multiply-adds, bytes) of each layer: its weights once, inputs and outputs for each image.

    flow: bits of an input or output. for_all: the images, not one. mac: as how many it counts.
    passing: how many numbers flow through a layer, for each image or (flow_for_each) only one.
    """
    for place, (outputs, inputs) in enumerate(layers):
        weights = outputs * inputs
        stored = weights * bits / byte * (batch if weights_for_each else 1)
        flows = flow / 8 * passing(outputs, inputs, place == 0) * (batch if flow_for_each else 1)
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
    - The bytes are right. How many multiplications are there for a batch of 32, and how long do
      they take?
    - Your time is that of the bytes, however large the batch is: you count the multiplications of a
      single image, or none.
    - Each image of the batch is multiplied with all the weights. See which a layer waits for.
""")

least_seconds.mistaken("two_for_one", mac=2)("""
    - Where a layer waits for memory you are right. What does the machine do so often a second?
    - You count a multiplication and an addition as two. Some tables do.
    - `macs_per_second` counts multiply-adds: both together are one.
""")


least_seconds.mistaken("inputs_of_one_image", flow_for_each=False)("""
    - Right for a batch of one. What flows in for a batch of 32?
    - You move the inputs and outputs of a single image.
    - Of weights, inputs and outputs, which are there once for each image?
""")

least_seconds.mistaken("outputs_forgotten", passing=lambda outputs, inputs, first: inputs)("""
    - Nearly. What becomes of a layer's results?
    - You move what flows in. What flows out has to be written, too.
    - Both are float32, and both are there for each image.
""")

least_seconds.mistaken("inputs_forgotten", passing=lambda outputs, inputs, first: outputs)("""
    - Nearly. What does a layer read besides its weights?
    - You move what flows out. What flows in has to be read, too.
    - Both are float32, and both are there for each image.
""")

least_seconds.mistaken(
    "moved_once_between_layers", passing=lambda outputs, inputs, first: outputs + first * inputs
)("""
    - What one layer wrote, does the next one get for nothing?
    - You move what lies between two layers once. The first writes it, and the second reads it.
    - Count each layer by itself: what flows in, and what flows out.
""")

least_seconds.mistaken("a_byte_for_each_number", flow=8)("""
    - How many bytes has a float32?
    - You move one byte for each input and output.
    - 32 bits, 8 in a byte.
""")

least_seconds.mistaken("bits_of_what_flows", flow=256)("""
    - In which unit do inputs and outputs flow through your layers?
    - You count 32 for each of them. That is its bits.
    - `bytes_per_second` counts bytes. How many bytes has a float32?
""")


@least_seconds.mistake
def weights_in_float32(layers, batch, bits, *speeds):
    """
    - Where does `bits` come into your function?
    - Your weights take 4 bytes each, however many bits they are stored in.
    - What flows is float32; the weights are stored in `bits` each.
    """
    return _summed(layers, batch, 32, *speeds)


@least_seconds.mistake
def whole_bytes_for_each_weight(layers, batch, bits, *speeds):
    """
    - Often right. How many bytes has a weight of 4 bits?
    - `//` rounds down: your weights of 4 bits take no bytes at all.
    - Half a byte is a good answer, as there are thousands of them.
    """
    return _summed(layers, batch, 8 * (bits // 8), *speeds)


def _summed(layers, batch, bits, macs_per_second, bytes_per_second, waits=max, of_layers=sum):
    counted = _counted(layers, batch, bits)
    return of_layers(waits(m / macs_per_second, b / bytes_per_second) for m, b in counted)


least_seconds.mistaken("the_slowest_layer", _summed, of_layers=max)("""
    - What does the second layer do while the first one works?
    - You return the time of the slowest layer. Each begins when the one before it has ended.
    - Add up the times of all layers.
""")

least_seconds.mistaken("mean_of_the_two", _summed, waits=lambda a, b: (a + b) / 2)("""
    - A layer is done when its arithmetic is done and its bytes are there. When is that?
    - You take the mean of two times. Nothing is done at the mean.
    - Both go on at once: the later one decides.
""")

least_seconds.mistaken("arithmetic_alone", _summed, waits=lambda busy, fetching: busy)("""
    - Sometimes right. When does a layer wait for its bytes?
    - You count the time of the arithmetic alone.
    - Bytes take time, too: work out both, and see which one a layer waits for.
""")


@least_seconds.mistake
def for_each_image(layers, batch, *rest):
    """
    - Right for a batch of one. Of how many images is the time?
    - You divide by the batch: your time is that of one image in it.
    - Asked for is the whole batch.
    """
    return least_seconds.right(layers, batch, *rest) / batch


@least_seconds.mistake
def in_milliseconds(*given):
    """
    - In which unit is the answer?
    - Every number is 1000 times as large: those are milliseconds.
    - Speeds are given for a second, so bytes over speed are seconds.
    """
    return 1000 * least_seconds.right(*given)
