"""The commands that look back before money does: prices, and what policies would have come to over them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rebalancer.cli.commands import DEFAULT_CONFIG, Config, Json, app
from rebalancer.cli.study_options import with_study
from rebalancer.research.lots import LotRule
from rebalancer.research.study.flags import Flags
from rebalancer.research.sweep.windows import Windows

__all__ = ["app"]

prices_app = typer.Typer(
    help="Histories of prices: from files, from feeds on-chain, from DefiLlama, or made up.", no_args_is_help=True
)
app.add_typer(prices_app, name="prices")

Tokens = Annotated[str | None, typer.Option("--tokens", help="Symbols, with commas between them; else all there are.")]
Every = Annotated[str, typer.Option("--every", help="From one price to the next, such as `1 h`.")]
Since = Annotated[str | None, typer.Option("--from", help="The first day, such as 2021-01-01; else five years ago.")]
Until = Annotated[str | None, typer.Option("--to", help="The last day; else today.")]
Out = Annotated[Path, typer.Option("--out", "-o", help="The file to write: .csv or .parquet.")]


@prices_app.command("check")
def prices_check(  # noqa: PLR0913 - each is an option that people may give
    files: Annotated[list[Path], typer.Argument(help="CSV or Parquet; several are read as one.")],
    fill: Annotated[int, typer.Option(help="Carry the last price over at most so many times without one.")] = 0,
    since: Annotated[str | None, typer.Option("--from", help="The first day that matters.")] = None,
    until: Annotated[str | None, typer.Option("--to", help="The last.")] = None,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Write them as one file: .csv or .parquet.")] = None,
    json: Json = False,
) -> int:
    """What is in files of prices, and all that is wrong with them, by file, line and column."""
    from rebalancer.cli.prices import check_files

    return check_files(files, fill, (since, until), out, json)


@prices_app.command("chainlink")
def prices_chainlink(  # noqa: PLR0913 - each is an option that people may give
    config: Config = DEFAULT_CONFIG,
    tokens: Tokens = None,
    since: Since = None,
    until: Until = None,
    every: Every = "1 d",
    out: Out = Path("prices-chainlink.csv"),
    json: Json = False,
) -> int:
    """What the feeds of a configuration said, from the chain. Stopped in the middle, it goes on there."""
    from rebalancer.cli.prices import Asked, fetch_feeds

    return fetch_feeds(config, Asked(tokens, every, out, since, until), json)


@prices_app.command("defillama")
def prices_defillama(  # noqa: PLR0913 - each is an option that people may give
    tokens: Annotated[
        str | None, typer.Option("--tokens", help="`BTC,ETH`, `X=coingecko:ID` or `X=CHAIN:ADDRESS`; else --config's.")
    ] = None,
    config: Annotated[Path | None, typer.Option("--config", "-c", help="Tokens by their addresses.")] = None,
    since: Since = None,
    until: Until = None,
    every: Every = "1 d",
    out: Out = Path("prices-defillama.csv"),
    url: Annotated[str | None, typer.Option(help="Another host that speaks as DefiLlama does.")] = None,
    json: Json = False,
) -> int:
    """DefiLlama's prices, without a key. Stopped in the middle, it goes on there."""
    from rebalancer.cli.prices import Asked, fetch_llama

    return fetch_llama(config, Asked(tokens, every, out, since, until), url, json)


@prices_app.command("synthetic")
def prices_synthetic(  # noqa: PLR0913 - each is an option that people may give
    seed: Annotated[int, typer.Option(min=0, help="The same seed, the same market.")] = 1,
    days: Annotated[int, typer.Option(min=1, help="How long it lasts.")] = 1_826,
    tokens: Tokens = None,
    every: Every = "1 d",
    out: Out = Path("prices-synthetic.csv"),
    json: Json = False,
) -> int:
    """A market that never was, to try things with: correlated, with jumps, and nothing to learn from."""
    from rebalancer.cli.prices import Asked, make_synthetic

    return make_synthetic(seed, days, Asked(tokens, every, out), json)


@app.command()
@with_study
def backtest(  # noqa: PLR0913 - each is an option that people may give
    flags: Flags,
    tax_lots: Annotated[LotRule, typer.Option(help="Which lot is sold first.")] = LotRule.FIFO,
    tax_short: Annotated[str, typer.Option(help="On gains of what was held for up to 365 days.")] = "30 %",
    tax_long: Annotated[str, typer.Option(help="On gains of what was held for longer.")] = "15 %",
    html: Annotated[Path | None, typer.Option(help="Write a report with pictures, one file, as well.")] = None,
    json: Json = False,
) -> int:
    """What a policy would have come to: the live tick over history, all costs in, and what that does not show."""
    from rebalancer.cli.backtest import Asked, run_backtest

    return run_backtest(flags, Asked(tax_lots, tax_short, tax_long, html), json)


@app.command()
def correlations(  # noqa: PLR0913 - each is an option that people may give
    prices: Annotated[
        list[Path] | None, typer.Option("--prices", help="A file of prices, CSV or Parquet. May be given again.")
    ] = None,
    config: Annotated[
        Path | None, typer.Option("--config", "-c", help="Its portfolio; without --prices, by what its feeds said.")
    ] = None,
    targets: Annotated[
        str | None, typer.Option("--targets", help='"BTC=60 %,ETH=40 %"; else those of --config, or equal ones.')
    ] = None,
    beside: Annotated[
        str | None, typer.Option("--beside", help="Symbols that are not held: what a tenth in each would do.")
    ] = None,
    since: Annotated[str | None, typer.Option("--from", help="The first day; of feeds, else a year ago.")] = None,
    until: Annotated[str | None, typer.Option("--to", help="The last day.")] = None,
    maps: Annotated[list[str] | None, typer.Option("--map", help="USDC=USD: one at the price of the other.")] = None,
    json: Json = False,
) -> int:
    """Which assets move together, how surely and in crashes too, what diversifies, and what that does not show."""
    from rebalancer.cli.correlations import Asked, show_correlations

    of = DEFAULT_CONFIG if config is None and not prices else config
    return show_correlations(Asked(of, tuple(prices or ()), targets, beside, since, until, tuple(maps or ())), json)


@app.command()
@with_study
def sweep(
    flags: Flags,
    walk: Annotated[Windows, typer.Option(help="Each choice rests on all that came before, or on the last part.")] = (
        Windows.ANCHORED
    ),
    dask: Annotated[
        str | None, typer.Option(help="Work it out on many machines: a scheduler, tcp://HOST:PORT.")
    ] = None,
    html: Annotated[Path | None, typer.Option(help="Write a report with pictures, one file, as well.")] = None,
    json: Json = False,
) -> int:
    """Many configurations over one past (lists with commas in the flags), and what choosing by the past was worth."""
    from rebalancer.cli.sweep import Asked, run_grid

    return run_grid(flags, Asked(walk, dask, html), json)


@app.command()
@with_study
def advise(flags: Flags, json: Json = False) -> int:
    """Whether the portfolio is big enough for its gas, and what band and cadence pay. Sends nothing, asks nobody."""
    from rebalancer.cli.advise import show_advice

    return show_advice(flags, json)
