"""What a backbone declares about itself: where attention fits, and which widths can shrink."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Site:
    """A place for an attention module, in a slot of the backbone (see ``SLOTS``).

    Args:
        path: submodule to put the module at, in dotted form. In the slots gate, step and stage an
            Identity (or None, or nothing) there is replaced and anything else is kept and followed
            by the module; in the slots norm and conv it is replaced.
        channels: C, the width of the map or tokens there.
        stage: index of the stage, from 0; blocks of a stage have equal C and may share a module.
            Means nothing in the slots norm and conv.
        norm: put a BatchNorm2d in front of the module (pre-activation branches end in a bare
            convolution, and these modules read a normalised map).
        block: the residual block that the site is in, whose input a module of slot step reads.
        behind: in the slot conv, the norm that goes with the convolution.
    """

    path: str
    channels: int
    stage: int
    norm: bool = False
    block: str = ""
    behind: str = ""


SLOTS = {"gate": "sites", "step": "sites", "norm": "norms", "conv": "convs", "stage": "ends"}
"""Where a module can go, and the backbone's function that gives the places:

    gate   end of a residual branch, before the add
    step   the same; the module also reads the block's input
    norm   instead of every batch norm but those of projection shortcuts
    conv   instead of every spatial convolution that batch norm and activation follow inside a
           branch, and of that norm: the module normalises and activates for itself
    stage  at the end of every stage but the last
"""

SCHEMED = ("gate", "step")
"""Slots whose places are blocks, so that a connection scheme can plug and unplug them."""


@dataclass(frozen=True)
class Width:
    """A block-internal number of channels that can shrink without touching the trunk.

    Args:
        producer: path of the Conv2d or Linear whose outputs these channels are.
        followers: paths of the norms and depthwise convolutions they pass through.
        consumer: path of the Conv2d or Linear that reads them.
        groups: the channels fall into this many equal groups that must stay equal.
    """

    producer: str
    followers: tuple[str, ...]
    consumer: str
    groups: int = 1
