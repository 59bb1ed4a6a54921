"""What is handed in is read, told whose and of which exercise; nobody is lost or merged."""

import gzip
import io
import json
import os
import sys
import tarfile
import unicodedata
import zipfile
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import nbformat
import pytest

from course_lib.classroom.grading import archives, handed_in, learners, submissions

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "benchmarks"))
import _synthetic_class as made_up  # noqa: E402

EXERCISE = made_up.EXERCISE


def zipped(path, files, times=None):
    with zipfile.ZipFile(path, "w") as archive:
        for number, (name, content) in enumerate(files.items()):
            entry = zipfile.ZipInfo(name, (times or {}).get(name, (2026, 1, 1 + number, 12, 0, 0)))
            archive.writestr(entry, content)
    return path


@pytest.mark.parametrize(
    ("name", "learner"),
    [
        (f"ana/{EXERCISE}.ipynb", "ana"),
        (f"ana/{EXERCISE}/{EXERCISE}.ipynb", "ana"),
        (f"Ana Díaz_123_assignsubmission_file_/{EXERCISE}.ipynb", "Ana_Díaz"),
        (f"diazana_LATE_123_456_{EXERCISE}-1.ipynb", "diazana"),
        (f"ana_{EXERCISE} (2).ipynb", "ana"),
        ("ana/Copy of Exercise 04 quantization.ipynb", "ana"),
        ("ana/quantization.ipynb", "ana"),
    ],
)
def test_a_submission_is_found_in_every_layout(tmp_path, name, learner):
    source = zipped(tmp_path / "in.zip", {name: "{}", "__MACOSX/x.ipynb": "", ".DS_Store": ""})
    found, odd = submissions.collect(source, tmp_path / "submitted", [EXERCISE, "05_distillation"])
    assert [(one.learner, one.exercise) for one in found] == [(learner, EXERCISE)]
    assert odd == []
    assert found[0].notebook.read_text() == "{}"
    with zipfile.ZipFile(source) as archive:
        archive.extractall(tmp_path / "as folder")
    again, _ = submissions.collect(tmp_path / "as folder", tmp_path / "again", [EXERCISE])
    assert [one.learner for one in again] == [learner]


def test_the_last_version_counts_with_the_file_beside_it_and_late_is_said(tmp_path):
    inner = zipped(tmp_path / "inner.zip", {f"{EXERCISE}.ipynb": "third"}).read_bytes()
    files = {
        f"ana/{EXERCISE}.ipynb": "first",
        f"ana/again/{EXERCISE}.ipynb": "second",
        f"ana/{EXERCISE}.packed": "network",
        "ben.zip": inner,
        "cy/05_distillation.ipynb": "other",
        "dan/holiday.ipynb": "what",
    }
    found, odd = submissions.collect(
        zipped(tmp_path / "in.zip", files),
        tmp_path / "submitted",
        [EXERCISE, "05_distillation"],
        due=datetime(2026, 1, 1, 18),
    )
    by = {one.learner: one for one in found}
    assert by["ana"].notebook.read_text() == "second"
    assert by["ana"].files[0].read_text() == "network"
    assert by["ana"].notes == [
        "handed in 2 times; the last one counts",
        "late: 2026-01-02 12:00, due 2026-01-01 18:00",
    ]
    assert by["ben"].notebook.read_text() == "third"
    assert by["cy"].exercise == "05_distillation"
    assert odd == [f"dan/holiday.ipynb: of no exercise known ({EXERCISE}, 05_distillation)"]


def test_hostile_and_damaged_zips_harm_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(submissions, "LARGEST_FILE", 1000)
    inside = io.BytesIO()
    with zipfile.ZipFile(inside, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(f"../../{EXERCISE}.ipynb", "out")
        archive.writestr(f"/{EXERCISE}.ipynb", "out")
        archive.writestr(f"bomb/{EXERCISE}.ipynb", "0" * 100_000)
        link = zipfile.ZipInfo(f"link/{EXERCISE}.ipynb")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, "/etc/passwd")
        archive.writestr(f"ana/{EXERCISE}.ipynb", "good")
    path = tmp_path / "in" / "all.zip"
    path.parent.mkdir()
    path.write_bytes(inside.getvalue())
    found, odd = submissions.collect(path, tmp_path / "out" / "submitted", [EXERCISE])
    assert [one.learner for one in found] == ["ana"]
    assert sum("leads out of the zip" in line for line in odd) == 2
    assert sum("is larger than" in line for line in odd) == 1
    assert {p.name for p in tmp_path.rglob("*") if p.is_file()} == {
        "all.zip", f"{EXERCISE}.ipynb", "learners.json",
    }  # fmt: skip
    path.write_bytes(inside.getvalue()[:200])
    with pytest.raises(ValueError, match="no zip that can be read"):
        submissions.collect(path, tmp_path / "submitted", [EXERCISE])
    found, odd = submissions.collect(path.parent, tmp_path / "submitted", [EXERCISE])
    assert found == []
    assert "no zip that can be read" in odd[0]
    with pytest.raises(FileNotFoundError, match="is not there"):
        submissions.collect(tmp_path / "nowhere", tmp_path / "submitted", [EXERCISE])


