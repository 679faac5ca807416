"""`ape run module ACTION 0xModule`: what the owners and the guardian do with a RebalanceModule that is there.

    ape run module show 0xModule --network ethereum:mainnet:node
    ape run module set_targets 0xModule WETH=35% USDC=15% --network ethereum:mainnet:node --account me
    ape run module pause 0xModule --network ethereum:mainnet:node --account guardian

Each prints what will change, before → after, and asks before it sends. What only the Safe may do becomes a file for
its Transaction Builder, or one transaction where the account's own signature is enough. Pausing and dropping the
operator are sent at once where the account is the guardian.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
from ape.cli import ConnectedProviderCommand, account_option

from rebalancer.config.text import ppm
from rebalancer.core.model.module import NOBODY
from rebalancer.core.module_words import share
from rebalancer.units import Address, Ppm
from scripts._owners.acting import (
    ADDRESS,
    by_safe,
    out_option,
    previous_module,
    refuse,
    say_other_modules,
    show,
    show_change,
)
from scripts._owners.batch import disable_module, enable_module
from scripts._owners.desk import at_desk
from scripts._owners.found import Found, find_module
from scripts._owners.look import Refusal
from scripts._owners.refusals import (
    why_not_guardian,
    why_not_operator,
    why_not_pause,
    why_not_targets,
)
from scripts._owners.words import left_lines


@click.group()
def cli() -> None:
    """A RebalanceModule's start, targets, operator, guardian, pause, and end."""


Act = Callable[..., None]


def _action(*arguments: Any) -> Callable[[Act], Act]:
    """Makes a command of the module's address, further arguments, an account that may be missing, and --out."""

    def make(act: Act) -> Act:
        # ape's own command looks at the names of these.
        def command(provider, account, module, out, **values):  # type: ignore[no-untyped-def]
            with at_desk(provider, account) as desk:
                act(find_module(desk, module), out, **values)

        decorated: Any = command
        for decorate in (out_option, account_option(prompt=None), *reversed(arguments)):
            decorated = decorate(decorated)
        decorated = click.argument("module", type=ADDRESS)(decorated)
        name = act.__name__.removeprefix("_")
        cli.command(name, cls=ConnectedProviderCommand, help=act.__doc__)(decorated)
        return act

    return make


@_action()
def _show(found: Found, out: Path | None) -> None:
    """The policy, the roles, what the meters leave."""
    found.show()
    show("Left at this moment", left_lines(found.state))
    enabled = found.module in found.desk.sight.safe(found.policy.safe).modules
    click.echo(f"It is {'enabled' if enabled else 'NOT enabled'} on its Safe.")


@_action()
def _enable(found: Found, out: Path | None) -> None:
    """The Safe knows the module from now on: enableModule, after a look at its code."""
    safe = found.policy.safe
    state = found.desk.sight.safe(safe)
    if found.module in state.modules:
        click.echo(f"Nothing to do: {found.module} is enabled on {safe}.")
        return
    found.require_our_code()
    say_other_modules(state)
    found.show()
    if by_safe(found.desk, safe, "enable RebalanceModule", [enable_module(safe, found.module)], out):
        click.echo(f"Done: {found.module} is enabled on {safe}.")


@_action(click.argument("targets", nargs=-1, required=True))
def _set_targets(found: Found, out: Path | None, targets: Sequence[str]) -> None:
    """Other weights, as WETH=35%; those that are not named stay."""
    new = _targets(found, targets)
    refuse(why_not_targets(found.policy, found.names, new))
    found.show_change(replace(found.state, targets=new))
    targeted = zip(found.policy.assets, found.state.targets, new, strict=True)
    mend = [f"tokens.{found.names[one.token]}.target: {share(now)}" for one, old, now in targeted if old != now]
    found.by_safe([found.call("set_targets", ("targets", "uint256[]", new))], out, *mend)


