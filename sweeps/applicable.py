"""Which pairs of variants cannot work, and why: from declared facts, without building a network."""

from __future__ import annotations

from collections.abc import Iterator

from lightning_modules.catalog import variant
from lightning_modules.options import SCHEMES
from lightning_modules.structure import SCHEMED
from lightning_modules.variant import Variant
from sweeps.cell import Cell


def why_not(cell: Cell) -> str | None:
    """The first reason why a cell cannot run, or None if it can."""
    backbone = variant("backbone", cell.backbone.name)
    attention = variant("attention", cell.attention.name)
    pruning = variant("pruning", cell.pruning.name)
    reasons = (
        *_image(cell, backbone),
        *_noise(cell, backbone),
        *_attention(cell, backbone, attention),
        *_pruning(cell, backbone, attention, pruning),
    )
    return reasons[0] if reasons else None


def _image(cell: Cell, backbone: Variant) -> Iterator[str]:
    least, size = backbone.facts.get("MIN_IMAGE", 1), cell.data.options["image_size"]
    if size < least:
        yield f"{backbone.name} needs images of {least} px or more, {cell.data} has {size}"


def _noise(cell: Cell, backbone: Variant) -> Iterator[str]:
    kind = cell.recipe.options.get("noise", {}).get("kind", "none")
    if kind != "none" and backbone.facts["NORM"] != "batch":
        yield f"noise.kind={kind} disturbs batch norms, {backbone.name} has none"


def _attention(cell: Cell, backbone: Variant, attention: Variant) -> Iterator[str]:
    if attention.path is None:
        return
    layout, slot = attention.facts.get("layout", "map"), _slot(attention)
    offered = backbone.facts["LAYOUT"]
    if layout != offered:
        shapes = {"map": "maps (B,C,H,W)", "tokens": "tokens (B,N,C)"}
        yield f"{attention.name} reads {shapes[layout]}, {backbone.name} offers {shapes[offered]}"
    if slot not in backbone.facts["SLOTS"]:
        yield f"{attention.name} goes into a {slot} slot, {backbone.name} has none"
    shared = cell.attention.options.get("share") == "stage"
    if shared and not attention.facts.get("shareable", True):
        yield f"{attention.name} cannot be shared by the blocks of a stage"
    connect = cell.attention.options.get("connect", "all")
    bits, blocks = connect.replace("|", ""), sum(backbone.facts["blocks"])
    if connect not in SCHEMES and (set(bits) - set("01") or len(bits) != blocks):
        yield f"connect={connect} is not one bit for each of the {blocks} blocks of {backbone.name}"


def _pruning(cell: Cell, backbone: Variant, attention: Variant, pruning: Variant) -> Iterator[str]:
    if pruning.path is None:
        return
    grain, needs = pruning.facts.get("grain"), pruning.facts.get("needs", ())
    if grain == "channel":
        yield from _channels(backbone, attention, pruning)
    if grain == "site":
        yield from _sites(cell, attention, pruning)
    if "batchnorm" in needs and backbone.facts["NORM"] != "batch":
        yield f"{pruning.name} reads batch norm scales, the widths of {backbone.name} have none"
    if "validation" in needs and not cell.data.options["val_fraction"]:
        yield f"{pruning.name} compares on the validation split, {cell.data} has val_fraction=0"


def _channels(backbone: Variant, attention: Variant, pruning: Variant) -> Iterator[str]:
    if not backbone.facts["widths"]:
        yield f"{pruning.name} removes channels, {backbone.name} declares no width that can shrink"
    if _slot(attention) == "conv":
        yield f"{pruning.name} removes channels of the convolutions that {attention.name} replaces"


def _sites(cell: Cell, attention: Variant, pruning: Variant) -> Iterator[str]:
    if attention.path is None:
        yield f"{pruning.name} searches the blocks to plug, attention=none plugs none"
    elif _slot(attention) not in SCHEMED:
        yield f"{pruning.name} searches the blocks to plug, {attention.name} goes into no block"
    elif cell.attention.options["connect"] != "all":
        connect = cell.attention.options["connect"]
        yield f"{pruning.name} searches among all blocks, connect={connect} sets them"


def _slot(attention: Variant) -> str:
    return str(attention.facts.get("slot", "gate"))
