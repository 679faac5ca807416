"""The flags that `backtest`, `sweep` and `advise` have in common, declared once.

    @app.command()
    @with_study
    def backtest(flags: Flags, json: Json = False) -> int: ...

typer sees each field of Flags as an option of its own, before those of the command.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import fields
from functools import wraps
from pathlib import Path
from typing import Annotated, Any

import typer

from rebalancer.research.study.flags import Flags

_OPTIONS: dict[str, Any] = {
    "config": Annotated[
        Path | None, typer.Option("--config", "-c", help="A configuration: its tokens, targets, trigger and limits.")
    ],
    "prices": Annotated[
        list[Path] | None, typer.Option("--prices", help="A file of prices, CSV or Parquet. May be given again.")
    ],
    "synthetic": Annotated[int | None, typer.Option("--synthetic", help="A made-up market of this seed instead.")],
    "targets": Annotated[
        str | None, typer.Option("--targets", help='"BTC=40 %,ETH=40 %,USD=20 %"; else equal over all columns.')
    ],
    "start": Annotated[str, typer.Option("--start", help="What it is worth at first, all on target.")],
    "fee": Annotated[str, typer.Option("--fee", help="What a pool keeps of what goes in.")],
    "depth": Annotated[
        str | None,
        typer.Option("--depth", help="`5_000_000 USD` on either side of a pool, or `1 bps per 10_000 USD`; else none."),
    ],
    "pools": Annotated[
        Path | None, typer.Option("--pools", help="A file of pool states: the depth of each token from there.")
    ],
    "gas": Annotated[str | None, typer.Option("--gas", help="Of a unit, such as `20 gwei`, which is the default.")],
    "gas_prices": Annotated[
        Path | None, typer.Option("--gas-prices", help="A file of them by day: `date,wei`, or `date,gwei`.")
    ],
    "trigger": Annotated[
        str | None,
        typer.Option("--trigger", help="threshold, calendar or hybrid; else by what is given of --band and --every."),
    ],
    "band": Annotated[str | None, typer.Option("--band", help="In points of the portfolio: `5 %`.")],
    "relative": Annotated[str | None, typer.Option("--relative", help="As a share of the target: `25 %`.")],
    "return_to": Annotated[
        str | None, typer.Option("--return-to", help="target, half, edge or optimal. By default target.")
    ],
    "every": Annotated[str | None, typer.Option("--every", help="Of a calendar: `30 d`.")],
    "at": Annotated[str | None, typer.Option("--at", help="Of a calendar: `weekly Monday 14:00`, or cron.")],
    "since": Annotated[str | None, typer.Option("--from", help="The first day: 2021-01-01.")],
    "until": Annotated[str | None, typer.Option("--to", help="The last day.")],
    "maps": Annotated[list[str] | None, typer.Option("--map", help="USDC=USD: the price of one is that of the other.")],
    "fill": Annotated[
        str | None, typer.Option("--fill", help="Carry the last price over gaps of at most so many rows.")
    ],
}


def with_study(command: Callable[..., int]) -> Callable[..., int]:
    """The command with an option for each of Flags in place of its first parameter."""
    own = list(inspect.signature(command, eval_str=True).parameters.values())[1:]
    shared = [
        inspect.Parameter(
            field.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=None if field.default == () else field.default,
            annotation=_OPTIONS[field.name],
        )
        for field in fields(Flags)
    ]
    names = [field.name for field in fields(Flags)]

    @wraps(command)
    def asked(**given: Any) -> int:
        found = {name: given.pop(name) for name in names}
        lists = {name: tuple(value or ()) for name, value in found.items() if name in ("prices", "maps")}
        return command(Flags(**(found | lists)), **given)

    parameters = [*shared, *(each.replace(kind=inspect.Parameter.KEYWORD_ONLY) for each in own)]
    asked.__signature__ = inspect.Signature(parameters, return_annotation=int)  # type: ignore[attr-defined]
    asked.__annotations__ = {each.name: each.annotation for each in parameters} | {"return": int}
    return asked
