"""Commands that are imported when they are asked for: `assayer --help` pays for none of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Any, ClassVar

import typer
from typer.core import TyperGroup


@dataclass(frozen=True, slots=True)
class OnDemand:
    """A command or group of commands, by name."""

    target: str
    """``module:attribute`` of a function, or of a `typer.Typer` for a group."""
    help: str
    """The line beside its name in the list of all commands; a test holds it to what the command says of itself."""


@cache
def load(name: str, target: str) -> Any:
    """The command that `target` names, imported."""
    module, _, attribute = target.partition(":")
    found = getattr(import_module(module), attribute)
    if isinstance(found, typer.Typer):
        return typer.main.get_group(found)
    alone = typer.Typer(add_completion=False, rich_markup_mode=None)
    alone.command(name)(found)
    return typer.main.get_command(alone)


class OnDemandCommands(Mapping[str, Any]):
    """Commands by name; looking one up imports it, naming them all imports none."""

    def __init__(self, commands: Mapping[str, OnDemand]) -> None:
        self._commands = commands

    def __getitem__(self, name: str) -> Any:
        return load(name, self._commands[name].target)

    def __iter__(self) -> Iterator[str]:
        return iter(self._commands)

    def __len__(self) -> int:
        return len(self._commands)


class OnDemandGroup(TyperGroup):
    """A group whose commands are `on_demand`, which a subclass sets."""

    on_demand: ClassVar[Mapping[str, OnDemand]] = {}

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        lazy: Any = OnDemandCommands(self.on_demand)
        self.commands = lazy

    def list_commands(self, ctx: typer.Context) -> list[str]:  # type: ignore[override]
        """All names, in the order they were written down."""
        return list(self.on_demand)

    def format_commands(self, ctx: typer.Context, formatter: Any) -> None:  # type: ignore[override]
        """The list of all commands, from what is written down beside their names."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, command.help) for name, command in self.on_demand.items()])