@_action(click.argument("operator", type=ADDRESS))
def _set_operator(found: Found, out: Path | None, operator: Address) -> None:
    """Another hot key."""
    look = found.desk.look(found.names)
    refuse(why_not_operator(look, found.policy.safe, operator, found.state.guardian))
    found.show_change(replace(found.state, operator=operator))
    mend = (f'wallet.operator: "{operator}"', "wallet.keystore, wallet.password_file: its key")
    found.by_safe([found.call("set_operator", ("operator", "address", operator))], out, *mend)


@_action(click.argument("guardian", type=ADDRESS))
def _set_guardian(found: Found, out: Path | None, guardian: Address) -> None:
    """Another account that can stop it."""
    refuse(why_not_guardian(guardian, found.state.operator))
    found.show_change(replace(found.state, guardian=guardian))
    mend = "module.guardian: take the line out" if guardian == NOBODY else f'module.guardian: "{guardian}"'
    found.by_safe([found.call("set_guardian", ("guardian", "address", guardian))], out, mend)


@_action()
def _pause(found: Found, out: Path | None) -> None:
    """No rebalance any more. By the guardian at once, else by the Safe."""
    _may_stop(found)
    found.show_change(replace(found.state, paused=True))
    _stop(found, "pause", out)


@_action()
def _drop_operator(found: Found, out: Path | None) -> None:
    """Nobody is the operator any more. By the guardian at once, else by the Safe."""
    _may_stop(found)
    found.show_change(replace(found.state, operator=NOBODY))
    _stop(found, "drop_operator", out)


@_action()
def _unpause(found: Found, out: Path | None) -> None:
    """Rebalances are possible again. By the Safe only."""
    found.show_change(replace(found.state, paused=False))
    found.by_safe([found.call("unpause")], out)


@_action()
def _remove(found: Found, out: Path | None) -> None:
    """The Safe knows the module no longer: disableModule, which needs nothing of the module."""
    safe = found.policy.safe
    previous = previous_module(found.desk.sight.safe(safe), found.module)
    show_change(f"Modules of the Safe {safe}", [f"{found.module}: enabled → not enabled"])
    if by_safe(found.desk, safe, "remove RebalanceModule", [disable_module(safe, previous, found.module)], out):
        click.echo(f"Done: {found.module} can do nothing on {safe} any more.")


def _stop(found: Found, method: str, out: Path | None) -> None:
    desk, call = found.desk, found.call(method)
    if desk.sender is not None and desk.sender == found.state.guardian:
        click.confirm(f"Send {method}() now, as the guardian {desk.sender}?", abort=True)
        desk.send(found.module, call.data)
        found.say_now()
    else:
        found.by_safe([call], out)


def _may_stop(found: Found) -> None:
    """The guardian, or somebody who asks the owners; no account at all only writes the file for them."""
    sender = found.desk.sender
    if sender is not None and sender not in found.desk.sight.safe(found.policy.safe).owners:
        refuse(why_not_pause(found.state, found.policy, sender))


def _targets(found: Found, texts: Sequence[str]) -> tuple[Ppm, ...]:
    """SYMBOL=SHARE or TOKEN=SHARE to one target for each asset."""
    given: dict[str, Ppm] = {}
    for text in texts:
        name, equals, percent = text.partition("=")
        try:
            if not equals or name in given:
                raise ValueError("expected each token once, as WETH=35%")
            given[name] = ppm(percent)
        except ValueError as error:
            raise click.UsageError(f"{text}: {error}") from None
    names = [found.names[asset.token] for asset in found.policy.assets]
    new = []
    for asset, name, target in zip(found.policy.assets, names, found.state.targets, strict=True):
        # Two tokens may call themselves the same: then only the address tells them apart.
        keys = (asset.token, name) if names.count(name) == 1 else (asset.token,)
        new.append(next((given.pop(key) for key in keys if key in given), target))
    if given:
        listed = ", ".join(names)
        why = f"{', '.join(given)}: no asset of this module, which has {listed}: an asset without a feed is none"
        if any(names.count(name) > 1 for name in given):
            why = f"{', '.join(given)}: more than one asset is called so: write its address in place of its name"
        refuse([Refusal("targets_count", why)])
    return tuple(new)
