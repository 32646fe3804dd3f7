"""On what kind of file system a folder is, and whether other machines can see it.

Standard library only.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

LOCAL = (
    *("bcachefs", "btrfs", "exfat", "ext2", "ext3", "ext4", "f2fs", "fuseblk", "iso9660", "jfs"),
    *("nilfs2", "ntfs", "ntfs3", "overlay", "ramfs", "reiserfs", "rootfs", "squashfs", "tmpfs"),
    *("vfat", "xfs", "zfs"),
)
"""Types that one machine has for itself; an unknown one counts as shared."""

MOUNTS = Path("/proc/self/mountinfo")


def filesystem(folder: Path, mounts: str | None = None) -> str:
    """The type of the file system that a folder is on, or will be on when it is made.

    Args:
        mounts: the text of ``/proc/self/mountinfo``; read if not given.

    Returns:
        ``ext4``, ``nfs4``, ...; empty where this machine does not say.
    """
    place, found = folder.resolve(), ("", "")
    for line in (_mounts() if mounts is None else mounts).splitlines():
        point, kind = _mount(line)
        if place.is_relative_to(point) and len(point) >= len(found[0]):
            found = point, kind
    return found[1]


def _mounts() -> str:
    try:
        return os.fsdecode(MOUNTS.read_bytes())
    except OSError:
        return ""


def _mount(line: str) -> tuple[str, str]:
    left, _, right = line.partition(" - ")
    point = re.sub(r"\\([0-7]{3})", lambda m: chr(int(m[1], 8)), left.split(" ")[4])
    return point, right.split(" ")[0]
