"""The catalogue reads from the source what importing would tell."""

from __future__ import annotations

import inspect
import typing
from pathlib import Path

import pytest

from lightning_modules import variant as variants
from lightning_modules.catalog import FOLDERS, catalog, load
from lightning_modules.options import Insertion, Removal, Search
from lightning_modules.source import read
from lightning_modules.variant import Variant, make_option

VARIANTS = [variant for axis in FOLDERS for variant in catalog(axis).values()]
WITH_CODE = [variant for variant in VARIANTS if variant.path]


def signature(variant: Variant) -> inspect.Signature:
    loaded = load(variant)
    return inspect.signature(loaded.build if variant.axis == "backbone" else loaded)


@pytest.mark.parametrize("variant", WITH_CODE, ids=lambda v: f"{v.axis}-{v.name}")
def test_the_options_read_from_source_are_those_of_the_signature(
    variant: Variant,
) -> None:
    declared = {
        p.name: p.default
        for p in signature(variant).parameters.values()
        if p.kind is p.KEYWORD_ONLY and p.default is not p.empty
    }
    axis = {"attention": Insertion, "pruning": Removal}.get(variant.axis)
    axis = Search if variant.facts.get("grain") == "site" else axis
    shared = set(axis.__dataclass_fields__) if axis else set()
    structure = variant.facts.get("VARIANTS", {}).get(variant.name, {})
    read_from_source = {o.name: o.default for o in variant.options if o.name not in shared}
    assert read_from_source == {k: structure.get(k, v) for k, v in declared.items()}


@pytest.mark.parametrize("variant", WITH_CODE, ids=lambda v: f"{v.axis}-{v.name}")
def test_every_variant_says_what_it_is_and_where_it_comes_from(variant: Variant) -> None:
    assert variant.about
    assert variant.source or variant.reconstruction


@pytest.mark.parametrize("variant", WITH_CODE, ids=lambda v: f"{v.axis}-{v.name}")
def test_declared_facts_are_those_of_the_loaded_code(variant: Variant) -> None:
    loaded = load(variant)
    its_own = variant.facts.get("VARIANTS", {}).get(variant.name, {})
    for name, value in variant.facts.items():
        if name not in ("widths", "__all__", *its_own) and hasattr(loaded, name):
            assert getattr(loaded, name) == value


def test_a_family_declares_the_number_of_sites_of_every_variant() -> None:
    for variant in catalog("backbone").values():
        assert all(isinstance(n, int) and n > 0 for n in variant.facts["blocks"])


def test_a_new_file_is_a_new_variant(tmp_path: Path) -> None:
    file = tmp_path / "halve.py"
    file.write_text(
        '"""Halving (Nobody, NOWHERE 2026, arXiv:0000.00000).\n\n    y = x / 2\n"""\n'
        "from torch import Tensor, nn\n\n\nclass Halve(nn.Module):\n"
        "    def __init__(self, channels: int, *, by: float = 2.0) -> None:\n"
        "        super().__init__()\n        self.by = by\n\n"
        "    def forward(self, x: Tensor) -> Tensor:\n        return x / self.by\n"
    )
    (variant,) = read("attention", file)
    assert (variant.name, variant.about, variant.public) == ("halve", "Halving", "Halve")
    assert [str(o) for o in variant.options] == ["by=2.0", "share=block", "connect=all"]
    assert variant.source == "Nobody, NOWHERE 2026, arXiv:0000.00000"


def test_a_file_without_a_header_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "bare.py"
    file.write_text("class Bare: ...\n")
    with pytest.raises(ValueError, match="begins with a docstring"):
        read("attention", file)


def test_a_backbone_file_that_lacks_a_declaration_is_told_which(tmp_path: Path) -> None:
    file = tmp_path / "net.py"
    file.write_text(
        '"""Net (A, B 2026)."""\nVARIANTS = {"net1": {"blocks": (1,)}}\nSLOTS = ("gate",)\n'
        "def build(num_classes, image_size, *, blocks): ...\n"
    )
    with pytest.raises(ValueError, match="LAYOUT, NORM, sites is missing"):
        read("backbone", file)


@pytest.mark.parametrize("annotation", ["list[int]", "dict", ""])
def test_an_option_of_another_type_is_refused(annotation: str) -> None:
    with pytest.raises(ValueError, match="allowed are int, float, str, bool, Literal"):
        make_option("x", annotation, None)


def test_an_option_can_be_one_of_several_words() -> None:
    option = make_option("form", 'Literal["a", "b"]', "a")
    assert (option.kind, option.choices) == ("str", ("a", "b"))
    assert typing.get_args(typing.Literal["a", "b"]) == option.choices


def test_the_digest_changes_with_the_source(tmp_path: Path, monkeypatch) -> None:
    (tmp_path / "gates").mkdir()
    file = tmp_path / "gates" / "one.py"
    text = '"""One (A, B 2026)."""\nclass One:\n    pass\n'
    file.write_text(text)
    monkeypatch.setattr(variants, "SHARED", {"attention": ()})
    before = read("attention", file)[0].digest()
    file.write_text(text + "\n")
    assert read("attention", file)[0].digest() != before
