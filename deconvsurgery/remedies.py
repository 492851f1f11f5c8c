"""What can be done where the operating system refuses, by the number of its error.

Never here: what was refused, or printing.
"""

from __future__ import annotations

import errno

_BROKEN = "the disk or the network behind it fails: look at the system's log"
_REMEDIES = {
    errno.ENOSPC: "free some space, or name an output on another disk",
    errno.EDQUOT: "your quota is used up: free some space, or name an output on another disk",
    errno.EFBIG: "see `ulimit -f`, and what the file system allows (FAT: 4 GiB)",
    errno.EIO: _BROKEN,
    errno.ESTALE: "the file server lost track of it: run again",
    errno.EBUSY: "a single file mounted into a container cannot be replaced: mount its directory",
    errno.EXDEV: "it is mounted by itself, or the directory is an overlay: name another output",
    errno.EACCES: "`ls -l` shows whose it is and who may use it",
    errno.EPERM: "the file system forbids it; `lsattr` shows what may not be changed",
    errno.EROFS: "the file system is mounted to be read only: name an output on another",
    errno.EMFILE: "too many files are open: see `ulimit -n`",
    errno.ENFILE: "too many files are open in the whole system: run again later",
    errno.EMLINK: "the file has as many names as the file system allows: name another output",
    errno.ENOMEM: "the system is out of memory: run again when less runs beside it",
}


def remedy(error: OSError) -> str | None:
    """A hint for an error of the operating system, where there is one."""
    return _REMEDIES.get(error.errno or 0)
