"""A copy of the code beside the ledger, so that editing a file never changes a job that waits.

``<ledger>/code/<digest>/`` holds the work tree as it was, what is not committed included and what
git ignores not. Equal trees share one folder, whoever takes them and when. Standard library only.
"""

from __future__ import annotations

import compileall
import hashlib
import json
import os
import shutil
import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from sweeps.errors import UserError
from sweeps.origin import NOTE, git, origin
from sweeps.record import write_atomically

ROOT = Path(__file__).parents[1]
FOLDERS = ("conf", "lightning_modules", "datamodules", "sweeps", "reports")
PARTS = ("run.py", "pyproject.toml", *FOLDERS)
"""What a job needs of the tree."""

LEFT_OUT = ("__pycache__", "runs", "results", "user.yaml")
"""What a walk leaves out where git does not say it, beside all that is hidden."""

HOUR_S = 3600.0


@dataclass(frozen=True)
class Snapshot:
    """A copy of the code; ``root`` is its folder, absolute, to be run from."""

    digest: str
    root: Path


def take(ledger: Path, root: Path = ROOT) -> Snapshot:
    """Copy the tree below ``root`` to the ledger, unless it is there.

    Raises:
        UserError: the ledger cannot be written, or somebody changed the copy.
    """
    content = {path: (root / path).read_bytes() for path in sorted(_files(root))}
    digest = _digest(content)
    folder = ledger.absolute() / "code" / digest
    try:
        if not folder.exists():
            _copy(content, folder)
        _check(content, folder)
        write_atomically(folder / NOTE, _note(root))
    except OSError as error:
        raise UserError(
            f"cannot write the code to {folder} ({error.strerror}); "
            "choose a folder you can write with ledger=..., or free space there"
        ) from None
    return Snapshot(digest, folder)


def clean(ledger: Path, needed: Collection[str], *, older_s: float = HOUR_S) -> list[str]:
    """Remove snapshots that nobody needs and what interrupted copies left.

    Args:
        needed: digests to keep.
        older_s: what was touched within this time stays: another process may just be about to
            submit jobs for it.

    Returns:
        The digests that were removed.
    """
    removed = []
    for folder in sorted((ledger / "code").glob("*")):
        with suppress(FileNotFoundError):  # another process removes it too
            if folder.name in needed or time.time() - folder.stat().st_mtime < older_s:
                continue
            doomed = _beside(folder)
            folder.rename(doomed)  # so that nobody finds half a snapshot
            shutil.rmtree(doomed, ignore_errors=True)
            removed.append(folder.name)
    return [name for name in removed if not name.startswith(".")]


def _files(root: Path) -> set[str]:
    """The paths of the parts' files, relative to ``root``."""
    listed = git(root, "ls-files", "-z", "-co", "--exclude-standard", "--", *PARTS)
    names = [name for name in listed.split("\0") if name] or PARTS
    return {p.relative_to(root).as_posix() for name in names for p in _walk(root / name)}


def _walk(path: Path) -> Iterator[Path]:
    if path.is_dir():
        for inner in path.iterdir():
            if inner.name not in LEFT_OUT and not inner.name.startswith("."):
                yield from _walk(inner)
    elif path.is_file():
        yield path


def _digest(content: Mapping[str, bytes]) -> str:
    found = hashlib.sha256()
    for path, data in content.items():
        found.update(f"{path}\0{hashlib.sha256(data).hexdigest()}\n".encode())
    return found.hexdigest()[:12]


def _beside(folder: Path) -> Path:
    return folder.with_name(f".{os.getpid()}-{os.urandom(4).hex()}")


def _copy(content: Mapping[str, bytes], folder: Path) -> None:
    """Write a new snapshot; when two do so at once, the first one's stays."""
    part = _beside(folder)
    try:
        for path, data in content.items():
            file = part / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(data)
            file.chmod(file.stat().st_mode & ~0o222)
        compileall.compile_dir(part, quiet=2)
        part.rename(folder)
    except OSError:
        if not folder.exists():
            raise
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _check(content: Mapping[str, bytes], folder: Path) -> None:
    def is_same(path: str, data: bytes) -> bool:
        file = folder / path
        return file.is_file() and file.read_bytes() == data

    changed = [path for path, data in content.items() if not is_same(path, data)]
    if changed:
        raise UserError(
            f"the code snapshot {folder} was changed ({', '.join(changed[:3])}); delete the folder "
            "once no job runs from it, then start again"
        )


def _note(root: Path) -> bytes:
    found = origin(root)
    note = {"commit": found.commit, "dirty": found.dirty, "diff": found.diff}
    note["taken"] = datetime.now(UTC).isoformat(timespec="seconds")
    return json.dumps(note, indent=1).encode()
