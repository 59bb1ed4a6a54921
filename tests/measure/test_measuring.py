"""Threads, time, energy and memory, against clocks, counters and folders that we control."""

import gc
import itertools
import math
import os
import subprocess
import sys
import time

import numpy as np
import pytest
import torch

from course_lib.measure import measuring


@pytest.fixture
def _eight_cores(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(8)), raising=False)
    monkeypatch.setattr(measuring, "cgroup_quota", lambda: math.inf)
    monkeypatch.delenv("COURSE_THREADS", raising=False)


@pytest.mark.usefixtures("_eight_cores")
class TestThreads:
    def test_two_at_most(self):
        assert measuring.threads() == 2

    def test_no_more_than_the_cores_we_may_use(self, monkeypatch):
        monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {5}, raising=False)
        assert measuring.threads() == 1

    def test_cores_are_counted_where_there_is_no_affinity(self, monkeypatch):
        monkeypatch.delattr(os, "sched_getaffinity")
        monkeypatch.setattr(os, "cpu_count", lambda: 1)
        assert measuring.threads() == 1

    @pytest.mark.parametrize(("quota", "expected"), [(0.5, 1), (1.5, 1), (2.0, 2), (6.0, 2)])
    def test_no_more_than_the_quota_grants(self, monkeypatch, quota, expected):
        monkeypatch.setattr(measuring, "cgroup_quota", lambda: quota)
        assert measuring.threads() == expected

    @pytest.mark.parametrize(("wish", "expected"), [("1", 1), ("8", 2), ("", 2)])
    def test_the_environment_lowers_but_never_raises(self, monkeypatch, wish, expected):
        monkeypatch.setenv("COURSE_THREADS", wish)
        assert measuring.threads() == expected

    @pytest.mark.parametrize("wish", ["0", "-1", "two", "1.5"])
    def test_an_impossible_wish_is_named(self, monkeypatch, wish):
        monkeypatch.setenv("COURSE_THREADS", wish)
        with pytest.raises(ValueError, match=f"COURSE_THREADS.*got '{wish}'"):
            measuring.threads()

    def test_torch_is_told_once(self, monkeypatch):
        before = torch.get_num_threads()
        measuring.set_threads.cache_clear()
        try:
            monkeypatch.setenv("COURSE_THREADS", "1")
            assert measuring.set_threads() == torch.get_num_threads() == 1
            torch.set_num_threads(2)  # the learner's own choice afterwards
            measuring.set_threads()
            assert torch.get_num_threads() == 2
        finally:
            torch.set_num_threads(before)
            measuring.set_threads.cache_clear()


def write(root, files):
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({}, math.inf),
        ({"proc/self/cgroup": "0::/\n"}, math.inf),
        # v2, as a container sees it
        ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "150000 100000\n"}, 1.5),
        ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "max 100000\n"}, math.inf),
        # v2, the limit stands two groups above the process
        (
            {
                "proc/self/cgroup": "0::/user.slice/user-1.slice/session\n",
                "sys/fs/cgroup/user.slice/cpu.max": "100000 50000\n",
                "sys/fs/cgroup/user.slice/user-1.slice/cpu.max": "400000 100000\n",
            },
            2.0,
        ),
        # v1, own group
        (
            {
                "proc/self/cgroup": "9:memory:/job\n4:cpu,cpuacct:/job\n0::/\n",
                "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1\n",
                "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
                "sys/fs/cgroup/cpu/job/cpu.cfs_quota_us": "50000\n",
                "sys/fs/cgroup/cpu/job/cpu.cfs_period_us": "100000\n",
                "sys/fs/cgroup/memory/job/cpu.cfs_quota_us": "1\n",
            },
            0.5,
        ),
        # v1 in a container: the path is the host's, the files lie at the top
        (
            {
                "proc/self/cgroup": "4:cpu,cpuacct:/docker/0123\n",
                "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "300000\n",
                "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
            },
            3.0,
        ),
        ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "nonsense\n"}, math.inf),
    ],
)
def test_cgroup_quota(tmp_path, files, expected):
    write(tmp_path, files)
    assert measuring.cgroup_quota(tmp_path) == expected


def busy(ms, clock):
    """A run that takes `ms` milliseconds by this clock."""

    def run():
        end = clock() + ms * 1e6
        while clock() < end:
            pass

    return run


