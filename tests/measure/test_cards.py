"""The scorecard as JSON and as a table, and cards side by side."""

import json
import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest

from course_lib.measure.cards import KEYS, Scorecard, compare, show_bytes, show_count
from course_lib.measure.intervals import paired, wilson

CARD = Scorecard(
    name="original", engine="pytorch", threads=2,
    accuracy=0.97, accuracy_low=0.9649, accuracy_high=0.9744,
    params=1_149_388, nonzero_params=1_149_388,
    file_bytes=4_600_000, packed_bytes=4_300_000, deployed_bytes=4_600_000,
    macs=153_000_000, latency_ms_median=4.7, latency_ms_p90=5.2,
    memory_bytes=400_000_000, energy_mj=1.5, energy_is_estimate=True,
)  # fmt: skip
SMALL = replace(
    CARD, name="small", file_bytes=383_000, latency_ms_median=1.4, macs=153_000_000 // 3,
    accuracy=0.973, energy_mj=3.0,
)  # fmt: skip


def test_json_has_exactly_the_keys_that_stay_in_order():
    assert " ".join(json.loads(CARD.to_json())) == (
        "name engine threads accuracy accuracy_low accuracy_high params nonzero_params file_bytes "
        "packed_bytes deployed_bytes macs latency_ms_median latency_ms_p90 memory_bytes energy_mj "
        "energy_is_estimate"
    )


