"""predict shows the guess beside the result."""

from fractions import Fraction

import numpy as np
import pytest

from course_lib import predict


def test_a_guess_stands_beside_the_result_and_never_stops_run_all():
    silent = predict.guess("How many?", None, 0, 10)
    assert "my_guess" in str(silent)
    assert str(silent.reveal(4)) == "Measured: 4. (No guess this time.)"
    shown = predict.guess("How many?", 7, 0, 10, unit="%").reveal(4)
    assert str(shown) == "You guessed 7%, measured: 4%. Off by 3 of 10."
    assert "your guess 7%" in shown._repr_html_()
    assert "your guess" not in silent.reveal(4)._repr_html_()


@pytest.mark.parametrize(
    ("said", "number"),
    [
        (7, 7), (0, 0), (10, 10), (6.5, 6.5), (np.float32(6.5), 6.5), (np.int64(3), 3),
        ("7", 7), ("6,5", 6.5), (" 6.5 ", 6.5), (".5", 0.5), ((6, 5), 6.5),
        (Fraction(1, 2), 0.5),
    ],
)  # fmt: skip
def test_what_people_type_is_read_as_they_mean_it(said, number):
    assert predict.guess("How many?", said, 0, 10).value == number
    assert predict.guess("How many?", said, 0, 10).wrong == ""


@pytest.mark.parametrize("said", ["62,5 %", "62.5%", (62, 5), "62.5", 62.5])
def test_percent_may_be_written_with_their_sign(said):
    assert predict.guess("How many?", said, 0, 100, "%").value == 62.5


@pytest.mark.parametrize(
    "wrong",
    [-1, 11, "many", "7 kg", "", float("nan"), float("inf"), True, False, [7],
     {}, 7j, "1e3", np.array([7]), "12"],
)  # fmt: skip
def test_what_can_be_no_guess_is_said_and_is_none(wrong):
    found = predict.guess("How many?", wrong, 0, 10)
    assert found.value is None
    assert "from 0 to 10" in str(found)
    assert repr(wrong)[:40] in str(found)
    assert "Write it anew, and run this cell again" in str(found)
    shown = found.reveal(4)
    assert str(shown).startswith("Measured: 4. (A guess here is ")
    assert "your guess" not in shown._repr_html_()


@pytest.mark.parametrize("pair", [(60, 70), (6, 25), (1, 5), (6, 5, 1), (6.5, 1), (-6, 5)])
def test_a_range_is_no_guess(pair):
    found = predict.guess("How many?", pair, 0, 100)
    assert found.value is None
    assert "is not one number for Python: write it with a point, like 62.5" in str(found)


def test_a_share_is_asked_back_where_percent_are_meant():
    found = predict.guess("How many?", 0.62, 0, 100, "%")
    assert found.value is None
    assert "is 0.62 meant as 62%? Then write 62" in str(found)
    assert predict.guess("How many?", 0.62, 0, 1).value == 0.62
