"""What this processor can: the instruction sets that decide what pays on it.

Processors with VNNI (or Arm's dot products) sum products of 8-bit integers four at a time, exactly.
Older x86 ones add pairs of them in 16 bits first: slower, and what does not fit is cut off.

>>> exact_in_8_bits({"avx2": True, "avx512_vnni": True}), exact_in_8_bits({"avx2": True})
(True, False)
>>> described({"cpu_name": "Some CPU", "avx2": True})
'Some CPU: AVX2; no 8-bit dot products (VNNI)'
"""

import platform
from collections.abc import Mapping
from functools import cache
from typing import Any

SETS = {  # what torch calls them, what others do
    "avx2": "AVX2",
    "avx512_f": "AVX-512",
    "avx512_vnni": "AVX-512 VNNI",
    "avx_vnni": "AVX-VNNI",
    "amx_int8": "AMX",
    "avx512_bf16": "bfloat16",
    "neon": "NEON",
    "asimd": "NEON",
    "dotprod": "dot products",
    "asimddp": "dot products",
    "arm_dot": "dot products",
    "sve": "SVE",
}
DOT_PRODUCTS = ("avx512_vnni", "avx_vnni", "amx_int8")


@cache
def capabilities() -> dict[str, Any]:
    """What torch found out about this processor: {instruction set: whether it is there}."""
    import torch

    return dict(getattr(torch.cpu, "get_capabilities", dict)())


def exact_in_8_bits(found: Mapping[str, Any] | None = None) -> bool:
    """Does it sum products of 8-bit integers without ever cutting a sum off?

    Arm's do. On x86 it takes VNNI: elsewhere ONNX Runtime's kernels for unsigned activations and
    signed weights add pairs in 16 bits (its header onnxruntime_session_options_config_keys.h).
    """
    found = capabilities() if found is None else found
    x86 = found.get("architecture", platform.machine()).lower() in (
        "x86_64",
        "amd64",
        "i386",
        "x86",
    )
    return not x86 or any(found.get(name) for name in DOT_PRODUCTS)


def has_bfloat16(found: Mapping[str, Any] | None = None) -> bool:
    """Has it instructions for bfloat16? (Without them it is slower than float32.)"""
    found = capabilities() if found is None else found
    return bool(found.get("avx512_bf16") or found.get("amx_bf16"))


def described(found: Mapping[str, Any] | None = None) -> str:
    """Its name and instruction sets, as one line."""
    found = capabilities() if found is None else found
    name = str(found.get("cpu_name") or platform.processor() or platform.machine())
    sets = ", ".join(dict.fromkeys(label for key, label in SETS.items() if found.get(key)))
    if not sets:
        return f"{name}: instruction sets not known"
    return f"{name}: {sets}" + "; no 8-bit dot products (VNNI)" * (not exact_in_8_bits(found))