def test_json_round_trip():
    noisy = replace(CARD, noisy=True, correct=np.array([True, False]), working_bytes=5)
    assert Scorecard.from_json(noisy.to_json()) == CARD
    assert Scorecard.from_json(CARD.to_json()).as_dict() == CARD.as_dict()
    whole = CARD.as_dict() | {"energy_mj": 2}  # other programs write 2.0 as 2
    assert Scorecard.from_json(json.dumps(whole)).energy_mj == 2.0


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "must be JSON text"),
        ("{'name'", "must be JSON text"),
        (None, "must be JSON text"),
        ("[]", "missing: name, engine"),
        (json.dumps({**CARD.as_dict(), "speed": 1}), "missing: none; unknown: speed"),
        (json.dumps({k: v for k, v in CARD.as_dict().items() if k != "macs"}), "missing: macs;"),
        (json.dumps(CARD.as_dict() | {"macs": "many"}), "macs must be a int, got 'many'"),
        (json.dumps(CARD.as_dict() | {"macs": True}), "macs must be a int, got True"),
        (json.dumps(CARD.as_dict() | {"energy_mj": float("nan")}), "energy_mj must be a float"),
    ],
)
def test_bad_json_says_what_is_wrong(text, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        Scorecard.from_json(text)


class Cells(HTMLParser):
    """Well-formed, and the text of each cell."""

    def __init__(self, html):
        super().__init__()
        self.open, self.rows = [], []
        self.feed(html)
        assert not self.open

    def handle_starttag(self, tag, attrs):
        if tag == "tr":
            self.rows.append([])
        if tag in ("th", "td"):
            self.rows[-1].append("")
        if tag != "br":
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.rows[-1][-1] += (" " if self.rows[-1][-1] else "") + data


def test_one_card_is_a_table_with_units():
    rows = Cells(CARD._repr_html_()).rows
    assert all(len(row) == 2 for row in rows)
    assert ["Accuracy (95% interval)", "97.0% (96.5 to 97.4)"] in rows
    assert ["File on disk", "4.6 MB"] in rows
    assert ["Multiply-adds for one image", "153 M"] in rows
    assert ["Energy for one image", "1.50 mJ (estimate)"] in rows
    assert ["Measured with", "pytorch, 2 threads"] in rows
    text = str(CARD)
    assert text.isascii()  # old terminals of Windows
    for row in rows[1:]:
        line = next(line for line in text.splitlines() if line.startswith(row[0]))
        assert line.endswith(row[1])


def test_before_and_after():
    changes = {row.key: row.changes[1] for row in compare([CARD, SMALL]).rows}
    assert changes["accuracy"] == "+0.3 points"
    assert changes["file_bytes"] == "12x smaller"
    assert changes["packed_bytes"] == "the same"
    assert changes["latency_ms_median"] == "3.4x faster"
    assert changes["macs"] == "3.0x fewer"
    assert changes["energy_mj"] == "2.0x more"
    assert changes["memory_bytes"] == changes["engine"] == ""
    back = {row.key: row.changes[1] for row in compare([SMALL, CARD]).rows}
    assert back["file_bytes"] == "12x larger"
    assert back["latency_ms_median"] == "3.4x slower"
    rows = Cells(compare([CARD, SMALL])._repr_html_()).rows
    assert ["File on disk", "4.6 MB", "383 kB 12x smaller"] in rows
    assert "12x smaller" in str(compare([CARD, SMALL]))


def test_the_picture_tells_what_changed():
    small = replace(SMALL, deployed_bytes=383_000)
    alt = compare([CARD, small]).picture().alt
    assert "download: original 4.6 MB, small 383 kB (12x smaller)" in alt
    assert "time for one image: original 4.70 ms, small 1.40 ms (3.4x faster)" in alt
    assert "accuracy: original 97.0%, small 97.3% (+0.3 points)" in alt
    assert "energy, estimate: original 1.50 mJ, small 3.00 mJ (2.0x more)" in alt
    assert compare([CARD]).picture().png().startswith(b"\x89PNG")


@pytest.mark.parametrize("count", [1, 2, 5])
def test_any_number_of_cards(count):
    table = compare(CARD for _ in range(count))
    assert all(len(row.cells) == len(row.changes) == count for row in table.rows)
    assert len({len(row) for row in Cells(table._repr_html_()).rows}) == 1


def answered(card, right, total=1000, on="leaves test"):
    """A card whose first `right` answers are the right ones."""
    low, high = wilson(right, total)
    return replace(
        card, accuracy=right / total, accuracy_low=low, accuracy_high=high,
        correct=np.arange(total) < right, tested_on=on,
    )  # fmt: skip


def test_accuracy_is_compared_image_by_image():
    before, after = answered(CARD, 970), answered(SMALL, 960)
    expected = paired(before.correct, after.correct)
    assert (expected.gained, expected.lost) == (0, 10)
    table = compare([before, after])
    assert table.differences == (None, expected)
    assert table.rows[0].changes == ("", "-1.0 points (-1.8 to -0.5)")
    assert table.as_dict()["points_high"][1] == expected.high < 0
    # side by side the intervals overlap: only the pairs show that it is worse
    assert after.accuracy_high > before.accuracy_low


def test_other_images_make_no_pairs():
    table = compare([answered(CARD, 970), answered(SMALL, 960, on="leaves val")])
    assert table.differences == (None, None)
    assert table.rows[0].changes[1] == "-1.0 points"
    assert np.isnan(table.as_dict()["points_low"]).all()


def test_noise_is_said_and_unlike_energies_have_no_ratio():
    rows = {r.key: r for r in compare(
        [CARD, replace(SMALL, noisy=True, energy_is_estimate=False)]
    ).rows}  # fmt: skip
    assert rows["latency_ms_median"].cells[1].endswith(", noisy machine")
    assert rows["energy_mj"].cells == ("1.50 mJ (estimate)", "3.00 mJ (measured)")
    assert rows["energy_mj"].changes[1] == ""


def test_nothing_left_has_no_ratio():
    rows = {r.key: r for r in compare([CARD, replace(CARD, nonzero_params=0)]).rows}
    assert rows["nonzero_params"].changes[1] == ""


def test_plain_gives_an_array_of_each_figure():
    plain = compare([CARD, SMALL]).as_dict()
    assert set(KEYS) <= plain.keys()
    assert plain["name"] == ["original", "small"]
    assert plain["file_bytes"].tolist() == [4_600_000, 383_000]
    assert plain["points"] == pytest.approx([0, 0.3])


def test_names_cannot_break_the_table():
    html = compare([replace(CARD, name="<b>&")])._repr_html_()
    assert "&lt;b&gt;&amp;" in html
    Cells(html)


def test_compare_refuses_nothing_and_networks():
    with pytest.raises(ValueError, match="at least one scorecard"):
        compare([])
    with pytest.raises(TypeError, match="got a str"):
        compare(["original"])


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (9_949, "9.9 kB"), (9_951, "10 kB"),
     (999_499, "999 kB"), (999_501, "1.0 MB"), (4_612_344, "4.6 MB"), (2.5e9, "2.5 GB"),
     (3e15, "3,000 TB")],
)  # fmt: skip
def test_show_bytes(count, text):
    assert show_bytes(count) == text


@pytest.mark.parametrize(("count", "text"), [(0, "0"), (12, "12"), (152_666_112, "153 M")])
def test_show_count(count, text):
    assert show_count(count) == text
