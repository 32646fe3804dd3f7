"""One file for what belongs to one user: ``conf/user.yaml``, ignored by git.

    cluster:  the cluster that is used when none is asked for
    clusters: {name: options}, added to a cluster's own file when that cluster is used
    ...       any key of conf/settings.yaml

Its entries are overrides given before those of the command line, which therefore wins. The
environment variable TRIPTYCH_USER names another file; empty, it means none.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from sweeps.errors import UserError, near_miss
from sweeps.overrides import CONF, names, read_yaml, text_of
from sweeps.settings import default_cluster, impossible, impossible_cluster

VARIABLE = "TRIPTYCH_USER"
FREE = ("sbatch",)
"""Sections whose keys are the user's to choose."""
NOT_MINE = ("defaults", "do", "key")
"""What only a command line says."""


def user_lines(cluster: str | None) -> list[str]:
    """The user's file as override lines.

    Args:
        cluster: the one that the command line asks for, if it does.

    Raises:
        UserError: everything that is wrong with the file, each line naming it.
    """
    path = _path()
    if path is None:
        return []
    known = _known()
    content = _without_empty(_read(path), known)
    problems = _misplaced(content, known) or _impossible(content, known)
    if problems:
        raise UserError("\n".join(f"{path}: {problem}" for problem in problems))
    clusters, default = content.pop("clusters", {}), content.pop("cluster", None)
    chosen = cluster or default or default_cluster()
    lines = [] if cluster or default is None else [f"cluster={default}"]
    return [*lines, *_lines(content), *_lines(clusters.get(chosen, {}), "cluster.")]


def _path() -> Path | None:
    if VARIABLE in os.environ:
        return Path(os.environ[VARIABLE]) if os.environ[VARIABLE] else None
    path = CONF / "user.yaml"
    return path if path.exists() else None


def _read(path: Path) -> dict[str, Any]:
    try:
        return read_yaml(path)
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror} (see {VARIABLE})") from None


def _known() -> dict[str, Any]:
    """Everything that the file may set, with the values that hold where it does not."""
    settings = read_yaml(CONF / "settings.yaml")
    known = {key: value for key, value in settings.items() if key not in NOT_MINE}
    clusters = {name: _options(name) for name in names("cluster")}
    return {**known, "cluster": default_cluster(), "clusters": clusters}


def _options(cluster: str) -> dict[str, Any]:
    """A cluster's options, those of the files that it is based on included."""
    content = read_yaml(CONF / "cluster" / f"{cluster}.yaml")
    found: dict[str, Any] = {}
    for base in content.pop("defaults", []):
        found |= _options(base) if base in names("cluster") else {}
    return {**found, **content}


def _without_empty(own: Mapping[Any, Any], known: Mapping[str, Any]) -> dict[str, Any]:
    """The content without its empty sections."""
    found = {}
    for key, value in own.items():
        below = known.get(key)
        if isinstance(below, Mapping) and isinstance(value, Mapping):
            found[str(key)] = _without_empty(value, below)
        elif value is not None or not isinstance(below, Mapping):
            found[str(key)] = value
    return found


def _misplaced(own: Mapping[str, Any], known: Mapping[str, Any], prefix: str = "") -> list[str]:
    """Keys that do not exist, and sections where a value belongs or the other way round."""
    problems = []
    for key, value in own.items():
        is_section = isinstance(known.get(key), Mapping)
        if key not in known:
            allowed = [f"{prefix}{name}" for name in known]
            problems.append(near_miss("setting", f"{prefix}{key}", allowed))
        elif is_section != isinstance(value, Mapping):
            plain = f"a list of {key}" if isinstance(known[key], list) else "a value"
            must = "a section of keys and values" if is_section else plain
            problems.append(f"{prefix}{key}={value}: must be {must}")
        elif is_section and key not in FREE:
            problems += _misplaced(value, known[key], f"{prefix}{key}.")
    return problems


def _impossible(own: Mapping[str, Any], known: Mapping[str, Any]) -> list[str]:
    found = _laid_over(known, own)
    clusters = found["clusters"]
    problems = impossible(found)
    if found["cluster"] not in list(clusters):
        problems.append(near_miss("cluster", str(found["cluster"]), clusters))
    for name in own.get("clusters", {}):
        where = f"clusters.{name}"
        problems += impossible_cluster(clusters[name], where=where, complete=False)
    return problems


def _laid_over(base: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in own.items():
        is_section = isinstance(value, Mapping) and key in base
        merged[key] = _laid_over(base[key], value) if is_section else value
    return merged


def _lines(content: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    free = any(f".{name}." in prefix for name in FREE)
    for key, value in content.items():
        if isinstance(value, Mapping):
            yield from _lines(value, f"{prefix}{key}.")
        else:
            yield f"{'++' if free else ''}{prefix}{key}={text_of(value)}"