def test_latency_by_the_wall_clock_is_never_too_short():
    (result,) = measuring.latency(busy(2, time.perf_counter_ns), limit_s=0.3)
    assert 2.0 <= result.median_ms <= result.p90_ms
    assert result.count >= 1


class Clock:
    """Stands still except when a run takes its time, in milliseconds."""

    def __init__(self):
        self.ns = 0
        self.log = []

    def __call__(self):
        return self.ns

    def run(self, name, durations):
        durations = iter(durations)

        def run():
            self.log.append(name)
            self.ns += round(next(durations) * 1e6)

        return run


def forever(*values):
    while True:
        yield from values


def test_latency_is_exact_by_a_steady_clock_and_stops_early():
    clock = Clock()
    (result,) = measuring.latency(clock.run("a", forever(10)), least_s=0.5, clock=clock)
    assert (result.median_ms, result.p90_ms, result.spread, result.noisy) == (10, 10, 0, False)
    assert 0.5 <= clock.ns / 1e9 < 0.6
    # two timed calls fill a slice of 20 ms; the first of each slice and the warm-up do not count
    assert len(clock.log) == measuring.WARM_UP + result.count * 3 // 2


def test_where_nobody_reads_the_times_measuring_is_brief(monkeypatch):
    for brief, seconds in (("", 3), ("1", measuring.BRIEF_S)):
        monkeypatch.setenv("COURSE_BRIEF", brief)
        clock = Clock()
        ever_longer = itertools.count(5)  # so that no median is known to 5%
        measuring.latency(clock.run("a", ever_longer), limit_s=3, clock=clock)
        assert seconds <= clock.ns / 1e9 < seconds + 0.5  # it stops between two rounds


def test_latency_of_known_durations():
    clock = Clock()
    short, long = clock.run("short", forever(1, 1.1)), clock.run("long", forever(4, 4.1, 4.2))
    short, long = measuring.latency(short, long, least_s=0.3, clock=clock)
    assert 1.0 <= short.median_ms <= short.p90_ms <= 1.1
    assert 4.0 <= long.median_ms <= long.p90_ms <= 4.2
    assert (short.noisy, long.noisy) == (False, False)
    assert short.count > 2 * long.count  # both have slices of the same length


def test_latency_goes_on_until_the_median_is_known_to_five_per_cent():
    rng = np.random.default_rng(1)
    for width, settles in [(0.1, True), (2.0, False)]:
        clock = Clock()
        noise = 40 * (1 + width * rng.random(100_000))
        (result,) = measuring.latency(clock.run("a", noise), limit_s=5, clock=clock)
        assert result.noisy is not settles
        assert (result.spread < 0.05) is settles
        if settles:
            assert clock.ns / 1e9 < 2
        else:
            assert 5 <= clock.ns / 1e9 < 5.2


def test_latency_median_and_p90_are_those_of_all_calls():
    clock = Clock()
    # warm-up of three, one untimed call, then slices of one call after one untimed
    timed = [20 + i for i in range(10)]
    durations = [30] * 3 + [d for ms in timed for d in (1000, ms)] + [1000] * 100
    (result,) = measuring.latency(
        clock.run("a", durations), limit_s=(90 + 10_000 + sum(timed)) / 1000, clock=clock
    )
    assert result.count == 10
    assert result.median_ms == np.median(timed)
    assert result.p90_ms == pytest.approx(np.percentile(timed, 90))


def test_latency_takes_turns_in_alternating_order():
    clock = Clock()
    a, b = clock.run("a", forever(20)), clock.run("b", forever(20))
    measuring.latency(a, b, limit_s=0.3, clock=clock)
    after_warm_up = "".join(clock.log[2 * measuring.WARM_UP :])
    assert after_warm_up.startswith("aabb" + "bbaa" + "aabb")


def test_latency_is_noisy_when_only_one_of_two_is():
    rng, clock = np.random.default_rng(0), Clock()
    steady = clock.run("steady", forever(20))
    restless = clock.run("restless", 20 + 60 * rng.random(10_000))
    first, second = measuring.latency(steady, restless, limit_s=2, clock=clock)
    assert (first.noisy, second.noisy) == (False, True)


def test_latency_ends_soon_after_the_limit_for_a_slow_run():
    clock = Clock()
    (result,) = measuring.latency(clock.run("a", forever(3000)), limit_s=10, clock=clock)
    assert result.noisy
    assert result.count >= 1
    assert clock.ns / 1e9 <= 16


