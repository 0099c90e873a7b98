"""What the allocator does with freed memory.

Every batch takes some megabytes and gives them back. By default glibc returns them to the kernel at once, which
clears the same pages again for the next batch; told to keep them, it uses them again.
"""

import ctypes

# `M_TRIM_THRESHOLD` and `M_MMAP_THRESHOLD` of malloc.h. The latter may be 32 MiB at most.
_TRIM, _MMAP = -1, -3
KEPT_BYTES = 64 << 20
MAPPED_BYTES = 32 << 20


def keep_freed() -> bool:
    """Lets the process keep up to 64 MiB of freed memory; False where the C library has no such setting."""
    try:
        set_option = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return False
    return bool(set_option(_TRIM, KEPT_BYTES)) and bool(set_option(_MMAP, MAPPED_BYTES))