N = f"{EXERCISE}.ipynb"
EXERCISES = sorted(path.stem for path in (ROOT / "exercises").glob("*.ipynb"))


def collected(tmp_path, files, **more):
    """The submissions and the lines of a platform's zip that holds these files."""
    source = zipped(
        tmp_path / "in.zip", files if isinstance(files, dict) else dict.fromkeys(files, "{}")
    )
    return submissions.collect(source, tmp_path / "class" / "submitted", EXERCISES, **more)


def names(found):
    return [one.learner for one in found]


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ([f"student_{n:02}/{N}" for n in (1, 4, 9)], ["student_01", "student_04", "student_09"]),
        ([f"student-{n}/{N}" for n in (10, 11)], ["student-10", "student-11"]),
        ([f"s-{n}/{N}" for n in (1234, 1235)], ["s-1234", "s-1235"]),
        ([f"2024-{n}/{N}" for n in (1234, 1299)], ["2024-1234", "2024-1299"]),
        ([f"group-{n}/{N}" for n in (1, 2)], ["group-1", "group-2"]),
        ([f"{n:02}/{N}" for n in (1, 2, 4, 14)], ["01", "02", "04", "14"]),
        ([f"04/{who}/{N}" for who in ("ana", "ben")], ["ana", "ben"]),
        ([f"4/{who}/{N}" for who in ("ana", "ben")], ["ana", "ben"]),
        ([f"4/{who}/work/{N}" for who in ("ana", "ben")], ["ana", "ben"]),
        ([f"4/{who}.ipynb" for who in ("ana", "ben")], ["ana", "ben"]),
        ([f"4/{EXERCISE}/{N}"], ["4"]),
        ([f"4/{N}"], ["4"]),
        ([f"{n}/{N}" for n in (7, 4)], ["4", "7"]),
        ([f"04_quantization/{who}.ipynb" for who in ("ana", "ben")], ["ana", "ben"]),
        (
            [f"Participant_{n}_assignsubmission_file_/{N}" for n in (7, 8)],
            ["Participant_7", "Participant_8"],
        ),
        ([f"Participante_7_assignsubmission_file_/{N}"], ["Participante_7"]),
        ([f"Kim Lee_{n}_assignsubmission_file_/{N}" for n in (1, 2)], ["Kim_Lee_1", "Kim_Lee_2"]),
        ([f"Kim Lee_{n}_assignsubmission_file_{N}" for n in (1, 2)], ["Kim_Lee_1", "Kim_Lee_2"]),
        ([f"leekim_{n}_{n + 1}_{N}" for n in (101, 202)], ["leekim_101", "leekim_202"]),
        ([f"leekim_101_{n}_{N}" for n in (102, 103)], ["leekim"]),
        ([f"anon_{who}_LATE_45_{N}" for who in ("x1y2z", "x9")], ["anon_x1y2z", "anon_x9"]),
        (
            [f"{EXERCISE}_{who}_attempt_2026-01-31-18-00-00_file.ipynb" for who in ("s1", "s2")],
            ["s1", "s2"],
        ),
        ([f"Exercise%204_s1_attempt_2026-01-31-18-00-00_{N}"], ["s1"]),
        (
            [f"Exercise 4/{who}/Submission attachment(s)/{N}" for who in ("Li, Ben(bli)", "cy(c)")],
            ["Li_Ben_bli", "cy_c"],
        ),
        ([f"Exercise 4/{who} - {N}" for who in ("Ana Díaz", "Ben Li")], ["Ana_Díaz", "Ben_Li"]),
        ([f"My class/{who} - {N}" for who in ("Ana Díaz", "Ben Li")], ["Ana_Díaz", "Ben_Li"]),
        ([f"ex-04-quantization-{who}/{N}" for who in ("adiaz", "bli")], ["adiaz", "bli"]),
        ([f"submitted/{who}/{EXERCISE}/{N}" for who in ("ana", "ben")], ["ana", "ben"]),
        ([f"submitted/ana/{EXERCISE}/{N}"], ["ana"]),
        (
            [f"{who}+{EXERCISE}+2026-01-31 18:00:00 UTC+x1/{N}" for who in ("ana", "ben")],
            ["ana", "ben"],
        ),
        ([f"submissions/{who}/{N}" for who in ("ana", "ben")], ["ana", "ben"]),
        (
            [f"section {s}/{who}/{N}" for s, who in (("A", "ana"), ("A", "ben"), ("B", "cy"))],
            ["section_A_ana", "section_A_ben", "section_B"],
        ),
        (
            [f"{who}/{folder}/{N}" for who in ("ana", "ben") for folder in ("mine", "theirs")],
            ["ana", "ben"],
        ),
        ([f"ana/attempt {n}/{N}" for n in (1, 2)], ["ana"]),
        ([f"Kurs/submissions/{who}/{N}" for who in ("ana", "ben")], ["ana", "ben"]),
        ([f"{k}/submissions/{w}/{N}" for k, w in ("Ka", "Kb", "Lc")], ["K_a", "K_b", "L"]),
        (
            [f"Submitted files/{w}/Exercise 4/Version {n}/{N}" for w in "ab" for n in "12"],
            ["a", "b"],
        ),
        ([f"Student Work/Submitted files/{w}/Exercise 4/{N}" for w in "ab"], ["a", "b"]),
        (
            [f"{n}-9 - Kim Lee - Jan 31, 2026 600 PM - {N}" for n in "12"],
            ["Kim_Lee_1", "Kim_Lee_2"],
        ),
        ([f"1-9 - Kim Lee - Jan {n}, 2026 1145 AM/{N}" for n in "12"], ["Kim_Lee"]),
        ([f"A/{who}_{N}" for who in ("ana", "ben")] + [f"B/cy_{N}"], ["A_ana", "A_ben", "B"]),
        ([f"week 4/{who}_{N}" for who in ("ana", "ben")], ["ana", "ben"]),
        ([f"ana/{who}_{N}" for who in ("draft", "final")], ["ana"]),
        ([f"ana/{N}", f"ana/old_{N}", f"ana/{EXERCISE}-2.ipynb"], ["ana"]),
        (
            ["A-Participant_7_assignsubmission_file_/x.ipynb".replace("x", EXERCISE)],
            ["A-Participant_7"],
        ),
        ([f"group_{n}_{N}" for n in (1, 2)], ["group_1", "group_2"]),
        ([f"{EXERCISE}_{who}.ipynb" for who in ("ana", "ben")], ["ana", "ben"]),
        ([f"hw_{EXERCISE}_{n:02}.ipynb" for n in (1, 2)], ["01", "02"]),
        ([f"{who}@mail.org/{N}" for who in ("ana", "ben")], ["ana@mail.org", "ben@mail.org"]),
        ([f"..../{N}", f"ana/{N}", f".ben/{N}"], ["ana", "ben", "unknown"]),
        ([f"hw_4_1_{who}_{N}" for who in ("ana", "ben")], ["hw_4_1_ana", "hw_4_1_ben"]),
    ],
)
def test_the_layouts_of_platforms_say_who_handed_in(tmp_path, files, expected):
    found, _ = collected(tmp_path, files)
    assert names(found) == expected
    assert {one.exercise for one in found} == {EXERCISE}


