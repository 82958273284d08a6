"""How the C library keeps memory, for a process whose work is large arrays that come and go.

glibc gives an array of some megabytes back to the system when it is freed and asks for it again at
the next layer. Every page of it is then zeroed and mapped anew, which for a model such as GPT-2
small takes a part of `headgraph compute` that can be felt.
"""

import ctypes

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # names of malloc.h
KEPT = 256 << 20
"""Bytes at the end of the heap from which they are given back."""
FROM_HEAP = 32 << 20
"""Bytes up to which an array comes from the heap; the largest that glibc allows."""


def keep_freed_memory() -> bool:
    """Let freed arrays be used again; False where the C library has no such setting.

    Meant for a command, whose process is its own; a library must not decide this.
    """
    mallopt = getattr(_library(), "mallopt", None)
    if mallopt is None:  # macOS, musl
        return False
    return bool(mallopt(_MMAP_THRESHOLD, FROM_HEAP) and mallopt(_TRIM_THRESHOLD, KEPT))


def _library() -> ctypes.CDLL:
    return ctypes.CDLL(None)
