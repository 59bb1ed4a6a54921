"""Task 5 of exercise 09: what the battery gains."""

import torch

from ..inputs import between, whole
from ..task import task


def _phones(random: torch.Generator, case: int) -> tuple:
    """A phone, how it is used, and (ms, mJ) a frame of two networks."""
    watts, aiming = between(random, 1.2, 2.8), between(random, 1.5, 4)
    frames = whole(random, 3, 9)
    heavy = (1.0, 3.0, 0.4, 1.5)[case % 4]
    before = (between(random, 90, 220), heavy * between(random, 250, 500))
    after = (before[0] / between(random, 8, 16), before[1] / between(random, 18, 40))
    return watts, aiming, frames, before, after


def _joules(watts, aiming, frames, network, *, on=None, fed=None, second=1000, joule=1000):
    """Of one identification.

    on, fed: frames that count for the phone, for the network. second, joule: in thousandths.
    """
    ms, mj = network
    seconds = aiming + (frames if on is None else on) * ms / second
    return watts * seconds + (frames if fed is None else fed) * mj / joule


@task("09_plant_app", draw=_phones)
def gain(watts, aiming, frames, before, after, **slips):
    """This is Amdahl's law: what is not made smaller limits what all the rest can gain.

    Whoever says how much longer a battery lasts has to say what else is running.
    """
    old, new = (_joules(watts, aiming, frames, each, **slips) for each in (before, after))
    return old / new


def _quotient(watts, aiming, frames, before, after, *, of):
    """What the network alone gains."""
    return of(*before) / of(*after)


gain.mistaken("energy_of_the_network_alone", _quotient, of=lambda ms, mj: mj)("""
    - A network that takes no energy at all: does the battery last for ever?
    - You compare the energy of the two networks. Screen and camera drain the battery, too.
    - What does one identification take in all? Begin with that, once for each network.
""")

gain.mistaken("time_of_the_network_alone", _quotient, of=lambda ms, mj: ms)("""
    - Is the phone off while nobody waits for the network?
    - You compare the milliseconds of the two networks. Aiming takes time as well, and the battery
      holds energy, not time.
    - What does one identification take in all, in joules? Begin with that, once for each network.
""")

gain.mistaken("both_ratios_multiplied", _quotient, of=lambda ms, mj: ms * mj)("""
    - A network that takes no energy at all: does the battery last for ever?
    - You multiply two gains of the network. Neither of them makes the screen darker.
    - What does one identification take in all, in joules? Begin with that, once for each network.
""")

gain.mistaken("upside_down", lambda *phone: 1 / gain.right(*phone))("""
    - More identifications, or fewer? Is your number above 1?
    - You divide the small by the large. Who takes *less* for each gets *more* of them.
    - Turn the quotient around.
""")

gain.mistaken("share_saved", lambda *phone: 1 - 1 / gain.right(*phone))("""
    - Half of the energy is saved: how many times as many identifications are that?
    - You return the share of the energy that is saved. Asked for is how many times as many.
    - Who takes half for each gets twice as many of them, not half more.
""")

gain.mistaken("more_in_percent", lambda *phone: gain.right(*phone) - 1)("""
    - How many times as many: if nothing changes, which number is it?
    - You return by how much there are more. Then no change is 0, and asked for is 1.
    - "Twice as many" is 2, not 1 and not 100.
""")

gain.mistaken("without_the_aiming", lambda watts, aiming, *rest: gain.right(watts, 0, *rest))("""
    - What is the phone doing while its user looks for the leaf?
    - The screen and the camera are on while the user aims. You count the frames alone.
    - `aiming` belongs to the seconds during which `watts` flow.
""")

gain.mistaken("screen_while_aiming_alone", on=0)("""
    - Is the screen dark while the network computes?
    - You let screen and camera run while the user aims. They also run while the frames are
      computed, and that takes longer with the slow network.
    - The seconds are those of aiming *and* those of all the frames.
""")

gain.mistaken("without_the_networks_energy", fed=0)("""
    - You count how long the phone is on. What does the network take besides?
    - The millijoules of the frames are missing.
    - To what screen and camera take, add what all the frames take.
""")

gain.mistaken("a_single_frame", on=1, fed=1)("""
    - How many frames are computed until a name is there?
    - You count a single frame.
    - Both the time and the energy of a frame are taken `frames` times.
""")

gain.mistaken("energy_of_a_single_frame", fed=1)("""
    - The time is right. How often does the network take its millijoules?
    - You take the time of all the frames, but the energy of one.
    - `mj` is for a frame, as `ms` is.
""")

gain.mistaken("time_of_a_single_frame", on=1)("""
    - The energy of the network is right. How long are screen and camera on?
    - You take the energy of all the frames, but the time of one.
    - `ms` is for a frame, as `mj` is.
""")

gain.mistaken("millijoules_taken_for_joules", joule=1)("""
    - Watts times seconds: in which unit is that, and in which one is `mj`?
    - You add millijoules to joules, so the network seems to take nearly everything.
    - A watt for a second is a joule. How many millijoules is that?
""")

gain.mistaken("milliseconds_taken_for_seconds", second=1)("""
    - In which unit is `aiming`, and in which one is `ms`?
    - You add milliseconds to seconds.
    - How many seconds is a millisecond? Bring all times into one unit before you add.
""")

gain.mistaken("thousands_left_out", second=1, joule=1)("""
    - In which units are `ms` and `mj`, and in which ones `aiming` and `watts`?
    - You add milliseconds to seconds, and millijoules to joules.
    - Bring everything into seconds and joules first. How many of them make a thousand?
""")


@gain.mistake
def mean_of_the_factors(watts, aiming, frames, before, after):
    """
    - Half of the energy shrinks to nothing. How many times as many identifications are possible?
    - You weight factors by their shares. One huge factor then seems to make up for everything else.
    - Add up what is *left* of each part. The quotient of the sums comes last.
    """
    total = _joules(watts, aiming, frames, before)
    shares = [watts * aiming, watts * frames * before[0] / 1000, frames * before[1] / 1000]
    factors = [1, before[0] / after[0], before[1] / after[1]]
    return sum(s / total * f for s, f in zip(shares, factors, strict=True))
