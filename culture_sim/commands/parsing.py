"""Options from the command line: variants chosen by name, mistakes told in one line.

A dataclass of options becomes flags by tyro. Where a field stands for a registered variant (a
world, a rule, proposers), the flag of the field names the variant, and the variant's own options
follow: ``--culture.rule all_but_k --culture.rule.k 2``. Of several variants each has its options
under its name, the second of a name under ``mutation-2``. tyro reads stand-ins of the dataclasses,
which check nothing; the dataclasses themselves are made of what it read, so that whatever they
refuse is told as they tell it.
"""

from __future__ import annotations

import dataclasses
import io
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stderr
from itertools import dropwhile, takewhile
from types import NoneType
from typing import Annotated, Any, TypeVar, get_args, get_origin, get_type_hints

import tyro

from world.core.errors import UserError
from world.core.registry import Registry, registry_of

T = TypeVar("T")
NO_FLAG = Annotated[Any, tyro.conf.Fixed, tyro.conf.Suppress]
"""Of a field that keeps its value, and of which the help says nothing."""


def parse_options(
    default: T, arguments: Sequence[str], prog: str, description: str, fixed: Collection[str] = ()
) -> T:
    """The options that the arguments ask for, where they say nothing those of ``default``.

    fixed: options, or whole dataclasses of them, that stay as they are and have no flags. Raises
    UserError for arguments that cannot be read, and what the dataclasses raise.
    """
    stand_in = _stand_in(default, "", arguments, fixed)
    with one_line_errors():
        parsed = tyro.cli(
            type(stand_in), args=arguments, default=stand_in, prog=prog, description=description
        )
    options: T = _real(parsed)
    return options


def parse_known(kind: type[T], arguments: Sequence[str]) -> T:
    """The options of one dataclass among arguments that are of others too."""
    known = [argument for argument in arguments if argument not in ("-h", "--help")]
    with one_line_errors():
        options, _ = tyro.cli(kind, args=known, return_unknown_args=True)
    return options


def values_of(flag: str, arguments: Sequence[str]) -> list[str]:
    """What follows a flag, of all times that it is given."""
    values: list[str] = []
    for place, argument in enumerate(arguments):
        name, equals, value = argument.partition("=")
        if name == flag:
            rest = takewhile(lambda word: not word.startswith("-"), arguments[place + 1 :])
            values += [value] if equals else rest
    return values


def _stand_in(
    options: Any, prefix: str, arguments: Sequence[str], fixed: Collection[str] = ()
) -> Any:
    """An object for tyro in place of options: no checks, and every variant says its name.

    fixed: names of options, at the top, that get no flags.
    """
    kind = type(options)
    hints = get_type_hints(kind, include_extras=True)
    values = {field.name: getattr(options, field.name) for field in dataclasses.fields(kind)}
    redefined = []
    for field in dataclasses.fields(kind):
        hint, *marks = _unmarked(hints[field.name])
        hidden = any(getattr(mark, "name", None) == "" for mark in marks)
        path = prefix if hidden else f"{prefix}{field.name.replace('_', '-')}."
        if field.name in fixed:
            redefined.append((field.name, NO_FLAG, dataclasses.field(default=values[field.name])))
            continue
        inner = fixed if hidden else ()
        value = _stand_in_of(hint, values[field.name], path, arguments, inner)
        if value is not values[field.name]:
            marked = Annotated[type(value), *marks] if marks else type(value)
            redefined.append((field.name, marked, dataclasses.field(default=value)))
            values[field.name] = value
    return _subclass(kind, redefined)(**values)


def _unmarked(hint: Any) -> tuple[Any, ...]:
    """A type hint, and what it is annotated with."""
    return get_args(hint) if get_origin(hint) is Annotated else (hint,)


def _stand_in_of(
    hint: Any, value: Any, path: str, arguments: Sequence[str], fixed: Collection[str]
) -> Any:
    """What tyro reads in place of a field's value; the value itself where tyro can read that."""
    inner = get_args(hint)
    if get_origin(hint) is tuple:
        registry = registry_of(inner[0])
        return value if registry is None else _several(registry, value, path, arguments)
    kinds = [kind for kind in inner or (hint,) if kind is not NoneType]
    registry = registry_of(kinds[0])
    if registry is not None:
        return _variant(registry, value, path, arguments)
    if not dataclasses.is_dataclass(value):
        return value
    return _stand_in(value, path, arguments, fixed)


