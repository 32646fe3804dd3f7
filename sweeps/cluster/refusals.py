"""A resource class tried out on SLURM: would it take a job of it, and if not, what is wrong?"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from sweeps.cluster import slurm
from sweeps.cluster.offer import Offer
from sweeps.cluster.resources import NAMES, SIZES, Resources

BLAMED = {
    "policy": "",
    "account": "account",
    "qos": "qos",
    "partition": "partition",
    "feature": "constraint",
    "gres": "gpus",
    "time limit": "minutes",
    "memory": "memory_gb",
    "node count": "nodes",
}
"""Words in which SLURM names what it refuses, the first that fits, and our option."""

UNCLEAR = (
    "Requested node configuration is not available",
    "Requested nodes are busy",
    "Required node not available",
)
"""What SLURM says to a trial also when nodes are down for now, though it would take the job."""

OPEN = ("ALL", "UNLIMITED", "NO", "N/A", "(null)")

LEAST: Mapping[str, Any] = {
    **dict.fromkeys(NAMES),
    "nodes": 1,
    "gpus": 0,
    "cpus": 1,
    "memory_gb": 1,
    "minutes": 1,
}


def flags(own: Resources, options: Mapping[str, Any]) -> dict[str, Any]:
    """The flags of sbatch for jobs of a class, but for those that differ from job to job."""
    asked = {
        "partition": own.partition,
        "account": own.account,
        "qos": own.qos,
        "constraint": own.constraint,
        "time": own.minutes,
        "nodes": own.nodes,
        "ntasks-per-node": own.devices,
        "cpus-per-task": max(1, own.cpus // own.devices),
        "gpus-per-node": own.gpus or None,
        "mem": f"{own.memory_gb}GB",
        "signal": f"USR2@{options['notice_seconds']}",
        **options["sbatch"],
    }
    return {key: value for key, value in asked.items() if value is not None}


def script(asked: Mapping[str, Any]) -> str:
    """A batch script with these flags, written as submitit writes them."""
    texts = {key: "" if v is True else f"={shlex.quote(str(v))}" for key, v in asked.items()}
    lines = (f"#SBATCH --{key.replace('_', '-')}{text}\n" for key, text in texts.items())
    return "#!/bin/sh\n" + "".join(lines)


def refusals(
    own: Resources, options: Mapping[str, Any], offer: Offer, *, known: set[str]
) -> Iterator[str]:
    """What SLURM itself has against a class.

    It names one thing at a time, so what it names is left out and it is asked again.

    Args:
        known: options of which it is known already that they are wrong.
    """
    given = own
    for _ in LEAST:
        own = _without(own, known)
        text = slurm.refusal(script(flags(own, options)))
        unclear = any(words in text for words in UNCLEAR)
        if not text or (unclear and not offer.is_in_service(own)):
            return
        key = _blamed(text, own)
        if key in known:
            return
        hint = "".join(map(_limits, offer.rows(own))) if unclear else _allowed(key, own, offer)
        yield _words(given, options, text, key) + hint
        if not key:
            return
        known = {*known, key}


def _blamed(text: str, own: Resources) -> str:
    """The option of a class that SLURM's words are about; empty if that is not clear."""
    key = next((key for word, key in BLAMED.items() if word in text.lower()), "")
    return "" if key in SIZES and getattr(own, key) == LEAST[key] else key


def _without(own: Resources, keys: set[str]) -> Resources:
    """A class that asks for as little as can be where ``keys`` are wrong."""
    keys = {*LEAST} - {"account", "qos"} | keys if "partition" in keys else keys
    least = {key: value for key, value in LEAST.items() if key in keys}
    return replace(own, **least, devices=1 if keys & {"gpus", "cpus"} else own.devices)


def _words(own: Resources, options: Mapping[str, Any], text: str, key: str) -> str:
    if key:
        value = getattr(own, key)
        return f"cluster.{key}={'null' if value is None else value}: SLURM says: {text}"
    asked = [f"{name}={getattr(own, name)}" for name in (*NAMES, *SIZES)]
    asked += [f"sbatch.{name}={value}" for name, value in options["sbatch"].items()]
    shown = ", ".join(part for part in asked if not part.endswith("=None"))
    return f"SLURM would not take a job with cluster options {shown}: {text}"


def _allowed(key: str, own: Resources, offer: Offer) -> str:
    """What SLURM would take instead, as far as it says so."""
    features = (node.get("AvailableFeatures", "(null)") for node in offer.nodes_of(own))
    allowed = {
        "account": offer.rights.accounts(),
        "qos": offer.rights.qos_granted(own),
        "constraint": sorted({f for text in features for f in text.split(",") if f not in OPEN}),
    }
    names = ", ".join(allowed.get(key, ()))
    return f"; available: {names}" if names else ""


def _limits(partition: Mapping[str, str]) -> str:
    """What a partition allows, where it does not allow all."""
    told = (k for k in partition if k.startswith(("Allow", "Deny", "Max")))
    found = [f"{name}={partition[name]}" for name in told if partition[name] not in OPEN]
    return f"; partition '{partition['PartitionName']}' has {', '.join(found)}" if found else ""
