"""What each command does, in a few lines; the work is done in the rooms below."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(
    name="rebalancer",
    help="Keeps the assets of a smart wallet at their target weights. Dry run unless --live AND live: true.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
operator_app = typer.Typer(help="The dedicated account that sends, and can do little else.", no_args_is_help=True)
replica_app = typer.Typer(
    help="A chain on this machine with real contracts at mainnet's addresses.", no_args_is_help=True
)
app.add_typer(operator_app, name="operator")
app.add_typer(replica_app, name="replica")

Config = Annotated[Path, typer.Option("--config", "-c", help="The configuration file.")]
Json = Annotated[bool, typer.Option("--json", help="One JSON object on standard output instead of tables.")]
Paper = Annotated[bool, typer.Option("--paper", help="The portfolio on paper: it has no key, and sends nothing.")]
DEFAULT_CONFIG = Path("rebalancer.yaml")


class WalletKind(StrEnum):
    """Who holds the funds, and what the operator may do."""

    module = "safe-module"
    safe = "safe"


@app.command()
def init(  # noqa: PLR0913 - each is an option that people may give
    path: Annotated[Path, typer.Argument(help="Where to write it.")] = DEFAULT_CONFIG,
    wallet: Annotated[str | None, typer.Option(help="The Safe that holds the funds.")] = None,
    operator: Annotated[str | None, typer.Option(help="The account that sends.")] = None,
    rpc: Annotated[
        str | None, typer.Option(help="The node; else ETH_RPC_URL of the environment, else a replica on this machine.")
    ] = None,
    module: Annotated[
        str | None, typer.Option(help="The RebalanceModule of that Safe; left out where it is yet to be deployed.")
    ] = None,
    kind: Annotated[WalletKind, typer.Option(help="`safe` makes the operator an owner: for tests and small sums.")] = (
        WalletKind.module
    ),
    json: Json = False,
) -> int:
    """Write a commented example configuration that works on the replica."""
    from rebalancer.cli.setup import Filled, init_config

    return init_config(path, Filled(wallet, operator, rpc, module, kind is WalletKind.module), json)


@app.command()
def check(config: Config = DEFAULT_CONFIG, json: Json = False) -> int:
    """The doctor: configuration, node, contracts, feeds, pools, wallet, key. Sends nothing."""
    from rebalancer.cli.doctor import run_checks

    return run_checks(config, json)


@app.command()
def plan(config: Config = DEFAULT_CONFIG, paper: Paper = False, json: Json = False) -> int:
    """Show the portfolio and what a tick would do now. Sends nothing, records nothing."""
    from rebalancer.cli.ticks import plan_tick

    return plan_tick(config, json, paper)


@app.command()
def run(  # noqa: PLR0913 - each is an option that people may give
    config: Config = DEFAULT_CONFIG,
    live: Annotated[bool, typer.Option("--live", help="Send. Needs live: true in the configuration as well.")] = False,
    paper: Annotated[
        bool,
        typer.Option("--paper", help="On paper: live prices and quotes, simulated fills, no key. Not with --live."),
    ] = False,
    paper_value: Annotated[
        str | None,
        typer.Option(help="What the first tick on paper begins with at the target weights: 10_000; else what is held."),
    ] = None,
    anew: Annotated[
        bool, typer.Option("--anew", help="With --paper: begin anew; the live portfolio's records stay as they are.")
    ] = False,
    every: Annotated[
        Path | None,
        typer.Option("--all", help="A folder: each *.yaml or *.yml in it is a portfolio and gets its tick."),
    ] = None,
    workers: Annotated[
        int | None, typer.Option(min=1, max=64, help="With --all: how many at a time on this machine; 4.")
    ] = None,
    json: Json = False,
) -> int:
    """One tick: finish what is open, read, decide, and with --live send and settle. Made for cron."""
    _check_paper(paper, live or every is not None, {"--paper-value": paper_value is not None, "--anew": anew})
    if every is not None:
        from rebalancer.cli.fleet import run_folder

        return run_folder(every, None if config == DEFAULT_CONFIG else config, (workers, live), json)
    if workers is not None:
        raise typer.BadParameter("it is for --all DIR", param_hint="--workers")
    from rebalancer.cli.ticks import run_paper_tick, run_tick

    return run_paper_tick(config, paper_value, anew, json) if paper else run_tick(config, live, json)


def _check_paper(paper: bool, other: bool, given: dict[str, bool]) -> None:
    """BadParameter. `other`: of a tick that is none on paper; `given`: what nothing but a tick on paper takes."""
    if paper and other:
        raise typer.BadParameter("it is for one portfolio, with neither --live nor --all", param_hint="--paper")
    if not paper and (alone := [flag for flag, there in given.items() if there]):
        raise typer.BadParameter("it is for a portfolio on paper: give --paper too", param_hint=" and ".join(alone))


@app.command()
def bands(config: Config = DEFAULT_CONFIG, json: Json = False) -> int:
    """When each token calls for a rebalance and how far it goes back, what a year of that costs, and why."""
    from rebalancer.cli.bands import show_bands

    return show_bands(config, json)


@app.command()
def targets(config: Config = DEFAULT_CONFIG, json: Json = False) -> int:
    """The targets that a `targets.method` has estimated: what it says, what holds, why, and when it is done anew."""
    from rebalancer.cli.targets import show_targets

    return show_targets(config, json)


@app.command()
def quotes(
    config: Config = DEFAULT_CONFIG,
    sell: Annotated[
        str | None, typer.Option(help="How much of --from, in whole tokens such as 1_000 or 0.5; else a tick's plan.")
    ] = None,
    sold: Annotated[str | None, typer.Option("--from", help="The token that is sold.")] = None,
    bought: Annotated[str | None, typer.Option("--to", help="The token that is bought for it.")] = None,
    json: Json = False,
) -> int:
    """What every venue answers now to the plan that a tick would make, or to one trade. Sends and records nothing."""
    from rebalancer.cli.quotes import show_quotes

    return show_quotes(config, (sell, sold, bought), json)


@app.command()
def venues(config: Config = DEFAULT_CONFIG, json: Json = False) -> int:
    """Who can be asked for quotes, whether you ask them, and when each had an answer last. Asks nobody."""
    from rebalancer.cli.venues import show_venues

    return show_venues(config, json)


@app.command()
def status(config: Config = DEFAULT_CONFIG, paper: Paper = False, json: Json = False) -> int:
    """The portfolio now, what is open, and how the last tick ended."""
    from rebalancer.cli.ticks import show_status

    return show_status(config, json, paper)


@app.command()
def history(
    config: Config = DEFAULT_CONFIG,
    count: Annotated[int, typer.Option("--count", "-n", min=1, help="How many ticks, newest first.")] = 20,
    paper: Paper = False,
    json: Json = False,
) -> int:
    """The newest ticks in the ledger."""
    from rebalancer.cli.ticks import show_history

    return show_history(config, count, json, paper)


@app.command()
def halt(
    why: Annotated[str, typer.Option(help="Why it is to stand still; it stays on record.")],
    config: Config = DEFAULT_CONFIG,
    paper: Paper = False,
    json: Json = False,
) -> int:
    """Stop the keeper until you say `resume`. Asks no node; what was sent already can still be mined."""
    from rebalancer.cli.person import halt_keeper

    return halt_keeper(config, why, json, paper)


@app.command()
def resume(
    why: Annotated[str, typer.Option(help="What you looked at and found; it stays on record.")],
    config: Config = DEFAULT_CONFIG,
    paper: Paper = False,
    json: Json = False,
) -> int:
    """Let a halted keeper go on, after you have looked. Sends nothing."""
    from rebalancer.cli.person import resume_halted

    return resume_halted(config, why, json, paper)


@app.command()
def bound(
    given: Annotated[
        list[str] | None,
        typer.Argument(
            help="T=30% turnover, L=0.15% loss, s=1% shortfall of a swap, window=1d, b=0.75% how far feeds are off, "
            "drift=20% the sum of all distances from the targets, nav=250_000. What is left out is as suggested."
        ),
    ] = None,
    config: Annotated[Path | None, typer.Option("--config", "-c", help="Take T, L, s and the window from it.")] = None,
    json: Json = False,
) -> int:
    """What a stolen operator key can take at most, by the limits of a module's policy. Asks no node."""
    from rebalancer.cli.bound import show_bound

    return show_bound(given or [], config, json)


