"""predict shows the guess beside the result."""

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


@pytest.mark.parametrize("wrong", [-1, 11, "many", float("nan")])
def test_an_impossible_guess_is_quoted(wrong):
    with pytest.raises(ValueError, match="from 0 to 10"):
        predict.guess("How many?", wrong, 0, 10)
