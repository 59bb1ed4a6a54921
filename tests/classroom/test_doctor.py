"""The machine check: it reports, it never fails, and every problem has its remedy."""

import json
import os
import subprocess
import sys

import pytest

from course_lib import doctor, processor


def by_name(findings):
    return {finding.name: finding for finding in findings}


def command_line(*arguments, **variables):
    return subprocess.run(
        [sys.executable, "-m", "course_lib", "doctor", *arguments],
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
    )


@pytest.mark.long
def test_the_json_is_one_object_and_nothing_else():
    ran = command_line("--json")
    told = json.loads(ran.stdout)
    assert ran.returncode == (0 if told["ok"] else 1)
    assert {"name", "value", "status", "remedy"} == set(told["findings"][0])
    names = {finding["name"] for finding in told["findings"]}
    assert {"python", "torch", "numpy", "processors", "instructions", "speed"} <= names
    assert {"memory", "disk", "cache"} <= names


def test_what_is_not_well_has_a_remedy():
    for finding in doctor.check(speed=False):
        assert finding.status in ("ok", "note", "problem")
        assert (finding.status == "ok") == (finding.remedy == ""), finding


def test_the_versions_are_the_installed_ones():
    import numpy

    assert by_name(doctor.check(speed=False))["numpy"].value == numpy.__version__


def test_another_version_than_the_tested_one_is_a_note(monkeypatch):
    monkeypatch.setattr(doctor, "pinned_versions", lambda: {"numpy": "0.1"})
    finding = by_name(doctor.check(speed=False))["numpy"]
    assert finding.status == "note"
    assert "tested 0.1" in finding.remedy


def test_a_missing_package_is_a_problem(monkeypatch):
    monkeypatch.setattr(doctor, "CORE", ("no-such-package",))
    finding = by_name(doctor.check(speed=False))["no-such-package"]
    assert (finding.value, finding.status) == ("missing", "problem")


@pytest.mark.parametrize("error", ["ImportError('no libtorch')", "OSError('bad DLL')"])
def test_a_broken_torch_is_said_and_hides_nothing_else(tmp_path, error):
    (tmp_path / "torch.py").write_text(f"raise {error}")
    ran = command_line(PYTHONPATH=str(tmp_path))
    assert ran.returncode == 1
    assert "Traceback" not in ran.stderr
    assert f"no: {error.split('(')[0]}" in ran.stdout
    assert "remove .venv" in ran.stdout
    assert "not known without torch" in ran.stdout
    assert "GB free" in ran.stdout


VNNI = {"architecture": "x86_64", "cpu_name": "Some CPU", "avx2": True, "avx512_vnni": True}
KINDS = [
    (VNNI, "two to four times as fast"),
    (VNNI | {"avx512_bf16": True}, "bfloat16 makes training faster"),
    (VNNI | {"avx512_vnni": False}, "small networks gain little or none"),
    ({"architecture": "arm64", "cpu_name": "Some Arm", "neon": True}, "two to four times as fast"),
    ({}, "not known to this torch"),
]


@pytest.mark.parametrize(("found", "meaning"), KINDS)
def test_what_a_processor_lacks_is_said_and_is_no_fault(monkeypatch, found, meaning):
    monkeypatch.setattr(processor, "capabilities", lambda: found)
    finding = by_name(doctor._instructions())["instructions"]
    assert (finding.status, finding.remedy) == ("ok", "")
    assert found.get("cpu_name", "") in finding.value
    assert meaning in finding.value


def test_a_cache_that_cannot_be_written_is_a_problem(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("COURSE_CACHE", str(tmp_path / "file" / "cache"))
    finding = by_name(doctor.check(speed=False))["cache"]
    assert finding.status == "problem"
    assert "COURSE_CACHE" in finding.remedy


def test_looking_at_the_cache_makes_nothing(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_CACHE", str(tmp_path / "cache"))
    assert by_name(doctor.check(speed=False))["cache"].status == "ok"
    assert list(tmp_path.iterdir()) == []


def test_too_little_disk_and_memory_are_problems(monkeypatch):
    monkeypatch.setattr(doctor, "LEAST_DISK", 1e9)
    monkeypatch.setattr(doctor, "LEAST_MEMORY", 1e9)
    found = by_name(doctor.check(speed=False))
    assert found["disk"].status == found["memory"].status == "problem"
    assert doctor.report() == 1


def test_spinning_threads_are_noted(monkeypatch):
    monkeypatch.setenv("OMP_WAIT_POLICY", "ACTIVE")
    finding = by_name(doctor.check(speed=False))["waiting threads"]
    assert finding.status == "note"
    assert "OMP_WAIT_POLICY=PASSIVE" in finding.remedy


def test_the_limit_of_a_container_is_read(tmp_path):
    (tmp_path / "memory.max").write_text("max\n")
    assert doctor.memory_limit(tmp_path) == float("inf")
    (tmp_path / "memory.max").write_text("2000000000\n")
    assert doctor.memory_limit(tmp_path) == 2e9


def test_an_intel_mac_is_told_where_to_go(monkeypatch):
    monkeypatch.setattr(doctor.sys, "platform", "darwin")
    monkeypatch.setattr(doctor.platform, "machine", lambda: "x86_64")
    finding = by_name(doctor._python())["Intel Mac"]
    assert finding.status == "problem"
    assert "Colab" in finding.remedy


def test_one_part_that_fails_hides_no_other(monkeypatch):
    def broken():
        raise RuntimeError("no such counter")

    broken.__name__ = "_memory"
    monkeypatch.setattr(doctor, "_memory", broken)
    found = by_name(doctor.check(speed=False))
    assert found["memory"].remedy == "RuntimeError: no such counter"
    assert "disk" in found