def test_latency_stops_the_garbage_collector_and_starts_it_again():
    seen = set()

    def fails():
        seen.add(gc.isenabled())
        if len(calls) == 5:
            raise RuntimeError("broken")
        calls.append(1)

    calls = []
    with pytest.raises(RuntimeError, match="broken"):
        measuring.latency(fails)
    assert seen == {False}
    assert gc.isenabled()


def test_latency_of_nothing_is_refused():
    with pytest.raises(ValueError, match="got 0 runs"):
        measuring.latency()


class Meter:
    """A powercap folder whose counters a run moves."""

    def __init__(self, folder, size=262_143_328_850):
        self.folder, self.size = folder, size

    def zone(self, zone, name, start=0):
        write(self.folder, {
            f"{zone}/name": name + "\n",
            f"{zone}/energy_uj": f"{start}\n",
            f"{zone}/max_energy_range_uj": f"{self.size}\n",
        })  # fmt: skip

    def spend(self, zone, microjoules):
        path = self.folder / zone / "energy_uj"
        path.write_text(f"{(int(path.read_text()) + microjoules) % self.size}\n")


def test_energy_counts_packages_and_memory_but_no_part_twice(tmp_path):
    meter, clock = Meter(tmp_path), Clock()
    write(tmp_path, {"intel-rapl/enabled": "1\n"})
    zones = {"intel-rapl:0": "package-0", "intel-rapl:0:0": "core", "intel-rapl:0:1": "dram",
             "intel-rapl:1": "package-1", "intel-rapl:2": "psys",
             "intel-rapl-mmio:0": "package-0"}  # fmt: skip
    for zone, name in zones.items():
        meter.zone(zone, name, start=1000)

    def run():
        clock.ns += 10_000_000
        for zone, spent in zip(zones, (500, 300, 40, 60, 700, 500), strict=True):
            meter.spend(zone, spent)

    millijoules = measuring.measured_energy(run, least_s=0.5, folder=tmp_path, clock=clock)
    assert millijoules == pytest.approx((500 + 40 + 60) / 1000)
    assert clock.ns == 500_000_000  # half a second of calls


def test_energy_survives_a_counter_that_starts_again(tmp_path):
    meter, clock = Meter(tmp_path, size=10_000), Clock()
    meter.zone("intel-rapl:0", "package-0", start=9_900)

    def run():
        clock.ns += 100_000_000
        meter.spend("intel-rapl:0", 200)

    assert measuring.measured_energy(run, folder=tmp_path, clock=clock) == pytest.approx(0.2)


def test_energy_of_a_slow_run_is_measured_once(tmp_path):
    meter, clock = Meter(tmp_path), Clock()
    meter.zone("intel-rapl:0", "package-0")

    def run():
        clock.ns += 3_000_000_000
        meter.spend("intel-rapl:0", 5_000_000)

    assert measuring.measured_energy(run, folder=tmp_path, clock=clock) == pytest.approx(5000)


def test_no_energy_without_counters(tmp_path):
    assert measuring.measured_energy(lambda: 1 / 0, folder=tmp_path / "missing") is None
    Meter(tmp_path).zone("intel-rapl:0", "package-0")  # there, but it stands still
    assert measuring.measured_energy(lambda: None, least_s=0.01, folder=tmp_path) is None
    (tmp_path / "intel-rapl:0" / "energy_uj").unlink()  # hidden from users other than root
    assert measuring.measured_energy(lambda: 1 / 0, folder=tmp_path) is None


@pytest.mark.long
def test_peak_memory_rises_with_what_was_held_and_stays():
    script = (
        "from course_lib.measure.measuring import peak_memory\n"
        "import numpy\n"
        "before = peak_memory()\n"
        "held = numpy.ones(100_000_000, dtype=numpy.uint8)\n"
        "del held\n"
        "print(peak_memory() - before)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60
    )
    assert 90e6 < int(done.stdout) < 120e6


def test_peak_memory_counts_living_children():
    script = "x = bytearray(80_000_000); print('ready', flush=True); input()"
    before = measuring.peak_memory()
    child = subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    try:
        child.stdout.readline()
        assert 80e6 < measuring.peak_memory() - before < 140e6
    finally:
        child.communicate(b"\n", timeout=30)
    assert measuring.peak_memory() - before < 40e6
