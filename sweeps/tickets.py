"""Connection schemes by name or file: published ones in ``conf/ticket``, found ones in the ledger.

    backbone: resnet50               the only one whose blocks it counts
    attention: dia                   what it was found for; any gate may be tried with it
    connect: "110|0011|110010|011"   one bit for each block, | between the stages

A search leaves such a file, with more in it, as ``<ledger>/<key>/ticket.json``.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from lightning_modules.options import SCHEMES
from sweeps.errors import UserError
from sweeps.overrides import CONF, names, read_yaml

BITS = set("01|")


@dataclass(frozen=True)
class Ticket:
    """A scheme and the backbone whose blocks it plugs."""

    name: str
    backbone: str
    connect: str


def scheme(connect: str) -> str:
    """A word or the bits that ``attention.connect`` stands for.

    Raises:
        UserError: it names no ticket, or one that is none.
    """
    if connect in SCHEMES:
        return connect
    return (connect if is_bits(connect) else ticket(connect).connect).replace("|", "")


def is_bits(connect: str) -> bool:
    return bool(connect) and not set(connect) - BITS


def mismatch(connect: str, backbone: str) -> str | None:
    """Why ``connect``, if it names a ticket, is none for a backbone."""
    if connect in SCHEMES or is_bits(connect) or ticket(connect).backbone == backbone:
        return None
    return f"ticket {connect} is for the blocks of {ticket(connect).backbone}, not of {backbone}"


@cache
def ticket(text: str) -> Ticket:
    """Read a ticket by its name in ``conf/ticket`` or its path.

    Raises:
        UserError: there is none, or it has not what a ticket has.
    """
    own = CONF / "ticket" / f"{text}.yaml"
    path = own if own.is_file() else Path(text).expanduser()
    if not path.is_file():
        raise UserError(
            f"attention.connect={text}: is all, none, random, one bit (0 or 1) for each block, a "
            f"ticket ({', '.join(names('ticket'))}) or a ticket's file; there is no such file"
        )
    content = read_yaml(path)
    backbone, connect = content.get("backbone"), content.get("connect")
    if not isinstance(backbone, str) or not isinstance(connect, str) or not is_bits(connect):
        raise UserError(
            f"{path} is no ticket: it needs a backbone's name and connect, one bit for each block "
            f'in quotes, as in connect: "110|011"; came backbone={backbone}, connect={connect}'
        )
    return Ticket(text, backbone, connect)
