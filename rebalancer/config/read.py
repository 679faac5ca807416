"""A path and the environment in, Settings out, or one ConfigError that names every problem of the file."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import assert_never

from rebalancer.config.document import read_document
from rebalancer.config.estimated import estimation_of
from rebalancer.config.module import module_settings
from rebalancer.config.password import CREDENTIAL, PASSWORD_VARIABLE, Password, warn_of_variable
from rebalancer.config.rules import check_rules
from rebalancer.config.schema import FeedSection, ProductSection, TokenSection, TwapSection
from rebalancer.config.sections import Parts, read_sections
from rebalancer.config.settings import OutsideSettings, Settings, WalletSettings
from rebalancer.config.spans import DAY
from rebalancer.config.text import PoolText
from rebalancer.config.triggered import patience_of, trigger_of
from rebalancer.config.venue_rules import key_of, router_of
from rebalancer.core.errors import ConfigError
from rebalancer.core.model import (
    Contributions,
    Limits,
    OverTime,
    Policy,
    Replacing,
    Target,
    Tracking,
    Volatility,
    Window,
)
from rebalancer.core.price import Feed, FeedPrice, PoolKey, PriceRule, TwapPrice
from rebalancer.units import Token

_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "all_proxy", "no_proxy")
_CERTIFICATES = ("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
WAY_OUT = ("PATH", "HOME", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR", *_PROXIES, *_CERTIFICATES)
"""Variables for a program that talks to the network."""


def read_settings(path: Path, environment: Mapping[str, str] | None = None, *, offline: bool = False) -> Settings:
    """The configuration at `path`; `${NAME}` comes from `environment`, by default the process's. Raises ConfigError.

    `offline`: for what needs the ledger alone; variables of nodes, relay and channels need not be set.
    """
    environment = os.environ if environment is None else environment
    document = read_document(path, environment, offline)
    parts = read_sections(document)
    check_rules(document, parts)
    document.raise_problems()
    return _settings(parts, path.absolute(), environment)


def read_password(file: Path | None, environment: Mapping[str, str] | None = None) -> str | None:
    """The keystore's password from a file or from REBALANCER_PASSWORD; None where neither is. Raises ConfigError."""
    environment = os.environ if environment is None else environment
    variable = environment.get(PASSWORD_VARIABLE) or None
    if file is None and variable is not None:
        warn_of_variable()
    return variable if file is None else Password(file, variable)()


def _settings(parts: Parts, path: Path, environment: Mapping[str, str]) -> Settings:
    chain, execution, top, venues = parts.chain, parts.execution, parts.top, parts.venues
    notify = parts.notify
    # A section that is None has put a problem into the document, and the problems were raised.
    assert chain is not None and execution is not None and top is not None and venues is not None and notify is not None
    tokens = {symbol: Token(symbol, token.address, token.decimals) for symbol, token in parts.tokens.items()}
    return Settings(
        path=path,
        state=_state_folder(environment),
        chain_id=chain.id,
        rpc_urls=tuple(chain.rpc),
        quorum=chain.quorum,
        native=tokens[chain.native],
        tokens=tuple(tokens.values()),
        targets=tuple(
            Target(tokens[symbol], token.target) for symbol, token in parts.tokens.items() if token.target is not None
        ),
        estimation=estimation_of(parts, tokens),
        price_rules=tuple(_price_rule(tokens, symbol, token) for symbol, token in parts.tokens.items()),
        pools=tuple(_pool_key(tokens, pool) for pool in venues.uniswap.pools),
        outside=tuple(
            OutsideSettings(name, router_of(section), section.url, key_of(section))
            for name, section in venues.outside().items()
        ),
        policy=_policy(parts, tokens),
        wallet=_wallet(parts, path.parent, environment),
        module=module_settings(parts, tokens),
        confirmations=execution.confirmations,
        patience=execution.patience,
        relay_url=execution.relay,
        relay_fallback=execution.relay_fallback,
        ledger_url=_ledger_url(top.ledger, path.parent),
        notify_urls=tuple(notify.urls),
        ping_url=notify.ping,
        way_out=tuple((name, environment[name]) for name in WAY_OUT if name in environment),
        live=top.live,
        paper_days=0 if parts.safety is None else parts.safety.paper,
    )


def _policy(parts: Parts, tokens: dict[str, Token]) -> Policy:
    trigger, limits = parts.trigger, parts.limits
    assert parts.top is not None and trigger is not None and limits is not None
    window = trigger.window
    return Policy(
        assets=tuple(tokens[symbol] for symbol, token in parts.tokens.items() if token.target is not None),
        cash=None if parts.top.cash is None else tokens[parts.top.cash],
        hubs=tuple(tokens[symbol] for symbol in parts.hubs()),
        trigger=trigger_of(parts, tokens),
        tracking=_tracking(parts, tokens),
        contributions=Contributions(parts.top.contributions),
        window=None if window is None else Window(frozenset(window.days), *window.hours),
        limits=Limits(**dict(limits)),
        over_time=_over_time(parts),
        replacing=_replacing(parts),
        apart=trigger.apart,
        patience=patience_of(parts),
    )


def _over_time(parts: Parts) -> OverTime:
    safety = parts.safety
    assert safety is not None
    return OverTime(
        drawdown=safety.drawdown.share,
        drawdown_window=safety.drawdown.seconds,
        trades_per_day=safety.trades_per_day,
        turnover_per_day=safety.turnover_per_day,
        cost_per_month=safety.cost_per_month,
        failures=safety.failures,
        ramp=safety.ramp.share,
        ramp_days=safety.ramp.seconds // DAY,
        refill_days=safety.refill,
    )


def _replacing(parts: Parts) -> Replacing:
    execution = parts.execution
    assert execution is not None
    return Replacing(execution.replace_after, execution.when_stuck == "cancel")


def _tracking(parts: Parts, tokens: dict[str, Token]) -> Tracking:
    drift = parts.drift
    assert drift is not None
    found = (
        (tokens[symbol], token.volatility or drift.volatility, token.target) for symbol, token in parts.tokens.items()
    )
    volatilities = tuple(
        Volatility(token, vol) for token, vol, target in found if target is not None and vol != "measured"
    )
    return Tracking(drift.cost, volatilities, named="cost" in drift.model_fields_set)


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
        password=Password(file, environment.get(PASSWORD_VARIABLE) or None, _credential(environment)),
    )


def _credential(environment: Mapping[str, str]) -> Path | None:
    """Where systemd puts the password for a unit that loads it."""
    folder = environment.get("CREDENTIALS_DIRECTORY")
    return Path(folder) / CREDENTIAL if folder else None


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
