"""Hydra resolves axis values to all their options: every value a sweep names, in one composition.

One composition costs the same whether it holds one value or a hundred, so the values are put side
by side below ``values.<n>`` and composed together; the cells are their product.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, make_dataclass
from typing import Any

from hydra import compose, initialize_config_dir
from hydra.core.config_store import ConfigStore
from hydra.errors import HydraException
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from lightning_modules.catalog import FOLDERS, catalog, variant
from lightning_modules.options import Removal, of_grain
from lightning_modules.recipe import CHOICES
from lightning_modules.variant import Option, Variant
from sweeps.cell import Choice
from sweeps.errors import UserError
from sweeps.overrides import CONF, SCHEMAS, check
from sweeps.tickets import scheme

APP = ("launcher", "sweeper", "help", "hydra_help", "hydra_logging", "job_logging", "env", "output")
WITHOUT_APP = tuple(f"~hydra/{group}" for group in APP)
"""Groups that Hydra's app needs and a composition does not; each would cost a file."""

TYPES: Mapping[str, type] = {"int": int, "float": float, "str": str, "bool": bool}


@dataclass(frozen=True)
class Value:
    """An axis value as it is asked for: a name and overrides of its options."""

    axis: str
    name: str
    overrides: tuple[tuple[str, str], ...] = ()


def register(asked: Iterable[tuple[str, str]] | None = None) -> None:
    """Make variants typed Hydra nodes; done before Hydra composes them.

    Args:
        asked: (axis, name) of those that are needed; all if None.
    """
    store = ConfigStore.instance()
    for axis, schema in SCHEMAS.items():
        store.store(group=axis, name="schema", node=schema)
    everything = ((axis, name) for axis in FOLDERS for name in catalog(axis))
    for axis, name in everything if asked is None else asked:
        if axis in FOLDERS:
            store.store(group=axis, name=name, node=_node(variant(axis, name)))


def _node(entry: Variant) -> Any:
    fields = [("name", str, field(default=entry.name))]
    fields += [(o.name, _type(o), field(default=o.default)) for o in entry.options]
    return make_dataclass(f"{entry.axis}_{entry.name}", fields, init=False, repr=False, eq=False)


def _type(option: Option) -> Any:
    kind = TYPES[option.kind]
    return kind | None if option.optional else kind


def resolve(values: Iterable[Value]) -> dict[Value, Choice]:
    """Resolve each value to its name and all options.

    Raises:
        UserError: everything that is wrong with them, one problem a line.
    """
    return composed((), values)[1]


def composed(
    lines: Iterable[str], values: Iterable[Value]
) -> tuple[dict[str, Any], dict[Value, Choice]]:
    """The settings with the overrides ``lines``, and each value resolved: one composition.

    Raises:
        UserError: everything that is wrong with them, one problem a line.
    """
    asked = list(dict.fromkeys(values))
    problems = [p for v in asked for p in check(v.axis, v.name, v.overrides)]
    if problems:
        raise UserError("\n".join(dict.fromkeys(problems)))
    register((value.axis, value.name) for value in asked)
    config = _compose(lines, asked)
    nodes = config.pop("values", {})
    return config, {v: choice(v.axis, v.name, nodes[f"v{n}"]) for n, v in enumerate(asked)}


def _compose(lines: Iterable[str], values: Sequence[Value]) -> dict[str, Any]:
    added = [f"+{v.axis}@values.v{n}={v.name}" for n, v in enumerate(values)]
    for n, value in enumerate(values):
        added += [f"values.v{n}.{key}={text}" for key, text in value.overrides]
    try:
        with initialize_config_dir(str(CONF), version_base="1.3"):
            config = compose("settings", overrides=[*WITHOUT_APP, *lines, *added])
        content: Any = OmegaConf.to_container(config, resolve=True)
    except (HydraException, OmegaConfBaseException) as error:
        raise UserError(_readable(error, values)) from None
    return dict(content)


def _readable(error: Exception, values: Sequence[Value]) -> str:
    text = " ".join(str(error.__cause__ or error).split())
    for n in reversed(range(len(values))):
        text = text.replace(f"values.v{n}", values[n].axis)
    return text


def choice(axis: str, name: str, node: Mapping[str, Any]) -> Choice:
    """A composed node as a choice.

    Raises:
        UserError: a value that its type allows and its meaning does not.
    """
    options = {key: value for key, value in node.items() if key != "name"}
    if axis == "attention" and "connect" in options:
        options["connect"] = scheme(options["connect"])
    problems = _impossible(axis, name, options)
    if problems:
        raise UserError("\n".join(f"{axis} '{name}': {problem}" for problem in problems))
    return Choice(name, options)


def _impossible(axis: str, name: str, options: Mapping[str, Any]) -> list[str]:
    if axis == "recipe":
        return _impossible_recipe(options)
    if axis == "data":
        share = options["val_fraction"]
        return [] if 0 <= share < 1 else [f"val_fraction is a share in [0, 1), came {share}"]
    if axis == "pruning":
        return _impossible_pruning(name, options)
    return []


def _impossible_pruning(name: str, options: Mapping[str, Any]) -> list[str]:
    kind = of_grain(variant("pruning", name).facts.get("grain", "none"))
    if kind is None:
        return []
    hint = f"; for example pruning={name} pruning.sparsity=0.5" if kind is Removal else ""
    try:
        kind(**{key: options[key] for key in kind.__dataclass_fields__})
    except ValueError as error:
        return [f"{error}{hint}"]
    return []


def _impossible_recipe(options: Mapping[str, Any]) -> list[str]:
    phases = {"": options, "refit.": options["refit"]}
    problems = [
        f"{prefix}{key}={phase[key]}: allowed are {', '.join(allowed)}"
        for prefix, phase in {**phases, "noise.": options["noise"]}.items()
        for key, allowed in CHOICES.items()
        if key in phase and phase[key] not in allowed
    ]
    for prefix, phase in phases.items():
        if phase["epochs"] < (0 if prefix else 1):
            problems.append(f"{prefix}epochs={phase['epochs']}: at least {0 if prefix else 1}")
        if phase["lr"] < 0:
            problems.append(f"{prefix}lr={phase['lr']}: not below 0")
    if options["batch_size"] < 1:
        problems.append(f"batch_size={options['batch_size']}: at least 1")
    alter, share = options["alter"], options["noise"]["share"]
    if not 0 <= alter["start"] <= 1:
        problems.append(f"alter.start={alter['start']}: a share in [0, 1]")
    if not alter["ascent"] >= 0:
        problems.append(f"alter.ascent={alter['ascent']}: not below 0")
    if not 0 <= share < 1:
        problems.append(f"noise.share={share}: a share in [0, 1)")
    return problems
