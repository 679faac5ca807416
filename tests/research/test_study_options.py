"""The flags that several commands share are options of each of them."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Annotated

import typer
from typer.main import get_command
from typer.testing import CliRunner

from rebalancer.cli.study_options import with_study
from rebalancer.research.study.flags import Flags

app = typer.Typer()
asked: list[tuple[Flags, bool]] = []


@app.command()
@with_study
def look_back(flags: Flags, json: Annotated[bool, typer.Option("--json")] = False) -> int:
    """Looks back."""
    asked.append((flags, json))
    return 0


def test_options__none_is_given__are_the_defaults_of_flags() -> None:
    asked.clear()
    assert CliRunner().invoke(app, []).exit_code == 0
    assert asked == [(Flags(), False)]


def test_options__all_are_given__arrive_as_they_were_typed() -> None:
    asked.clear()
    given = ["--prices", "a.csv", "--prices", "b.csv", "--map", "USDC=USD", "--band", "1 %,5 %", "--from", "2021-01-01"]
    assert CliRunner().invoke(app, [*given, "--json"]).exit_code == 0
    (flags, json), *_ = asked
    assert flags.prices == (Path("a.csv"), Path("b.csv")) and flags.maps == ("USDC=USD",)
    assert (flags.band, flags.since, json) == ("1 %,5 %", "2021-01-01", True)


def test_options__of_the_command__are_all_of_flags_and_its_own() -> None:
    names = {parameter.name for parameter in get_command(app).params}
    assert names >= {field.name for field in fields(Flags)} | {"json"}
    assert all(getattr(p, "help", None) for p in get_command(app).params if p.name not in ("json", "help"))
