"""A path and the environment in, Settings out, or one ConfigError that names every problem of the file."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import assert_never

from rebalancer.config.document import read_document
from rebalancer.config.module import module_settings
from rebalancer.config.rules import check_rules
from rebalancer.config.schema import FeedSection, ProductSection, TokenSection, TriggerSection, TwapSection
from rebalancer.config.sections import Parts, read_sections
from rebalancer.config.settings import PASSWORD_VARIABLE, Password, Settings, WalletSettings
from rebalancer.config.text import PoolText
from rebalancer.core.errors import ConfigError
from rebalancer.core.model import Band, Calendar, Hybrid, Limits, Policy, Target, Threshold, Trigger, Window
from rebalancer.core.price import Feed, FeedPrice, PoolKey, PriceRule, TwapPrice
from rebalancer.units import Token


def read_settings(path: Path, environment: Mapping[str, str] | None = None) -> Settings:
    """The configuration at `path`; `${NAME}` comes from `environment`, by default the process's. Raises ConfigError."""
    environment = os.environ if environment is None else environment
    document = read_document(path, environment)
    parts = read_sections(document)
    check_rules(document, parts)
    document.raise_problems()
    return _settings(parts, path.absolute(), environment)


def read_password(file: Path | None, environment: Mapping[str, str] | None = None) -> str | None:
    """The keystore's password from a file or from REBALANCER_PASSWORD; None where neither is. Raises ConfigError."""
    environment = os.environ if environment is None else environment
    variable = environment.get(PASSWORD_VARIABLE) or None
    return variable if file is None else Password(file, variable)()


def _settings(parts: Parts, path: Path, environment: Mapping[str, str]) -> Settings:
    chain, execution, top, venues = parts.chain, parts.execution, parts.top, parts.venues
    # A section that is None has put a problem into the document, and the problems were raised.
    assert chain is not None and execution is not None and top is not None and venues is not None
    tokens = {symbol: Token(symbol, token.address, token.decimals) for symbol, token in parts.tokens.items()}
    return Settings(
        path=path,
        state=_state_folder(environment),
        chain_id=chain.id,
        rpc_urls=tuple(chain.rpc),
        native=tokens[chain.native],
        tokens=tuple(tokens.values()),
        targets=tuple(
            Target(tokens[symbol], token.target) for symbol, token in parts.tokens.items() if token.target is not None
        ),
        price_rules=tuple(_price_rule(tokens, symbol, token) for symbol, token in parts.tokens.items()),
        pools=tuple(_pool_key(tokens, pool) for pool in venues.uniswap.pools),
        policy=_policy(parts, tokens),
        wallet=_wallet(parts, path.parent, environment),
        module=module_settings(parts, tokens),
        confirmations=execution.confirmations,
        patience=execution.patience,
        ledger_url=_ledger_url(top.ledger, path.parent),
        live=top.live,
    )


def _policy(parts: Parts, tokens: dict[str, Token]) -> Policy:
    trigger, limits = parts.trigger, parts.limits
    assert parts.top is not None and trigger is not None and limits is not None
    window = trigger.window
    return Policy(
        assets=tuple(tokens[symbol] for symbol, token in parts.tokens.items() if token.target is not None),
        cash=None if parts.top.cash is None else tokens[parts.top.cash],
        hubs=tuple(tokens[symbol] for symbol in parts.hubs()),
        trigger=_trigger(trigger, parts, tokens),
        return_share=trigger.return_to,
        window=None if window is None else Window(frozenset(window.days), *window.hours),
        limits=Limits(**dict(limits)),
    )


def _trigger(trigger: TriggerSection, parts: Parts, tokens: dict[str, Token]) -> Trigger:
    sections = (
        (symbol, token.band or trigger.band) for symbol, token in parts.tokens.items() if token.target is not None
    )
    bands = tuple(Band(tokens[symbol], band.absolute, band.relative) for symbol, band in sections)
    match trigger.kind:
        case "threshold":
            return Threshold(bands)
        case "calendar":
            return Calendar(trigger.every or 0)  # a rule has seen that it is there
        case "hybrid":
            return Hybrid(trigger.every or 0, bands)
        case other:
            assert_never(other)


def _price_rule(tokens: dict[str, Token], symbol: str, section: TokenSection) -> PriceRule:
    token = tokens[symbol]
    match section.price:
        case FeedSection() as feed:
            return FeedPrice(token, (_feed(feed),))
        case ProductSection(product=feeds):
            return FeedPrice(token, tuple(_feed(feed) for feed in feeds))
        case TwapSection(twap=twap):
            pool = _pool_key(tokens, twap.pool)
            quote = pool.token_b if pool.token_a == token else pool.token_a
            return TwapPrice(token, pool, quote, twap.window, twap.min_depth)
        case other:
            assert_never(other)


def _feed(section: FeedSection) -> Feed:
    return Feed(section.feed, section.decimals, section.heartbeat, section.margin)


def _pool_key(tokens: dict[str, Token], pool: PoolText) -> PoolKey:
    return PoolKey(pool.kind, tokens[pool.symbol_a], tokens[pool.symbol_b], pool.fee)


def _wallet(parts: Parts, folder: Path, environment: Mapping[str, str]) -> WalletSettings:
    wallet = parts.wallet
    assert wallet is not None
    file = None if wallet.password_file is None else _beside(folder, wallet.password_file)
    return WalletSettings(
        kind=wallet.kind,
        address=wallet.address,
        module=wallet.module,
        operator=wallet.operator,
        keystore=_beside(folder, wallet.keystore),
        password=Password(file, environment.get(PASSWORD_VARIABLE) or None),
    )


def _state_folder(environment: Mapping[str, str]) -> Path:
    """By the XDG base directory specification, which ignores a folder that is not absolute."""
    named = Path(environment.get("XDG_STATE_HOME") or "")
    state = named if named.is_absolute() else Path(environment.get("HOME") or os.path.expanduser("~"), ".local/state")
    if not state.is_absolute():
        raise ConfigError(
            f"this account has no home folder, saw {str(state)!r}: set XDG_STATE_HOME to an absolute folder for the "
            "locks, the same for every keeper of the wallet"
        )
    return state / "rebalancer"


def _ledger_url(text: str, folder: Path) -> str:
    """Files are looked for beside the configuration: cron starts in another folder than a person does."""
    scheme, found, place = text.partition(":///")
    if not found and "://" not in text:
        return f"sqlite:///{_beside(folder, text)}"
    return f"{scheme}:///{_beside(folder, place)}" if found and scheme.startswith("sqlite") else text


def _beside(folder: Path, text: str) -> Path:
    return folder / os.path.expanduser(text)
