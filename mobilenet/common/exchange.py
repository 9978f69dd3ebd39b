"""Two names change places in one step: the kernel's exchange, which Python does not offer.

Linux has `renameat2` with RENAME_EXCHANGE (renameat2(2)), macOS `renamex_np` with RENAME_SWAP
(rename(2) there). The call of macOS has never run.
"""

import ctypes
import errno
import os
import sys
from pathlib import Path

AT_FDCWD = -100  # relative paths are seen from the working folder
RENAME_EXCHANGE = 2  # linux/fs.h
RENAME_SWAP = 2  # sys/stdio.h of macOS
UNSUPPORTED = {errno.EINVAL, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP}


def exchange(one: Path, other: Path) -> bool:
    """Let two files or folders of one file system change names, both or neither.

    False where the kernel or the file system cannot: NFS, for one. Raises `OSError` when it fails.
    """
    library = ctypes.CDLL(None, use_errno=True)
    first, second = os.fsencode(one), os.fsencode(other)
    try:
        if sys.platform == "darwin":
            failed = library.renamex_np(first, second, RENAME_SWAP)
        else:
            failed = library.renameat2(AT_FDCWD, first, AT_FDCWD, second, RENAME_EXCHANGE)
    except AttributeError:  # a C library that does not have it: musl, glibc before 2.28
        return False
    if failed and (number := ctypes.get_errno()) not in UNSUPPORTED:
        raise OSError(number, os.strerror(number), str(one), None, str(other))
    return not failed
