"""What is kept is what was written, or it is said to be damaged: bit by bit."""

import json

import pytest
import torch

from course_lib import data, kept, models
from course_lib.recipes import steps
from course_lib.recipes.state import Lesson


@pytest.fixture
def written(tmp_path):
    tensors = {"weight": torch.arange(6.0).reshape(2, 3), "count": torch.tensor(7)}
    return kept.write(tmp_path / "kept", tensors, {"of": "oak", "note": "{}"})


def test_all_comes_back(written):
    tensors, head = kept.read(written)
    assert tensors["weight"].tolist() == [[0, 1, 2], [3, 4, 5]]
    assert tensors["count"].item() == 7
    assert head == {"of": "oak", "note": "{}"}


def test_no_bit_may_be_another(written):
    """Each bit of the file, turned: nothing is given that was not written."""
    whole = written.read_bytes()
    refused = 0
    for place in range(8 * len(whole)):
        other = bytearray(whole)
        other[place // 8] ^= 1 << place % 8
        written.write_bytes(other)
        try:
            tensors, head = kept.read(written)
        except kept.Damaged:
            refused += 1
        else:  # spaces behind the header, which safetensors does not look at
            assert head == {"of": "oak", "note": "{}"}
            assert tensors["weight"].tolist() == [[0, 1, 2], [3, 4, 5]]
            assert tensors["count"].item() == 7
    assert refused > 0.95 * 8 * len(whole)


def test_what_somebody_else_wrote_is_not_believed(tmp_path):
    from safetensors.torch import save_file

    file = tmp_path / "other.safetensors"
    save_file({"weight": torch.ones(2)}, file, metadata={"course": json.dumps({})})
    with pytest.raises(kept.Damaged, match="no checksum: something else wrote it, or an earlier"):
        kept.read(file)
    with pytest.raises(ValueError, match=r"other.safetensors is not a whole checkpoint .* delete"):
        models.load(file)


def test_a_damaged_file_is_said_and_an_absent_one_is_not(written, capsys):
    assert kept.found(written.with_name("absent"), "again") is None
    assert capsys.readouterr().err == ""
    written.write_bytes(written.read_bytes()[:-1])
    assert kept.found(written, "training again") is None
    assert "kept is damaged" in (said := capsys.readouterr().err)
    assert said.endswith("training again\n")


def test_a_checkpoint_with_one_bit_turned_is_no_checkpoint(tmp_path):
    """The weights' first and last byte, and the header's words, which change what is built."""
    path = models.save(models.LeafNet(4, classes=3), tmp_path / "n.safetensors", {"seed": 1})
    whole = path.read_bytes()
    header = int.from_bytes(whole[:8], "little")
    places = [8 + whole[8:].index(b"LeafNet"), 8 + header, len(whole) - 1]
    places += [8 + whole[8:].index(b"seed")]
    for place in places:
        other = bytearray(whole)
        other[place] ^= 4
        path.write_bytes(other)
        for read in (models.load, models.notes):
            with pytest.raises(ValueError, match="is not a whole checkpoint of this course"):
                read(path)


def test_a_damaged_step_of_a_recipe_is_trained_again(tmp_path, capsys, noise):
    few = data.ImageData("noise", noise, noise.first(20), noise.first(20), ("a", "b", "c"))

    def trained():
        torch.manual_seed(0)
        lesson = Lesson(few, models.LeafNet(4, classes=3).eval(), tmp_path, progress=False)
        return steps.Distil(images=80, mix=0).apply(steps.State(lesson.original), lesson).network

    first = trained()
    (file,) = tmp_path.glob("*.safetensors")
    content = bytearray(file.read_bytes())
    content[-1] ^= 64
    file.write_bytes(content)
    again = trained()
    assert "is damaged (its checksum differs" in capsys.readouterr().err
    for one, other in zip(first.parameters(), again.parameters(), strict=True):
        assert torch.equal(one, other)


def test_the_bytes_of_a_tensor_are_its_numbers_however_it_lies():
    """One number alone counts as contiguous with any stride, which torch's own view refuses."""
    numbers = torch.arange(8.0)
    for lies in (numbers[::4], numbers[::8], numbers.reshape(2, 4).T, numbers[3], numbers[:0]):
        whole = torch.tensor(lies.tolist()).reshape(-1)
        assert bytes(kept.content(lies)) == whole.numpy().tobytes()
