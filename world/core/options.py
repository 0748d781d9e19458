"""Dataclasses of options to and from JSON's types, with errors that name the option.

Where a field's type is the base of a registry, such as ``World``, its value is one of the
registry's variants: an object of the variant's class, whose fields are its options. In JSON it is
the variant's name, or an object of its options with the name among them:
``{"name": "grids", "height": 6}``.
"""

from __future__ import annotations

import dataclasses
import re
import sys
from collections.abc import Callable, Sequence
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from world.core.errors import UserError
from world.core.registry import Registry, registry_of

NOT_IN_LABELS = re.compile(r"[^\w.-]+")
"""What of an option's value does not suit the name of a folder or column."""


def to_tree(value: Any) -> Any:
    """Plain types, ready for JSON; every variant carries its registered name."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        registry = registry_of(type(value))
        name = {} if registry is None else {"name": registry.name_of(type(value))}
        names = [field.name for field in dataclasses.fields(value)]
        return name | {key: to_tree(getattr(value, key)) for key in names}
    if isinstance(value, tuple | list):
        return type(value)(to_tree(item) for item in value)
    return value


def name_of(variant: Any) -> str:
    """The name that a variant's class is registered under. Raises UserError where it has none."""
    registry = registry_of(type(variant))
    if registry is None:
        raise UserError(f"{variant!r} is no variant of any kind")
    return registry.name_of(type(variant))


def label(variant: Any) -> str:
    """A variant's registered name, then the options in which it is not as it is by default:
    "gated", or "gated-sparsity-0.5"; fit for the name of a folder or of a column."""
    usual = type(variant)()
    words = [name_of(variant)]
    for field in dataclasses.fields(variant):
        value = getattr(variant, field.name)
        if value != getattr(usual, field.name):
            words += [field.name, NOT_IN_LABELS.sub("_", str(value)).strip("_")]
    return "-".join(words)


def labels(variants: Sequence[Any]) -> tuple[str, ...]:
    """What to call each of several variants: by its name alone where no other has the same."""
    kinds = [type(variant) for variant in variants]
    return tuple(
        name_of(variant) if kinds.count(kind) == 1 else label(variant)
        for variant, kind in zip(variants, kinds, strict=True)
    )


def require_different(option: str, variants: Sequence[Any]) -> None:
    """Raise UserError where the same variant stands twice, with the same options."""
    for variant in variants:
        if variants.count(variant) > 1:
            raise UserError(f"{option} names {label(variant)} twice, with the same options")


def from_tree(hint: Any, tree: Any, name: str = "", default: Any = None) -> Any:
    """Inverse of ``to_tree``: a value of the type ``hint``; options left out have their defaults.

    name: the option that the value is, such as "culture.rule"; "" for the whole. default: decides
    which variant is meant where the tree does not say. Raises UserError, in one line that names the
    option, for an unknown option and for a value that it cannot have.
    """
    if get_origin(hint) in (Union, UnionType):
        (hint,) = (choice for choice in get_args(hint) if choice is not NoneType)
        return None if tree is None else from_tree(hint, tree, name, default)
    registry = registry_of(hint)
    if registry is not None:
        return _variant(registry, tree, name, default)
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        return _build(hint, tree, name)
    return _value(hint, tree, name)


def _build(kind: type, tree: Any, name: str) -> Any:
    """An object of a dataclass."""
    if not isinstance(tree, dict):
        raise _refusal(name or "config", "an object of options", tree)
    hints = get_type_hints(kind)
    known = {field.name: field for field in dataclasses.fields(kind)}
    prefix = f"{name}." if name else ""
    unknown = [key for key in tree if key not in known]
    if unknown:
        names = ", ".join(sorted(known)) or "none"
        raise UserError(f"unknown option {prefix}{unknown[0]}; known here: {names}")
    return kind(
        **{
            key: from_tree(hints[key], value, prefix + key, default_of(known[key]))
            for key, value in tree.items()
        }
    )


def default_of(field: dataclasses.Field[Any]) -> Any:
    """A field's default value; None where it has none."""
    if field.default_factory is not dataclasses.MISSING:
        return field.default_factory()
    return None if field.default is dataclasses.MISSING else field.default


def _variant(registry: Registry[Any], tree: Any, name: str, default: Any) -> Any:
    """A variant from its name, or from its options."""
    options = {"name": tree} if isinstance(tree, str) else tree
    if not isinstance(options, dict):
        raise _refusal(name, "a name or an object of options", tree)
    options = dict(options)
    if "name" not in options and default is not None:
        kind = type(default)
    else:
        chosen = _value(str, options.pop("name", None), f"{name}.name")
        if chosen not in registry:
            option = name.partition("[")[0] or registry.kind
            raise UserError(f"unknown {option} {chosen!r}; known: {', '.join(registry)}")
        kind = registry[chosen]
    return _build(kind, options, name)


def _value(hint: Any, value: Any, name: str) -> Any:
    """A value of a plain type, or several; lists become tuples."""
    kind, inner = get_origin(hint), get_args(hint)
    if kind is tuple:
        if not isinstance(value, list | tuple):
            raise _refusal(name, "a list", value)
        return tuple(from_tree(inner[0], item, f"{name}[{i}]") for i, item in enumerate(value))
    if kind is Literal:
        if value not in inner:
            raise _refusal(name, f"one of {', '.join(map(str, inner))}", value)
        return value
    words, fits = PLAIN[hint]
    if not fits(value):
        raise _refusal(name, words, value)
    return value


def _is_number(value: Any, *kinds: type) -> bool:
    """True for a finite number of these kinds; a bool, which Python counts as one, is none."""
    plain = isinstance(value, kinds) and not isinstance(value, bool)
    return plain and abs(value) <= sys.float_info.max


PLAIN: dict[Any, tuple[str, Callable[[Any], bool]]] = {
    int: ("a whole number", lambda value: _is_number(value, int)),
    float: ("a finite number", lambda value: _is_number(value, int, float)),
    bool: ("true or false", lambda value: isinstance(value, bool)),
    str: ("a string", lambda value: isinstance(value, str)),
}
"""What a value of each plain type is called, and the test that it is one."""


def _refusal(name: str, words: str, value: Any) -> UserError:
    return UserError(f"option {name} must be {words}, got {value!r}")
