"""Which pairs of variants cannot work, and why: from declared facts, without building a network."""

from __future__ import annotations

from collections.abc import Iterator

from lightning_modules.catalog import variant
from lightning_modules.variant import Variant
from sweeps.cell import Cell


def why_not(cell: Cell) -> str | None:
    """The first reason why a cell cannot run, or None if it can."""
    backbone = variant("backbone", cell.backbone.name)
    attention = variant("attention", cell.attention.name)
    pruning = variant("pruning", cell.pruning.name)
    reasons = (
        *_image(cell, backbone),
        *_attention(cell, backbone, attention),
        *_pruning(backbone, pruning),
    )
    return reasons[0] if reasons else None


def _image(cell: Cell, backbone: Variant) -> Iterator[str]:
    least, size = backbone.facts.get("MIN_IMAGE", 1), cell.data.options["image_size"]
    if size < least:
        yield f"{backbone.name} needs images of {least} px or more, {cell.data} has {size}"


def _attention(cell: Cell, backbone: Variant, attention: Variant) -> Iterator[str]:
    if attention.path is None:
        return
    layout, slot = attention.facts.get("layout", "map"), attention.facts.get("slot", "gate")
    offered = backbone.facts["LAYOUT"]
    if layout != offered:
        shapes = {"map": "maps (B,C,H,W)", "tokens": "tokens (B,N,C)"}
        yield f"{attention.name} reads {shapes[layout]}, {backbone.name} offers {shapes[offered]}"
    if slot not in backbone.facts["SLOTS"]:
        yield f"{attention.name} goes into a {slot} slot, {backbone.name} has none"
    shared = cell.attention.options["share"] == "stage"
    if shared and not attention.facts.get("shareable", True):
        yield f"{attention.name} cannot be shared by the blocks of a stage"
    connect = cell.attention.options["connect"]
    bits, blocks = connect.replace("|", ""), sum(backbone.facts["blocks"])
    if connect not in ("all", "none") and (set(bits) - set("01") or len(bits) != blocks):
        yield f"connect={connect} is not one bit for each of the {blocks} blocks of {backbone.name}"


def _pruning(backbone: Variant, pruning: Variant) -> Iterator[str]:
    if pruning.path is None:
        return
    if pruning.facts.get("grain") == "channel" and not backbone.facts["widths"]:
        yield f"{pruning.name} removes channels, {backbone.name} declares no width that can shrink"
    if "batchnorm" in pruning.facts.get("needs", ()) and backbone.facts["NORM"] != "batch":
        yield f"{pruning.name} reads batch norm scales, the widths of {backbone.name} have none"
