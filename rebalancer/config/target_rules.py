"""What must hold between the keys about estimated targets; a part of `rules`, in a file of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from rebalancer.config.document import Problems
from rebalancer.config.estimated import bounds_of, kept
from rebalancer.config.schema import TokenSection, TwapSection
from rebalancer.config.sections import Parts
from rebalancer.config.targets import FIXED, TargetsSection
from rebalancer.config.text import show_percent
from rebalancer.core.model.estimation import Method
from rebalancer.units import ONE, PPM, Weight

_LEAST = 2


def target_keys_fit(parts: Parts) -> Problems:
    """A key that the method does not read would promise what is not done."""
    targets = parts.targets
    if targets is None:
        return
    if targets.method == FIXED:
        for name in sorted(targets.model_fields_set - {"method"}):
            yield ("targets", name), "expected none with `method: fixed`, whose targets never move; name a method"
        return
    if targets.method == Method.EQUAL.value and targets.lookback is not None:
        yield ("targets", "lookback"), "expected none with `method: equal`, which looks at no prices"
    if targets.step is not None and targets.since is None:
        yield (
            ("targets", "since"),
            "missing; with `step` each target follows from the one before: expected the day from which they move, such "
            "as `2026-01-31`, so that they can be found again from the chain alone",
        )
    if targets.step is None and targets.since is not None:
        yield ("targets", "since"), "expected none without `step`: then no target follows from the one before"


def kept_tokens_have_targets(parts: Parts) -> Problems:
    """What is kept is a target; and of one token alone nothing is left to choose."""
    targets = _estimated(parts)
    if targets is None:
        return
    for number, symbol in enumerate(targets.keep or []):
        key = ("targets", "keep", number)
        if symbol not in parts.symbols:
            yield key, f"unknown token '{symbol}'; expected one of {', '.join(parts.symbols)}"
        if symbol in parts.tokens and parts.tokens[symbol].target is None:
            yield key, f"expected a token with a `target`, saw {symbol}, which has none"
        if symbol in (targets.keep or [])[:number]:
            yield key, f"expected each token once, saw {symbol} again"
    free = [symbol for symbol, _ in _free(parts, targets)]
    if len(parts.tokens) == len(parts.symbols) and len(free) < _LEAST:
        yield ("targets", "keep"), f"expected at least {_LEAST} tokens that do not keep their `target`, saw {len(free)}"


def estimated_tokens_have_feeds(parts: Parts) -> Problems:
    """Prices of the past come from the rounds of feeds."""
    targets = _estimated(parts)
    if targets is None or targets.method == Method.EQUAL.value:
        return
    for symbol, token in _free(parts, targets):
        if isinstance(token.price, TwapSection):
            yield (
                ("targets", "method"),
                f"expected `fixed` or `equal`: the price of {symbol} is a pool's, which keeps no rounds; or list it in "
                "`targets.keep`",
            )


def estimated_targets_fit(parts: Parts) -> Problems:
    """They start inside their bounds, and some weights lie between all of these."""
    targets = _estimated(parts)
    if targets is None or len(parts.tokens) < len(parts.symbols):
        return
    assets = [(symbol, token) for symbol, token in parts.tokens.items() if token.target is not None]
    for symbol, token in assets:
        start = token.target or 0
        if start * PPM % ONE:
            yield ("tokens", symbol, "target"), "expected nothing finer than 0.0001 %, in which targets are estimated"
        low, high = token.range or (0, PPM)
        if not low * ONE <= start * PPM <= high * ONE:
            yield (
                ("tokens", symbol, "range"),
                f"expected a range around the target of {symbol}, {show_percent(Weight(start))}, where it starts",
            )
    bounds = [bounds_of(parts, symbol) for symbol, _ in assets]
    least, most = sum(low for low, _ in bounds), sum(high for _, high in bounds)
    if not least <= PPM <= most or any(low > high for low, high in bounds):
        seen = f"{show_percent(Weight(least * ONE // PPM))} and {show_percent(Weight(most * ONE // PPM))}"
        yield (
            ("targets",),
            f"expected `range`s and kept targets whose least sum to at most 100 % and whose most to at least that, saw "
            f"{seen}",
        )


def operator_moves_targets(parts: Parts) -> Problems:
    """What is estimated is set by the operator, as far as the owners' policy lets it."""
    targets, module, wallet = _estimated(parts), parts.module, parts.wallet
    if targets is None or module is None or wallet is None or wallet.kind != "safe-module":
        return
    if module.target_step == 0:
        yield (
            ("module", "target_step"),
            "expected more than 0 % with a `targets.method`: the module lets the operator move no target at all",
        )


def ranges_have_a_reader(parts: Parts) -> Problems:
    """A limit that nothing holds would promise what is not done."""
    if parts.wallet is None or parts.wallet.kind == "safe-module" or _estimated(parts) is not None:
        return
    for symbol, token in parts.tokens.items():
        if token.range is not None:
            yield (
                ("tokens", symbol, "range"),
                "expected none with `wallet.kind: safe` and fixed targets, where nothing holds it; see `safe-module`, "
                "and `targets.method`",
            )


def _estimated(parts: Parts) -> TargetsSection | None:
    """The section, where a method estimates."""
    return parts.targets if parts.targets is not None and parts.targets.method != FIXED else None


def _free(parts: Parts, targets: TargetsSection) -> Iterator[tuple[str, TokenSection]]:
    """The tokens whose targets are estimated."""
    keep = kept(parts, targets)
    yield from ((s, token) for s, token in parts.tokens.items() if token.target is not None and s not in keep)


TARGET_RULES: tuple[Callable[[Parts], Problems], ...] = (
    target_keys_fit,
    kept_tokens_have_targets,
    estimated_tokens_have_feeds,
    estimated_targets_fit,
    operator_moves_targets,
    ranges_have_a_reader,
)
