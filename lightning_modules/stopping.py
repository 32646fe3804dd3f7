"""The one word for training that was asked to stop and can be gone on with."""

from __future__ import annotations

__all__ = ["Stopped"]


class Stopped(Exception):
    """Stopped on request; nothing is lost, the message says after which phase, epoch and batch."""
