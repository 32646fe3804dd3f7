"""What a backbone declares about itself: where attention fits, and which widths can shrink."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Site:
    """A place for an attention module: the end of one residual branch, before the add.

    Args:
        path: submodule to put the module at, in dotted form. An Identity (or None) there is
            replaced; anything else is kept and followed by the module.
        channels: C, the width of the map or tokens there.
        stage: index of the stage, from 0; blocks of a stage have equal C and may share a module.
        norm: put a BatchNorm2d in front of the module (pre-activation branches end in a bare
            convolution, and these modules read a normalised map).
    """

    path: str
    channels: int
    stage: int
    norm: bool = False


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
