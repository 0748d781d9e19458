"""One registry type for every kind of variant (tasks, worlds, architectures, rules, nulls).

A variant registers itself from its own file, so adding the file is the only edit. It may also come
from outside the package: see ``world.core.plugins``. Two variants with one name are a mistake that
must not pass silently: the second raises.
"""

from __future__ import annotations

import dataclasses
import importlib
import pkgutil
from collections.abc import Callable, Iterator
from typing import Any, Generic, TypeVar

from world.core.errors import UserError
from world.core.plugins import load_installed

T = TypeVar("T")


class Registry(Generic[T]):
    """Maps a name to a variant; ``package`` is the package whose modules hold the variants.

    base: the class that all variants derive from, where options may hold one of them: a field of
    a dataclass of options whose type is ``base`` then stands for any variant (world.core.options).
    """

    def __init__(self, kind: str, package: str, base: type | None = None) -> None:
        self.kind = kind
        self._package = package
        self._base = base
        self._entries: dict[str, T] = {}
        self._loaded = False
        if base is not None:
            _BY_BASE[base] = self

    def register(self, name: str) -> Callable[[T], T]:
        """Decorator: record a variant under ``name``. Raises UserError on a duplicate."""

        def record(entry: T) -> T:
            if name in self._entries:
                raise UserError(f"{self.kind} {name!r} is registered twice; rename one of them")
            if self._base is not None and not _has_defaults(entry):
                raise UserError(
                    f"{self.kind} {name!r} must be a dataclass of its options, all with a default"
                )
            self._entries[name] = entry
            return entry

        return record

    def __getitem__(self, name: str) -> T:
        self._load()
        if name not in self._entries:
            known = ", ".join(self.names())
            raise UserError(f"unknown {self.kind} {name!r}; known: {known}")
        return self._entries[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.names())

    def __contains__(self, name: object) -> bool:
        self._load()
        return name in self._entries

    def names(self) -> tuple[str, ...]:
        """All registered names, sorted."""
        self._load()
        return tuple(sorted(self._entries))

    def name_of(self, entry: T) -> str:
        """The name that a variant is registered under. Raises UserError where it has none."""
        names = [name for name, other in self._entries.items() if other is entry]
        if not names:
            raise UserError(f"{entry!r} is not registered as a {self.kind}; register it first")
        return names[0]

    def _load(self) -> None:
        if self._loaded:
            return
        self._loaded = True
        self.load_own()
        load_installed()

    def load_own(self) -> None:
        """Import the package's variants, and none of plugins."""
        package = importlib.import_module(self._package)
        for module in pkgutil.iter_modules(package.__path__):
            importlib.import_module(f"{self._package}.{module.name}")


def _has_defaults(kind: Any) -> bool:
    """True for a dataclass that can be made without arguments."""
    return dataclasses.is_dataclass(kind) and not any(
        field.init and field.default is field.default_factory is dataclasses.MISSING
        for field in dataclasses.fields(kind)
    )


_BY_BASE: dict[type, Registry[Any]] = {}


def registry_of(kind: object) -> Registry[Any] | None:
    """The registry of the variants that a type stands for, or is one of; None where there is none.

    kind: a type hint; any object that is no class has no registry.
    """
    if not isinstance(kind, type):
        return None
    return next((_BY_BASE[base] for base in kind.__mro__ if base in _BY_BASE), None)