@pytest.mark.parametrize(
    "alike",
    [
        ["O'Brien", "OBrien", "O!Brien"],
        ["Zoë", unicodedata.normalize("NFD", "Zoë"), "ZOË"],
        ["x" * 70 + "a", "x" * 70 + "b"],
        ["ana", "Ana", "_ana", "ana.", " ana"],
        ["\u202eana", "ana"],
        ["!", "?"],
    ],
)
def test_names_stay_apart_however_alike_and_that_is_said(tmp_path, alike):
    moodle = [f"{who}_7_assignsubmission_file_/{N}" for who in alike]
    for number, files in enumerate(([f"{who}/{N}" for who in alike], moodle)):
        (tmp_path / str(number)).mkdir()
        found, odd = collected(tmp_path / str(number), files)
        keys = {unicodedata.normalize("NFKC", one.learner).casefold() for one in found}
        assert len(keys) == len(alike)
        assert all(one.learner.replace("_", "").isalnum() for one in found)
        assert sum("kept apart" in line for line in odd) == (alike != ["!", "?"])


def test_nobody_becomes_another_from_one_week_to_the_next(tmp_path):
    moodle = "Kim Lee_{}_assignsubmission_file_/{}.ipynb"
    weeks = [
        ([(101, EXERCISE)], ["Kim_Lee"]),
        ([(202, EXERCISE)], ["Kim_Lee_202"]),  # another one, though alone this time
        ([(101, EXERCISE), (202, EXERCISE)], ["Kim_Lee", "Kim_Lee_202"]),
        ([(301, "05_distillation")], ["Kim_Lee_301"]),  # one of the two, but which?
    ]
    for files, expected in weeks:
        found, _ = collected(tmp_path, [moodle.format(*file) for file in files])
        assert names(found) == expected
    moodle = "Ana_{}_assignsubmission_file_/{}.ipynb"
    for number, exercise in ((7, EXERCISE), (9, "05_distillation")):
        found, _ = collected(tmp_path, [moodle.format(number, exercise)])
        assert names(found) == ["Ana"]  # Moodle counts everybody anew in each exercise
    canvas = "leekim_{}_9_{}.ipynb"
    found, _ = collected(tmp_path, [canvas.format(1, EXERCISE)])
    assert names(found) == ["leekim"]
    found, _ = collected(tmp_path, [canvas.format(2, "05_distillation")])
    assert names(found) == ["leekim_2"]  # Canvas does not
    (tmp_path / "class" / "learners.json").write_text("[{")
    with pytest.raises(ValueError, match="is damaged"):
        collected(tmp_path, [f"ana/{N}"])


def test_what_no_learner_can_be_called_is_no_name():
    made = learners.named(
        [learners.Learner(who, who, {"x"}) for who in ("_solution", "../x", "=1")], {}
    )
    assert sorted(made.values()) == ["1", "solution", "x"]


# In place, and nothing deleted


