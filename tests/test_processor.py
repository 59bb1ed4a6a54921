"""processor: what a processor's instruction sets mean, for those that are not this one."""

import pytest

from course_lib import processor

PLAIN = {"architecture": "x86_64", "cpu_name": "AMD EPYC", "avx2": True, "avx512_vnni": False}
VNNI = {**PLAIN, "avx512_f": True, "avx512_vnni": True, "avx512_bf16": True}
LAPTOP = {**PLAIN, "cpu_name": "Core", "avx_vnni": True}
ARM = {"architecture": "aarch64", "neon": True}


@pytest.mark.parametrize(
    ("found", "exact", "bfloat16", "words"),
    [
        (PLAIN, False, False, "AMD EPYC: AVX2; no 8-bit dot products (VNNI)"),
        (VNNI, True, True, "AMD EPYC: AVX2, AVX-512, AVX-512 VNNI, bfloat16"),
        (LAPTOP, True, False, "Core: AVX2, AVX-VNNI"),
    ],
)
def test_what_instruction_sets_mean(found, exact, bfloat16, words):
    assert processor.exact_in_8_bits(found) is exact
    assert processor.has_bfloat16(found) is bfloat16
    assert processor.described(found) == words


def test_arm_sums_exactly_and_what_is_not_known_counts_as_plain(monkeypatch):
    assert processor.exact_in_8_bits(ARM)
    monkeypatch.setattr(processor.platform, "machine", lambda: "x86_64")
    assert not processor.exact_in_8_bits({})  # an older torch does not say: the safe way
    assert "not known" in processor.described({})


def test_this_one_is_described():
    assert processor.described()
    assert processor.exact_in_8_bits() in (True, False)
