"""Figures as they are written: the right unit at every size, and never a digit more than meant."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from course_lib import units


@given(st.floats(1, 9e14))
def test_bytes_say_how_many_there_are(count):
    for text, digits in ((units.show_bytes(count), 2), (units.short_bytes(count), 3)):
        number, unit = text.split()
        value = float(number) * 1000 ** units.BYTES.index(unit)
        assert value == pytest.approx(count, rel=0.6 / 10 ** (digits - 1), abs=0.5)
        assert len(re.sub(r"\D", "", number)) <= 3


@pytest.mark.parametrize(
    ("count", "shown", "short"),
    [(0, "0 B", "0 B"), (999.6, "1.0 kB", "1 kB"), (12_345, "12 kB", "12.3 kB"),
     (999_499, "999 kB", "999 kB"), (999_501, "1.0 MB", "1 MB"), (-4_600_000, "-4.6 MB", "-4.6 MB"),
     (2.5e12, "2.5 TB", "2.5 TB")],
)  # fmt: skip
def test_where_a_unit_ends(count, shown, short):
    assert (units.show_bytes(count), units.short_bytes(count)) == (shown, short)
    assert units.show_count(count) == re.sub(r" B|B$", "", shown)


@pytest.mark.parametrize(
    ("value", "shown", "short"),
    [(0, "0 ms", "0 ms"), (0.0000123, "1.23e-05 ms", "1.23e-05 ms"),
     (0.001, "0.00100 ms", "0.001 ms"), (0.05, "0.0500 ms", "0.05 ms"), (4.7, "4.70 ms", "4.7 ms"),
     (99.94, "99.9 ms", "99.9 ms"), (99.95, "100 ms", "100 ms"), (152.4, "152 ms", "152 ms"),
     (1234, "1,234 ms", "1.23e+03 ms")],
)  # fmt: skip
def test_milliseconds_have_three_digits(value, shown, short):
    assert (units.show_ms(value), units.short_ms(value)) == (shown, short)


def test_one_unit_whatever_the_size():
    assert [units.megabytes(count) for count in (400_000, 1_234_567_890)] == ["0 MB", "1235 MB"]
    assert [units.gigabytes(count) for count in (44e6, 512e9)] == ["0.0 GB", "512.0 GB"]
    assert units.gigabytes(float("inf")) == "inf GB", "no limit is no error"