def test_work_that_lies_in_the_class_is_taken_where_it_lies(tmp_path):
    into = tmp_path / "class" / "submitted"
    for who in ("ana", "01"):
        place = into / who / EXERCISE
        place.mkdir(parents=True)
        (place / N).write_text("{}")
        (place / "mine.csv").write_text("data")
        (place / "timestamp.txt").write_text("2026-01-31 17:00:00 UTC")
    (into / "ana" / EXERCISE / "other.packed").write_text("no network of this exercise")
    (into / "ana" / EXERCISE / f"{EXERCISE}-2.packed").write_text("network")
    zipped(into / "ben.zip", {N: "zipped"})
    before = {path: path.read_bytes() for path in into.rglob("*") if path.is_file()}
    for source, expected in ((into, ["01", "ana", "ben"]), (into / "ana", ["ana"])):
        for _ in range(2):
            found, _ = submissions.collect(source, into, [EXERCISE])
            assert names(found) == expected
            assert {p: p.read_bytes() for p in into.rglob("*") if p.is_file()} == before
    assert found[0].files[0].name == f"{EXERCISE}.packed"  # as the check asks for it
    assert found[0].files[0].read_text() == "network"
    assert found[0].handed_in == datetime(2026, 1, 31, 17, tzinfo=UTC).astimezone().replace(
        tzinfo=None
    )
    for folder in (into.parent, into.parent / "source"):
        folder.mkdir(exist_ok=True)
        with pytest.raises(ValueError, match="is the class's own"):
            submissions.collect(folder, into, [EXERCISE])


def test_who_was_sorted_by_hand_is_not_taken_for_another_from_a_platform(tmp_path):
    into = tmp_path / "class" / "submitted"
    (into / "Ana" / EXERCISE).mkdir(parents=True)
    (into / "Ana" / EXERCISE / N).write_text("{}")
    submissions.collect(into, into, [EXERCISE])
    found, odd = collected(tmp_path, [f"Ana_7_assignsubmission_file_/{N}"])
    assert names(found) == ["Ana_7"]
    assert odd[0].startswith("Ana, Ana_7: their names are alike")
    found, _ = submissions.collect(into, into, [EXERCISE])
    assert names(found) == ["Ana", "Ana_7"]


def test_what_a_newer_version_replaces_is_kept(tmp_path):
    into = tmp_path / "class" / "submitted"
    place = into / "ana" / EXERCISE
    place.mkdir(parents=True)
    (place / N).write_text("sorted by hand")
    for content in ("from a zip", "from a zip", "from another"):
        found, _ = collected(tmp_path, {f"ana/{N}": content})
        assert found[0].notebook == place / N
        assert found[0].notebook.read_text() == content
    earlier = sorted((tmp_path / "class" / "earlier").rglob("*.ipynb"))
    assert [path.read_text() for path in earlier] == ["sorted by hand", "from a zip"]
    assert "which is now earlier/ana/04_quantization 2" in found[0].doubts[0]


def test_a_class_within_the_folder_of_submissions_is_not_collected(tmp_path):
    into = tmp_path / "class" / "submitted"
    for folder in (into / "ana" / EXERCISE, tmp_path / "ben"):
        folder.mkdir(parents=True)
        (folder / N).write_text("{}")
    assert names(submissions.collect(tmp_path, into, [EXERCISE])[0]) == ["ben"]


# Archives


