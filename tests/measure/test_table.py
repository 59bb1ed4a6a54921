"""The growing table: each chapter's row, beside those of the chapters before."""

import numpy as np
import pytest
import torch
from IPython.lib.pretty import pretty

from course_lib import data, engines, models, scorecard, table


@pytest.fixture(scope="module")
def measured():
    rng = np.random.default_rng(0)
    images = data.from_arrays(
        rng.integers(0, 256, (150, 32, 32, 3), dtype=np.uint8), np.arange(150) % 3
    )
    torch.manual_seed(0)
    networks = {"original": models.LeafNet(8, 3).eval(), "half": models.LeafNet(4, 3).eval()}
    cards = scorecard.measure_all(networks, images, limit_s=0.2)
    return {name: engines.onnx(n, images.shape) for name, n in networks.items()}, cards, images


@pytest.mark.long
def test_the_table_grows_by_a_row_a_chapter(measured, tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_CACHE", str(tmp_path))
    networks, cards, images = measured
    first = table.grow("02_neuron_pruning", cards, networks, images, 240, limit_s=0.2)
    assert [row.network for row in first.rows] == ["original", "half"]
    assert first.missing == ()
    ratio = cards[0].file_bytes / cards[1].file_bytes
    assert f"({ratio:.3g}x)" in first.rows[1].file
    assert first.rows[1].images_seen == "240"
    assert str(scorecard.paired(cards[0].correct, cards[1].correct)) == first.rows[1].difference

    later = table.grow("04_quantization", cards, networks, images, limit_s=0.2)
    assert [row.chapter for row in later.rows] == ["", "02_neuron_pruning", "04_quantization"]
    assert later.rows[1] == first.rows[1]
    assert later.missing == ("03_weight_pruning",)
    assert "without a row: 03_weight_pruning" in str(later)
    assert pretty(later) == str(later)
    assert pretty(cards[0]) == str(cards[0])
    html = later._repr_html_()
    assert html.count("<tr>") == 4
    assert "3.14" not in html
    # A chapter that runs again replaces its row, and sees no later one.
    again = table.grow("02_neuron_pruning", cards, networks, images, 480, limit_s=0.2)
    assert [row.images_seen for row in again.rows] == ["", "480"]


def test_a_damaged_row_counts_as_not_run(measured, tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_CACHE", str(tmp_path))
    networks, cards, images = measured
    for text in ("", "[[1, 2]]", '{"a": 1}', "[3]"):
        name = f"table-{images.fingerprint}-02_neuron_pruning.json"
        (tmp_path / name).write_text(text)
        grown = table.grow("03_weight_pruning", cards, networks, images, limit_s=0.05)
        assert grown.missing == ("02_neuron_pruning",)


def test_cards_of_other_networks_are_refused(measured):
    networks, cards, images = measured
    with pytest.raises(ValueError, match="got cards of half, original"):
        table.grow("02_neuron_pruning", cards[::-1], networks, images)
    with pytest.raises(ValueError, match="one more at least"):
        table.grow("02_neuron_pruning", cards[:1], {"original": networks["original"]}, images)
    with pytest.raises(ValueError, match=r"chapter must be one of.*'12_more'"):
        table.grow("12_more", cards, networks, images)
