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
    - How many frames are computed until a name is there, and how often does the user aim?
    - You count a single frame for each time that the user aims.
    - Aiming comes once. Both the time and the energy of a frame are taken `frames` times after it.
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


def _each(joules):
    """How many times as many, by what one identification is said to take."""

    def quotient(watts, aiming, frames, before, after):
        old, new = (joules(watts, aiming, frames, *network) for network in (before, after))
        return old / new

    return quotient


gain.mistaken("power_for_energy", _each(lambda w, a, f, ms, mj: w + mj / ms))("""
    - For how long does the phone draw what you add up?
    - You compare watts. How much a battery gives is counted in joules: watts times seconds.
    - How long is one identification? Take each power times the seconds that it lasts.
""")

gain.mistaken(
    "networks_power_all_the_time",
    _each(lambda w, a, f, ms, mj: (w + mj / ms) * (a + f * ms / 1000)),
)("""
    - Does the network compute while the user aims?
    - You let the network work from the beginning. In this task no frame is named before the leaf is
      in the picture.
    - `frames` are all that are computed, and the millijoules are given for one: no power has to be
      reckoned from them.
""")

gain.mistaken(
    "millijoules_as_power", _each(lambda w, a, f, ms, mj: (w + mj / 1000) * (a + f * ms / 1000))
)("""
    - Is `mj` something that flows for a second, or what a frame takes in all?
    - You add the network's energy to the watts, and multiply both by the seconds.
    - Watts become joules by the seconds. What is in millijoules is energy already.
""")

gain.mistaken(
    "energy_times_time", _each(lambda w, a, f, ms, mj: w * a + f * ms / 1000 * mj / 1000)
)("""
    - Seconds times joules: in which unit is that?
    - You multiply the milliseconds of a frame by its millijoules.
    - Both cost something, each by itself: the milliseconds through the screen's watts, the
      millijoules as they are. What costs is added up.
""")

gain.mistaken(
    "watts_on_the_frames_alone",
    _each(lambda w, a, f, ms, mj: a + w * f * ms / 1000 + f * mj / 1000),
)("""
    - In which unit is each thing that you add?
    - Your aiming is in seconds, the rest in joules. Are brackets missing?
    - `watts` flow during the aiming, too.
""")

gain.mistaken(
    "watts_on_the_aiming_alone",
    _each(lambda w, a, f, ms, mj: w * a + f * ms / 1000 + f * mj / 1000),
)("""
    - In which unit is each thing that you add?
    - The seconds of your frames are added to joules. Are brackets missing?
    - `watts` flow while the frames are computed, too.
""")

gain.mistaken(
    "without_the_watts", _each(lambda w, a, f, ms, mj: a + f * ms / 1000 + f * mj / 1000)
)("""
    - In which unit is each thing that you add? Where do the watts come in?
    - You add seconds and joules.
    - Seconds become joules by the watts that flow meanwhile.
""")

gain.mistaken("ms_and_mj_exchanged", lambda watts, aiming, frames, before, after: gain.right(
    watts, aiming, frames, before[::-1], after[::-1]
))("""
    - In which order do the two numbers of a network come?
    - You take the energy for the time, and the time for the energy.
    - (milliseconds, millijoules): print both under their names.
""")  # fmt: skip


@gain.mistake
def joules_saved(watts, aiming, frames, before, after):
    """
    - How many times as many: in which unit is that?
    - You return how many joules are saved. What both take is right.
    - If each takes half, the same battery is enough for how many?
    """
    old, new = (_joules(watts, aiming, frames, each) for each in (before, after))
    return old - new


@gain.mistake
def mean_of_the_networks_gains(watts, aiming, frames, before, after):
    """
    - A network that takes no energy at all: does the battery last for ever?
    - You take the mean of two gains of the network. Neither of them makes the screen darker.
    - What does one identification take in all, in joules? Begin with that, once for each network.
    """
    return (before[0] / after[0] + before[1] / after[1]) / 2