@app.command()
def tell(
    words: Annotated[str, typer.Argument(help="What to say.")] = "This is a test: you would be told of a halt here.",
    config: Config = DEFAULT_CONFIG,
    json: Json = False,
) -> int:
    """Tell the people of `notify.urls` something now, to see that it arrives. Asks no node."""
    from rebalancer.cli.tell import tell_people

    return tell_people(config, words, json)


@app.command()
def demo(json: Json = False) -> int:
    """The main job on the replica: a Safe off its targets, one live tick, and a second one that holds."""
    from rebalancer.cli.demo import run_demo

    return run_demo(json)


@operator_app.command("new")
def operator_new(
    keystore: Annotated[Path, typer.Option(help="Where to keep the encrypted key.")] = Path("operator.json"),
    password_file: Annotated[
        Path | None, typer.Option(help="A file of mode 600 with the password; else REBALANCER_PASSWORD, else asked.")
    ] = None,
    chain: Annotated[int, typer.Option(min=1, help="The chain that the key is for: it signs for no other.")] = 1,
    json: Json = False,
) -> int:
    """Create the operator's account: a new key, encrypted on disk, shown to nobody."""
    from rebalancer.cli.setup import new_operator

    return new_operator(keystore, password_file, chain, json)


@replica_app.command("up")
def replica_up(
    port: Annotated[int, typer.Option(min=1, max=65_535, help="The port to listen on.")] = 8545,
    pools: Annotated[Path | None, typer.Option(help="A file with the state of real pools, written over ours.")] = None,
    json: Json = False,
) -> int:
    """Start the replica and keep it until Ctrl-C."""
    from rebalancer.cli.setup import keep_replica

    return keep_replica(port, pools, json)
