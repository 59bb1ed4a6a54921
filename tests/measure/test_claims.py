"""Claims raise when they must, and say so when they may."""

import numpy as np
import pytest
import torch

from course_lib import claims


def test_claims_raise_when_they_must_and_say_so_when_they_may(capsys, monkeypatch):
    monkeypatch.delenv("COURSE_STRICT", raising=False)
    monkeypatch.delenv("COURSE_NOT_HERE", raising=False)
    claims.claim("water is wet", True)
    claims.claim("it is fast", True, machine="it is busy", measured="2x")
    claims.claim("it is fast", False, machine="it is busy", measured="0.5x")
    claims.claim("it is learnt", False, images="digits", measured="40%")
    said = capsys.readouterr().out.splitlines()
    assert said == [
        "held: water is wet",
        "held here: it is fast [2x]",
        "not here: it is fast [0.5x; likely reason: it is busy]",
        "not on these images (digits): it is learnt (40%)",
    ]
    with pytest.raises(AssertionError, match="false"):
        claims.claim("it is learnt", False, images="leaves")
    monkeypatch.setenv("COURSE_STRICT", "1")
    with pytest.raises(AssertionError, match=r"0\.5x"):
        claims.claim("it is fast", False, machine="it is busy", measured="0.5x")


def test_what_did_not_hold_is_listed_once_with_the_processor(tmp_path, monkeypatch):
    file = tmp_path / "not_here.txt"
    assert claims.not_here(file) == ""
    monkeypatch.setenv("COURSE_NOT_HERE", str(file))
    monkeypatch.delenv("COURSE_STRICT", raising=False)
    claims.claim("it is fast", True, machine="it is busy")
    assert claims.not_here(file) == ""
    for _ in range(2):
        claims.claim("it is fast", False, machine="it is busy", measured="0.5x")
    claims.claim("it is learnt", False, images="digits")
    first, *rest = claims.not_here(file).splitlines()
    assert "no error" in first
    assert rest == ["  it is fast [0.5x; likely reason: it is busy]"]


@pytest.mark.parametrize(
    "holds",
    ["no", "", None, 0, 1, float("nan"), [], [False], [True], np.array([True, True]),
     torch.tensor([True]), torch.tensor(1), torch.tensor(True, device="meta")],
)  # fmt: skip
@pytest.mark.parametrize("kind", [{}, {"machine": "load"}, {"images": "mine"}, {"unless": "no"}])
def test_a_claim_takes_one_true_or_false_and_nothing_that_is_like_one(holds, kind):
    with pytest.raises(ValueError, match="whether a claim holds must be True or False, got"):
        claims.claim("it is small", holds, **kind)


@pytest.mark.parametrize("holds", [True, np.bool_(True), torch.tensor(True), np.array(True)])
def test_a_claim_takes_what_comparisons_give(holds, capsys):
    claims.claim("it is small", holds)
    assert capsys.readouterr().out == "held: it is small\n"