def _variant(registry: Registry[Any], value: Any, path: str, arguments: Sequence[str]) -> Any:
    """A stand-in of the variant that the arguments name, by default of ``value``."""
    names = [name for flag in _flags(path) for name in values_of(flag, arguments)]
    chosen = value if not names else _chosen(registry, names[-1], [value], path)
    if chosen is None:
        return _subclass(object, [_name(str | None, path, registry, None)])()
    inner = _stand_in(chosen, path, arguments)
    name = _name(str, path, registry, registry.name_of(type(chosen)))
    made = _subclass(type(inner), [name], type(chosen))
    return made(**{field.name: getattr(inner, field.name) for field in dataclasses.fields(inner)})


def _several(
    registry: Registry[Any], values: Sequence[Any], path: str, arguments: Sequence[str]
) -> Any:
    """A stand-in of several variants: their names, and the options of each under its name."""
    listed = [name for flag in _flags(path) for name in values_of(flag, arguments)]
    names = listed or [registry.name_of(type(value)) for value in values]
    fields = [_name(tuple[str, ...], path, registry, tuple(names))]
    for place, (name, field) in enumerate(zip(names, _numbered(names), strict=True)):
        variant = _chosen(registry, name, values, path, names[:place].count(name))
        inner = _stand_in(variant, f"{path}{field.replace('_', '-')}.", arguments)
        fields.append((field, type(inner), dataclasses.field(default=inner)))
    return _subclass(object, fields, tuple)()


def _numbered(names: Sequence[str]) -> list[str]:
    """Names under which several variants have their options: the second of a name gets a 2."""
    earlier = [names[:place].count(name) for place, name in enumerate(names)]
    return [
        f"{name}_{count + 1}" if count else name for name, count in zip(names, earlier, strict=True)
    ]


def _chosen(
    registry: Registry[Any], name: str, values: Sequence[Any], path: str, earlier: int = 0
) -> Any:
    """The variant of a name: one that is there already with its options, or else a fresh one.

    earlier: how many of its name were chosen before it.
    """
    if name not in registry:
        raise UserError(f"unknown {path[:-1]} {name!r}; known: {', '.join(registry)}")
    kept = [value for value in values if type(value) is registry[name]]
    return kept[earlier] if earlier < len(kept) else registry[name]()


def _flags(path: str) -> tuple[str, str]:
    """The flags by which a variant is named."""
    return f"--{path[:-1]}", f"--{path}name"


def _name(hint: Any, path: str, registry: Registry[Any], default: Any) -> tuple[str, Any, Any]:
    """The field by which variants are named."""
    text = f"Which {registry.kind}: {', '.join(registry)}."
    mark = tyro.conf.arg(help=text, aliases=_flags(path)[:1], metavar="NAME")
    return "name", Annotated[hint, mark], dataclasses.field(default=default)


def _subclass(kind: type, fields: Sequence[tuple[str, Any, Any]], real: type | None = None) -> type:
    """A dataclass for tyro in place of ``kind``, with these fields and without its checks."""
    space: Mapping[str, Any] = {
        "__post_init__": lambda self: None,
        "__doc__": kind.__doc__,
        "stands_for": real if real is not None else kind,
    }
    bases = () if kind is object else (kind,)
    made = dataclasses.make_dataclass(
        kind.__name__, fields, bases=bases, frozen=True, kw_only=True, namespace=dict(space)
    )
    # Else tyro, in search of help on fields, would read the source of a whole module for each.
    made.__module__ = "builtins"
    return made


def _real(parsed: Any) -> Any:
    """The options in place of their stand-in."""
    kind = getattr(type(parsed), "stands_for", None)
    if kind is None:
        return parsed
    values = {field.name: getattr(parsed, field.name) for field in dataclasses.fields(parsed)}
    if kind is object:
        return None  # no variant was named
    if kind is tuple:
        return tuple(_real(values[name]) for name in _numbered(values["name"]))
    names = {field.name for field in dataclasses.fields(kind)}
    return kind(**{name: _real(value) for name, value in values.items() if name in names})


@contextmanager
def one_line_errors() -> Iterator[None]:
    """Turn a refusal by tyro within the block into a UserError."""
    box = io.StringIO()
    try:
        with redirect_stderr(box):
            yield
    except SystemExit as ended:
        if not ended.code:
            raise
        raise UserError(_gist(box.getvalue())) from None


def _gist(text: str) -> str:
    """What tyro's box says below its title and above a line: then follows help on the option."""
    lines = [line.strip("│ ") for line in text.splitlines()[1:]]
    below = dropwhile(lambda line: not _says(line), lines)
    gist = " ".join(takewhile(_says, below))
    gist = re.sub(r": no type matching .* instantiated from \['?(.*?)'?\].*", r": not \1", gist)
    return gist or "these arguments cannot be read; see --help"


def _says(line: str) -> bool:
    """Whether there is more to a line than a rule."""
    return bool(set(line) - set("─-╰╯"))
