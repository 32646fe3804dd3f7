"""Hydra's override grammar, checked against the catalogue before anything is composed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Glob, Override, OverrideType, Quote, QuotedString
from hydra.errors import HydraException

from datamodules.spec import DataSpec
from lightning_modules import catalog as catalogue
from lightning_modules.catalog import FOLDERS
from lightning_modules.recipe import Recipe
from lightning_modules.variant import Option, make_option
from sweeps.cell import AXES
from sweeps.cluster.resources import check_own
from sweeps.errors import UserError, near_miss

CONF = Path(__file__).parents[1] / "conf"
SCHEMAS = {"data": DataSpec, "recipe": Recipe}
PYTHON = {"int": (int,), "float": (int, float), "bool": (bool,), "str": (str, int, float)}


CLUSTER = "cluster"


@dataclass(frozen=True)
class Setting:
    """One override of the grid: a key and the one or several values it takes, as override text.

    The key is an axis, one of its options, the seed, or ``cluster.`` and a resource.
    """

    key: str
    texts: tuple[str, ...]

    @property
    def axis(self) -> str:
        return self.key.partition(".")[0]


def read_yaml(path: Path) -> dict[str, Any]:
    """A file of ``conf/`` as it stands, nothing composed.

    Raises:
        UserError: it is no yaml.
    """
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        return dict(yaml.load(path.read_text(encoding="utf-8"), Loader=loader) or {})
    except (yaml.YAMLError, ValueError, TypeError) as error:
        raise UserError(f"{path} cannot be read: {' '.join(str(error).split())}") from None


def parse(lines: Iterable[str]) -> list[Override]:
    """Parse overrides.

    Raises:
        UserError: some line is not in Hydra's grammar.
    """
    parser, found, problems = _parser(), [], []
    for line in lines:
        try:
            found.append(parser.parse_override(line))
        except HydraException as error:
            reason = str(error).splitlines()[0]
            problems.append(f"'{line}' is no override ({reason}); write key=value")
    if problems:
        raise UserError("\n".join(problems))
    return found


@cache
def _parser() -> OverridesParser:
    return OverridesParser.create()


def names(axis: str) -> tuple[str, ...]:
    """Every value an axis can take."""
    if axis in FOLDERS:
        return catalogue.names(axis)
    return tuple(sorted(path.stem for path in (CONF / axis).glob("*.yaml")))


def exists(axis: str, name: str) -> bool:
    """Whether an axis can take a value; asks for less than ``names``."""
    if axis not in FOLDERS:
        return name in names(axis)
    try:
        catalogue.variant(axis, name)
    except KeyError:
        return False
    return True


def options(axis: str, name: str) -> Mapping[str, Option | None]:
    """The options of an axis value; None stands for one whose type the schema checks later."""
    if axis in FOLDERS:
        return {option.name: option for option in catalogue.variant(axis, name).options}
    return _schema_options(axis)


@cache
def _schema_options(axis: str) -> Mapping[str, Option | None]:
    return dict(_fields(SCHEMAS[axis], ""))


def _fields(schema: Any, prefix: str) -> Iterator[tuple[str, Option | None]]:
    for item in fields(schema):
        default = item.default_factory() if callable(item.default_factory) else item.default
        if is_dataclass(default):
            yield from _fields(type(default), f"{prefix}{item.name}.")
            continue
        kind = str(item.type)
        plain = make_option(item.name, kind, None) if kind in PYTHON else None
        yield prefix + item.name, plain


def settings(overrides: Iterable[Override]) -> list[Setting]:
    """Expand the values of grid overrides (choice, range, glob), checking names.

    Raises:
        UserError: all that is wrong with them, one problem a line.
    """
    found, problems = [], []
    for override in overrides:
        try:
            is_own = override.key_or_group.partition(".")[0] == CLUSTER
            found.append(_own(override) if is_own else Setting(_key(override), _texts(override)))
        except UserError as error:
            problems.append(str(error))
    if problems:
        raise UserError("\n".join(problems))
    return found


def _key(override: Override) -> str:
    key = override.key_or_group
    axis = key.partition(".")[0]
    if axis not in AXES and key != "seed":
        raise UserError(near_miss("axis", key, [*AXES, "seed"]))
    _check_plain(override)
    return key


def _check_plain(override: Override) -> None:
    if override.type != OverrideType.CHANGE or override.package:
        raise UserError(f"'{override.input_line}': only key=value can stand here")


def _own(override: Override) -> Setting:
    """A resource that a block sets for its cells: one value, which is no axis of the grid."""
    key, line = override.key_or_group, override.input_line
    _check_plain(override)
    if override.is_sweep_override():
        raise UserError(f"'{line}': a block has one value of {key}; write one block for each")
    if problems := check_own(key.partition(".")[2], override.value()):
        raise UserError("\n".join(problems))
    return Setting(key, (override.get_value_element_as_str(),))


def _texts(override: Override) -> tuple[str, ...]:
    value: Any = override.value()
    key = override.key_or_group
    if isinstance(value, Glob):
        if key not in AXES:
            raise UserError(f"'{override.input_line}': glob works on the axes {', '.join(AXES)}")
        texts = tuple(value.filter(list(names(key))))
    elif override.is_sweep_override():
        try:
            texts = tuple(map(str, override.sweep_string_iterator()))
        except (ValueError, HydraException) as error:
            raise UserError(f"'{override.input_line}' is an impossible range: {error}") from None
    else:
        texts = (override.get_value_element_as_str(),)
    if not texts:
        raise UserError(f"'{override.input_line}' is empty: it matches nothing")
    return texts


def check(axis: str, name: str, overrides: Iterable[tuple[str, str]]) -> list[str]:
    """What is wrong with one axis value and its (option, text) pairs."""
    if not exists(axis, name):
        return [near_miss(axis, name, names(axis))]
    known, problems = options(axis, name), []
    for key, text in overrides:
        if key not in known:
            problems.append(near_miss(f"option of {axis} '{name}'", key, known))
        elif (option := known[key]) is not None:
            problems += _mistyped(f"{axis}.{key}={text}", option, text)
    return problems


def value_of(text: str) -> Any:
    """The value that an override's text stands for."""
    return _parser().parse_override(f"x={text}").value()


def text_of(value: Any) -> str:
    """The text of an override that stands for a plain value; the inverse of ``value_of``."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, list):
        return f"[{','.join(map(text_of, value))}]"
    if isinstance(value, Mapping):
        return f"{{{','.join(f'{key}:{text_of(one)}' for key, one in value.items())}}}"
    if isinstance(value, int | float):
        return str(value)
    return QuotedString(str(value), Quote.single).with_quotes()


def _mistyped(line: str, option: Option, text: str) -> list[str]:
    value: Any = value_of(text)
    if value is None and option.optional:
        return []
    if option.choices and str(value) not in option.choices:
        return [f"{line}: allowed are {', '.join(option.choices)}"]
    is_bool = isinstance(value, bool)
    fits = isinstance(value, PYTHON[option.kind]) and (option.kind == "bool") == is_bool
    if not fits:
        return [f"{line}: must be {option.kind}, came {type(value).__name__}"]
    return []