def raw(change, **files):
    """A zip of ana's and ben's work, its bytes changed."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for who in ("ana", "ben"):
            archive.writestr(zipfile.ZipInfo(f"{who}/{N}", (2026, 1, 1, 0, 0, 0)), "{}" * 50)
    made = bytearray(content.getvalue())
    change(made, made.index(b"ben/"), made.rindex(b"PK\1\2"))
    return bytes(made)


def set_bytes(**at):
    def change(made, entry, table):
        for offset, value in at.items():
            start = table + int(offset[1:])
            made[start : start + len(value)] = value

    return change


def flip(made, entry, table):
    made[entry + len(f"ben/{N}") + 1] ^= 255


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (flip, "ben/04_quantization.ipynb: is damaged"),
        (set_bytes(_10=b"\x63"), "is damaged (That compression method is not supported)"),
        (set_bytes(_8=b"\x01"), "is encrypted"),
        (set_bytes(_16=b"\0\0\0\0"), "is damaged (Bad CRC-32"),
        (set_bytes(_24=b"\x03\0\0\0"), "is damaged"),
        (set_bytes(_42=b"\xff\xff"), "is damaged"),
    ],
)
def test_a_damaged_entry_costs_itself_alone(tmp_path, change, said):
    (tmp_path / "in.zip").write_bytes(raw(change))
    into = tmp_path / "class" / "submitted"
    found, odd = submissions.collect(tmp_path / "in.zip", into, EXERCISES)
    assert names(found) == ["ana"]
    assert len(odd) == 1
    assert said in odd[0]


@pytest.mark.parametrize("date", [b"\0\0\0\0", b"\xff\xff\xff\xff", b"\0\0\x21\0"])
def test_a_date_that_is_none_is_said_and_the_work_taken(tmp_path, date):
    (tmp_path / "in.zip").write_bytes(raw(set_bytes(_12=date)))
    found, _ = submissions.collect(
        tmp_path / "in.zip", tmp_path / "class" / "submitted", EXERCISES, datetime(2026, 1, 1)
    )
    assert names(found) == ["ana", "ben"]
    assert found[1].handed_in is None
    assert found[1].doubts == [f"ben/{N}: its date cannot be read"]


def tar(path, files, mode="w:gz", **about):
    with tarfile.open(path, mode) as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mtime = len(content), 1_769_000_000
            for key, value in about.items():
                setattr(entry, key, value)
            archive.addfile(entry, io.BytesIO(content.encode()))
    return path


@pytest.mark.parametrize(
    ("ending", "mode"),
    [("tar", "w"), ("tar.gz", "w:gz"), ("tgz", "w:gz"), ("tar.bz2", "w:bz2"), ("tar.xz", "w:xz")],
)
def test_tars_are_read_as_zips_are(tmp_path, ending, mode):
    source = tmp_path / "in"
    source.mkdir()
    tar(source / f"ben.{ending}", {f"work/{N}": "packed", "../out.ipynb": "x"}, mode)
    found, _ = submissions.collect(source, tmp_path / "class" / "submitted", EXERCISES)
    assert names(found) == ["ben"]
    assert found[0].notebook.read_text() == "packed"
    assert "leads out" in found[0].doubts[0]
    whole = tar(tmp_path / f"all.{ending}", {f"ana/{N}": "1", f"ben/{N}": "2"}, mode)
    assert names(submissions.collect(whole, tmp_path / "class" / "submitted", EXERCISES)[0]) == [
        "ana",
        "ben",
    ]


def test_archives_that_cannot_be_read_are_named_with_the_remedy(tmp_path):
    source = tmp_path / "in"
    source.mkdir()
    for name in ("h.rar", "i.7z", "j.tar.gz", "k.zip", "l.ZIP", "m.tar"):
        (source / name).write_bytes(b"Rar!\x1a\x07")
    (source / f"n_{N}.gz").write_bytes(gzip.compress(b"{}"))
    tar(source / "o.tar", {N: "x"}, "w", type=tarfile.SYMTYPE, linkname="/etc/passwd")
    (source / "p.tar.gz").write_bytes(tar(tmp_path / "p.tgz", {N: "x" * 5000}).read_bytes()[:60])
    zipped(source / "q.zip", {})
    found, odd = submissions.collect(source, tmp_path / "class" / "submitted", EXERCISES)
    assert names(found) == ["n"]
    for name in "hijklmopq":
        assert sum(line.startswith(f"{name}.") for line in odd) == 1
    assert "unpack it, or make it a zip" in odd[0]
    with pytest.raises(ValueError, match="unpack it"):
        submissions.collect(source / "h.rar", tmp_path / "class" / "submitted", EXERCISES)


def test_bombs_cost_themselves_alone(tmp_path, monkeypatch):
    monkeypatch.setattr(submissions, "LARGEST_FILE", 1000)
    monkeypatch.setattr(submissions, "LARGEST_ALL", 30_000)
    monkeypatch.setattr(handed_in, "MOST_OWN", 30)
    bomb = io.BytesIO()
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(15):
            archive.writestr(f"{number}/{N}", "0" * 900)
    files = {
        "bomb.zip": bomb.getvalue(),
        "many.zip": zipped(tmp_path / "2.zip", {f"{n}.py": "" for n in range(60)}).read_bytes(),
        "tar.tgz": tar(tmp_path / "3.tgz", {N: "0" * 50_000}).read_bytes(),
        f"ana/{N}": "{}",
    }
    deep = zipped(tmp_path / "d.zip", {N: "{}"}).read_bytes()
    for _ in range(3):
        deep = zipped(tmp_path / "d.zip", {"d.zip": deep}).read_bytes()
    files["deep.zip"] = deep
    found, odd = collected(tmp_path, files)
    assert names(found) == ["ana", "bomb"]
    said = " ".join([*odd, *found[1].doubts])
    for why in (
        "more than may be unpacked",
        "more than 30 entries",
        "unpacks to more than",
        "in 3 archives",
    ):
        assert why in said


def test_an_archive_in_an_archive_that_leads_out_costs_itself_alone(tmp_path):
    evil = zipped(tmp_path / "e.zip", {N: "evil"}).read_bytes()
    files = {f"ana/{N}": "ana's", "ben.zip": zipped(
        tmp_path / "b.zip", {"../evil.zip": evil, N: "ben's"}
    ).read_bytes()}  # fmt: skip
    found, odd = collected(tmp_path, files)
    assert {one.learner: one.notebook.read_text() for one in found} == {
        "ana": "ana's",
        "ben": "ben's",
    }
    assert "leads out of the zip; left out" in " ".join([*odd, *found[1].doubts])


def test_a_whole_environment_in_a_zip_hides_no_notebook(tmp_path):
    files = {f"venv/lib/{n}.py": "x = 1" for n in range(300)} | {f"work/{N}": "{}"}
    found, odd = collected(
        tmp_path,
        {
            "ana.zip": zipped(
                tmp_path / "a.zip",
                dict.fromkeys(files, "x"),
                dict.fromkeys(files, (2026, 1, 1, 0, 0, 0)),
            ).read_bytes()
        },
    )
    assert names(found) == ["ana"]
    assert odd == []
    assert "more than may be unpacked here" in " ".join(found[0].doubts)


def test_a_learners_own_archive_tells_neither_who_nor_when(tmp_path):
    late = {f"ana_1_2_{N}": (2030, 1, 1, 0, 0, 0), f"ana/{N}": (2020, 1, 1, 0, 0, 0)}
    for name in (
        f"ana_1_2_{N}",
        f"ana/{N}",
        "Ana_1_assignsubmission_file_/x.ipynb".replace("x", EXERCISE),
    ):
        inner = zipped(tmp_path / "inner.zip", {name: "ben's"}, late).read_bytes()
        files = {f"ana_1_2_{N}": "ana's", f"ben_3_4_{EXERCISE}.zip": inner}
        found, _ = collected(tmp_path, files, due=datetime(2026, 1, 1, 18))
        assert {one.learner: one.notebook.read_text() for one in found} == {
            "ana": "ana's",
            "ben": "ben's",
        }
        assert found[1].handed_in == datetime(2026, 1, 2, 12)
        assert "late" in found[1].notes[0]


def test_archives_in_folders_of_several_are_several_learners(tmp_path):
    for number, (folders, expected) in enumerate(
        [
            (["week 4/ana", "week 4/ben"], ["ana", "ben"]),
            (["A/ana", "A/ben", "B/cy"], ["A_ana", "A_ben", "B"]),
            (["ana/04_quantization", "ben/work"], ["ana", "ben"]),
        ]
    ):
        for name in folders:
            path = tmp_path / str(number) / f"{name}.zip"
            path.parent.mkdir(parents=True, exist_ok=True)
            zipped(path, {N: name})
        into = tmp_path / f"class {number}" / "submitted"
        assert names(submissions.collect(tmp_path / str(number), into, EXERCISES)[0]) == expected


def test_a_platforms_archive_among_others_is_one_line(tmp_path):
    files = [f"{who}_{n}_assignsubmission_file_/{N}" for n, who in enumerate(("Ana", "Ben"))]
    source = tmp_path / "in"
    source.mkdir()
    zipped(source / "week4.zip", dict.fromkeys(files, "{}"))
    zipped(source / "cy.zip", {N: "{}"})
    found, odd = submissions.collect(source, tmp_path / "class" / "submitted", EXERCISES)
    assert names(found) == ["cy"]
    assert odd == [
        "week4.zip: holds the works of several learners: grade it with a command of its own"
    ]


# Files


def test_every_file_is_graded_or_has_a_line(tmp_path):
    given = {
        f"a/{N}.txt": "a",
        f"b/{N}.json": "b",
        f"c/{EXERCISE}.IPYNB": "c",
        f"d/{EXERCISE}.ipynb (1)": "d",
    }
    left = ["e/04.pdf", "f/04.html", f"g/{EXERCISE}.py", "h/notes.json", "i/README",
            "j/.ipynb_checkpoints/04-checkpoint.ipynb", f"k/{EXERCISE}.packed", "l/photo.png",
            "m/.hidden.ipynb", "n/holiday.ipynb", "o/04_quantization_05_distillation"]  # fmt: skip
    found, odd = collected(tmp_path, given | dict.fromkeys(left, "{}"))
    assert names(found) == ["a", "b", "c", "d"]
    assert sorted(line.split(": ")[0] for line in odd) == left
    beside = {f"a/{N}": "{}", "a/photo.png": "x", "a/.ipynb_checkpoints/04-checkpoint.ipynb": "x"}
    found, odd = collected(tmp_path, beside)
    assert odd == []
    said = "also handed in, not graded: a/.ipynb_checkpoints/04-checkpoint.ipynb, a/photo.png"
    assert found[0].doubts[-1] == said


@pytest.mark.skipif(sys.platform == "win32", reason="no such files there")
def test_links_pipes_and_names_of_other_alphabets_stop_nobody(tmp_path):
    source = tmp_path / "in"
    for who in ("ana", "ben", "cy"):
        (source / who).mkdir(parents=True)
    (source / "ana" / N).symlink_to("/etc/passwd")
    os.mkfifo(source / "ben" / N)
    (source / "dan").symlink_to("/etc")
    (source / "cy" / N).write_text("{}")
    other = os.fsencode(source) + b"/fl\xf6te"
    os.mkdir(other)
    with open(other + b"/04_quantization.ipynb", "w") as file:
        file.write("{}")
    found, odd = submissions.collect(source, tmp_path / "class" / "submitted", EXERCISES)
    assert names(found) == ["cy", "flte"]
    assert odd == [
        f"{name}: is a link or no file; left out" for name in ("dan", f"ana/{N}", f"ben/{N}")
    ]


def test_the_exercise_is_told_by_the_cells_then_by_whole_words(tmp_path):
    released = {
        name: nbformat.read(ROOT / "exercises" / f"{name}.ipynb", as_version=4)
        for name in (EXERCISE, "05_distillation")
    }
    text = {name: nbformat.writes(made) for name, made in released.items()}
    bare = nbformat.from_dict(released[EXERCISE])  # all that platforms can lose
    bare.cells = [nbformat.v4.new_code_cell(c.source) for c in bare.cells if c.cell_type == "code"]
    both = nbformat.from_dict(released[EXERCISE])
    both.cells += released["05_distillation"].cells
    script = made_up.answered("affine")
    files = {
        "ana/homework.ipynb": text[EXERCISE],
        "ben/05_distillation.ipynb": text[EXERCISE],
        "cy/work.ipynb": nbformat.writes(bare),
        "dan/work.ipynb": nbformat.writes(both),
        f"eve/{N}": nbformat.writes(nbformat.v4.new_notebook()),
        "fay/04.py": "\n\n".join(
            f"# %%\n{c.source}" for c in script.cells if c.cell_type == "code"
        ),
        "gil/solutions.ipynb": (ROOT / "solutions" / N).read_text(encoding="utf-8"),
        "hal/group 05 quantization.ipynb": "{}",
        "ida/task.json": text["05_distillation"],
    }
    source = zipped(tmp_path / "in.zip", files)
    found, odd = submissions.collect(
        source, tmp_path / "submitted", list(released), released=released
    )
    told = {one.learner: one.exercise for one in found}
    assert told == dict.fromkeys(("ana", "ben", "cy", "eve", "fay", "hal"), EXERCISE) | {
        "ida": "05_distillation"
    }
    doubts = {one.learner: one.doubts for one in found if one.doubts}
    assert doubts == {
        "ben": ["its name says 05_distillation, its cells 04_quantization: taken as that"],
        "eve": ["none of its cells is of the exercise, its name alone says so"],
    }
    assert odd == ["dan/work.ipynb: its cells are of 04_quantization and 05_distillation",
                   "gil/solutions.ipynb: the course's own solution"]  # fmt: skip
    assert [one.notebook.suffix for one in found if one.learner == "fay"] == [".py"]


def test_names_that_a_zip_garbles_are_read_and_those_without_end_left_out(tmp_path):
    (tmp_path / "class").mkdir()
    path = zipped(tmp_path / "in.zip", {f"Zoë Müller/{N}": "{}", f"{'x' * 2000}/{N}": "{}"})
    made = bytearray(path.read_bytes())
    for start in (b"PK\3\4", b"PK\1\2"):  # as macOS does: UTF-8, and nothing that says so
        flags = made.index(start) + (6 if start == b"PK\3\4" else 8)
        made[flags + 1] &= ~8
    path.write_bytes(made)
    found, odd = submissions.collect(path, tmp_path / "class" / "submitted", EXERCISES)
    assert names(found) == ["Zoë_Müller"]
    assert "more than 1,000 characters" in odd[0]


@pytest.mark.parametrize("year", [1, 1979, 2300, 9999])
def test_a_date_beyond_all_calendars_is_none(tmp_path, year):
    attempt = f"{EXERCISE}_s1_attempt_{year:04}-12-31-23-59-59_work.ipynb"
    found, _ = collected(tmp_path, [attempt], due=datetime(2026, 1, 1))
    assert (found[0].learner, found[0].handed_in) == ("s1", None)
    packed = tmp_path / "late.tar"
    tar(packed, {f"ana/{N}": "{}"}, "w", mtime=float((year - 1970) * 365 * 86400))
    found, _ = submissions.collect(packed, tmp_path / "class" / "submitted", EXERCISES)
    assert (found[0].learner, found[0].handed_in) == ("ana", None)


@pytest.mark.parametrize(
    ("name", "date"),
    [
        (f"{EXERCISE}_s1_attempt_2026-01-31-18-00-00_x.ipynb", datetime(2026, 1, 31, 18)),
        (f"1-9 - Ana - Jan 31, 2026 600 PM - {N}", datetime(2026, 1, 31, 18)),
        (f"1-9 - Ana - Jan 3, 2026 1205 AM/{N}", datetime(2026, 1, 3, 0, 5)),
        (f"1-9 - Ana - Jan 32, 2026 600 PM - {N}", datetime(2026, 1, 1, 12)),  # the zip's
    ],
)
def test_a_date_in_a_platforms_name_counts(tmp_path, name, date):
    found, _ = collected(tmp_path, [name])
    assert found[0].handed_in == date


def test_what_platforms_write_themselves_is_no_work(tmp_path):
    attempt = f"{EXERCISE}_s1_attempt_2026-01-31-18-00-00"
    found, odd = collected(
        tmp_path, [f"{attempt}_work.ipynb", f"{attempt}.txt", "ben/timestamp.txt"]
    )
    assert (names(found), found[0].doubts, odd) == (["s1"], [], [])
    assert found[0].handed_in == datetime(2026, 1, 31, 18)
    attempt = attempt.replace("s1", "s2")
    _, odd = collected(tmp_path, [f"{attempt}.txt"])  # text alone: somebody is to read it
    assert odd == [f"{attempt}.txt: no notebook"]


def test_versions_of_one_date_are_for_a_human(tmp_path):
    inner = zipped(
        tmp_path / "inner.zip",
        {f"x/{N}": "1", f"y/{N}": "2"},
        dict.fromkeys([f"x/{N}", f"y/{N}"], (2026, 1, 1, 0, 0, 0)),
    )
    found, _ = collected(tmp_path, {"ana.zip": inner.read_bytes()})
    assert found[0].doubts == [
        f"several versions of one date; ana.zip/y/{N} counts",
        f"not graded, since ana.zip/y/{N} is: ana.zip/x/{N}",
    ]


@pytest.mark.parametrize(
    ("due", "late"),
    [
        ("2026-01-01T11:59", True),
        ("2026-01-01T12:00", False),
        ("2026-01-01", False),
        ("2025-12-31", True),
        ("2026-01-01T20:00Z", False),
        ("2025-12-31T20:00-03:00", True),
        ("2026-01-02T12:00+14:00", False),
    ],
)
def test_a_due_date_may_have_a_time_zone(tmp_path, due, late):
    for when in (submissions.deadline(due), datetime.fromisoformat(due) if "T" in due else None):
        found, _ = collected(tmp_path, [f"ana/{N}"], due=when)
        assert ("late" in " ".join(found[0].notes)) == (late and when is not None)
    aware = datetime(2026, 1, 1, 12, tzinfo=timezone(timedelta(hours=-12)))
    assert submissions.deadline("2026-01-01T12:00-12:00") == aware.astimezone().replace(tzinfo=None)
    for wrong in ("tomorrow", "", "2026-13-01", "0001-01-01T00:00+14:00"):
        with pytest.raises(ValueError, match="must be like 2026-01-31"):
            submissions.deadline(wrong)


@pytest.mark.parametrize("due", ["20260131T180000", "2026-01-31 18:00", "2026-01-31t18:00:00"])
def test_a_due_date_with_a_time_is_no_whole_day(due):
    assert submissions.deadline(due) == datetime(2026, 1, 31, 18)


def test_a_collected_file_of_the_same_size_and_time_is_replaced(tmp_path):
    place, earlier = tmp_path / "class" / "ana", tmp_path / "earlier"
    for content in ("one", "two"):
        (tmp_path / "new.ipynb").write_text(content)
        (tmp_path / "class").mkdir(exist_ok=True)
        (tmp_path / "class" / ".ana.new").mkdir()  # what a kill left behind
        (tmp_path / "class" / ".ana.new" / "half").write_text("left")
        when = datetime(2026, 1, 1, 12)
        os.utime(tmp_path / "new.ipynb", (when.timestamp(), when.timestamp()))
        submissions._put({"a.ipynb": tmp_path / "new.ipynb"}, place, earlier, when)
        assert [p.name for p in place.iterdir()] == ["a.ipynb"]
        assert (place / "a.ipynb").read_text() == content
        assert (place / "a.ipynb").stat().st_mtime == when.timestamp()
        assert not list(place.parent.glob(".*"))
    assert (earlier / "ana 1" / "a.ipynb").read_text() == "one"
    assert submissions._put({"a.ipynb": place / "a.ipynb"}, place, earlier, None) is None


def test_thousands_of_files_are_no_thousands_of_thousands(tmp_path):
    files = {f"ana/{N}": "{}"} | {f"ana/{EXERCISE}_{n}.packed": "x" for n in range(3000)}
    found, odd = collected(tmp_path, files | {f"s{n}/photo.png": "x" for n in range(1000)})
    assert names(found) == ["ana"]
    assert len(odd) == 1000
    assert found[0].doubts[0].endswith("and 2979 more")


def test_the_list_of_learners_outlives_a_kill(tmp_path, monkeypatch):
    moodle = [f"Kim Lee_{n}_assignsubmission_file_/{N}" for n in (1, 2)]

    def killed(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(submissions, "_put", killed)
        with pytest.raises(KeyboardInterrupt):
            collected(tmp_path, moodle[:1])
    assert [
        one["called"] for one in json.loads((tmp_path / "class" / "learners.json").read_text())
    ] == ["Kim_Lee"]
    assert names(collected(tmp_path, moodle)[0]) == ["Kim_Lee", "Kim_Lee_2"]


@pytest.mark.parametrize("comment", [b"", b"x" * 65_535])
def test_the_entries_of_a_zip_are_counted_before_they_are_read(tmp_path, comment):
    """The table of contents stands before a comment of any length; an entry takes 46 bytes."""
    path = zipped(tmp_path / "in.zip", {"a": "", "b": "text", "c": ""})
    with zipfile.ZipFile(path, "a") as archive:
        archive.comment = comment
    assert archives._entries_said(path) == 3
    whole = path.read_bytes()
    at = whole.rindex(b"PK\5\6")
    for left, count in ((at + 4, 0), (at + 19, 0), (at + 20, 3)):
        path.write_bytes(whole[:left])
        assert archives._entries_said(path) == count
    for damaged, count in ((b"PK\5\6" + bytes(18), 0), (bytes(40), 0), (b"", 0)):
        path.write_bytes(damaged)
        assert archives._entries_said(path) == count


@pytest.mark.parametrize("count", [submissions.SHOWN, submissions.SHOWN + 1])
def test_many_files_without_a_notebook_stand_in_one_line(tmp_path, count):
    _, odd = collected(tmp_path, {f"ana/photo {n:02d}.png": "x" for n in range(count)})
    assert len(odd) == (count if count <= submissions.SHOWN else 1)
    assert ("and 1 more" in odd[0]) == (count > submissions.SHOWN)
