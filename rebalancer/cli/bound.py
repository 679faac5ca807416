"""`rebalancer bound`: limits in, out what a stolen operator key can take at most. Sends nothing, asks nobody.

With T the turnover, L the loss and s the shortfall of a swap that the module allows over a window, and b how far the
feeds were off the market, as shares of the wallet: theft over any span ≤ (min(L, s·T) + b·T) · (1 + span / window).
The meters leak, so that what is full at the start of a span fills once more for each window of it. In one go the
drift binds too: no rebalance trades more than the sum of all distances from the targets.
`scripts/bench/bound.py` holds a thief against it. All is rounded up.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rebalancer.config import read_settings, text
from rebalancer.config.schema import ModuleSection
from rebalancer.core.errors import ConfigError
from rebalancer.core.render import duration, money
from rebalancer.units import ONE, PPM, Ppm, Usd, Weight, mul_div_up

MONTH = 30 * 86_400
OTHER_B = tuple(map(Ppm, (0, 2_500, 5_000, 7_500, 10_000, 35_000)))
"""From feeds that are exact to about the largest move that we have seen between two rounds of one."""
MOST_WINDOW = 90 * 86_400
SUGGESTED_B = 7_500


@dataclass(frozen=True, slots=True)
class Limits:
    """Shares in PPM, the window in seconds."""

    window: int
    turnover: int
    loss: int
    shortfall: int
    off: int
    """b: how far the feeds were off the market when the trades were made. Not a limit: nobody sets it."""

    def per_window(self) -> Weight:
        """What one window's allowance is worth to a thief, at 1e18."""
        return self._theft(self.turnover)

    def over(self, span: int) -> Weight:
        """In any span of so many seconds; at most everything."""
        return Weight(min(ONE, mul_div_up(self.per_window(), self.window + span, self.window)))

    def in_one_go(self, drift: int) -> Weight:
        """In one rebalance of a wallet whose distances from the targets sum to `drift`, in PPM."""
        return self._theft(min(self.turnover, drift))

    def _theft(self, traded: int) -> Weight:
        shares = min(self.loss * PPM, self.shortfall * traded) + self.off * traded
        return Weight(min(ONE, mul_div_up(shares, ONE, PPM * PPM)))


def show_bound(given: Sequence[str], config: Path | None, as_json: bool) -> int:
    """The table, or one JSON object. `given` is NAME=VALUE, the names those of NAMES."""
    asked = _asked(given)
    drift, nav = asked.pop("drift", None), asked.pop("nav", None)
    limits = replace(_known(config), **asked)
    rows = list(_rows(limits, drift))
    if as_json:
        from rebalancer.cli.as_json import emit

        emit(_object(limits, rows, drift, nav))
        return 0
    _show(limits, rows, None if nav is None else Usd(nav))
    return 0


def _known(config: Path | None) -> Limits:
    """The configuration's limits, or else the suggested ones."""
    if config is None:
        ours: Any = ModuleSection()
    else:
        module = read_settings(config).module
        if module is None:
            raise ConfigError(f"{config}: wallet.kind is `safe`: whoever has the key has all; see `safe-module`")
        ours = module.limits
    return Limits(ours.window, ours.max_turnover, ours.max_loss, ours.max_shortfall, SUGGESTED_B)


def _asked(given: Sequence[str]) -> dict[str, int]:
    found: dict[str, int] = {}
    for one in given:
        field, value = _read(one)
        if field in found:
            raise ConfigError(f"{one.partition('=')[0]}: expected once, saw it again as {one!r}")
        found[field] = value
    return found


def _read(given: str) -> tuple[str, int]:
    """One NAME=VALUE as the field that it sets."""
    name, _, value = given.partition("=")
    if name not in NAMES:
        raise ConfigError(f"expected one of {', '.join(f'{n}=' for n in NAMES)} and a value, saw {given!r}")
    field, parse = NAMES[name]
    try:
        return field, parse(value)
    except ValueError as error:
        raise ConfigError(f"{name}: {error}, saw {value!r}") from None


def _window(value: str) -> int:
    seconds = text.seconds(value)
    if not 3_600 <= seconds <= MOST_WINDOW:
        raise ValueError("expected 1 h to 90 d, as a module takes it")
    return seconds


NAMES: dict[str, tuple[str, Callable[[str], int]]] = {
    "T": ("turnover", text.ppm),
    "L": ("loss", text.ppm),
    "s": ("shortfall", text.ppm),
    "b": ("off", text.ppm),
    "window": ("window", _window),
    "drift": ("drift", text.drift_sum),
    "nav": ("nav", text.usd),
}
"""What may be given, the field that it is, and how it is written."""


def _rows(limits: Limits, drift: int | None) -> Iterator[tuple[str, str, Weight]]:
    """Key, words, share."""
    if drift is not None:
        share = text.show_percent(Weight(drift * (ONE // PPM)))
        yield "in_one_go", f"in one go, with distances from the targets of {share}", limits.in_one_go(drift)
    yield "per_window", f"per window of {duration(limits.window)}", limits.per_window()
    yield "in_any_window", f"in any {duration(limits.window)}, wherever they start", limits.over(limits.window)
    yield "per_month", "in any 30 d", limits.over(MONTH)


def _object(limits: Limits, rows: list[tuple[str, str, Weight]], drift: int | None, nav: int | None) -> dict[str, Any]:
    found: dict[str, Any] = {
        "window": limits.window,
        "max_turnover_ppm": limits.turnover,
        "max_loss_ppm": limits.loss,
        "max_shortfall_ppm": limits.shortfall,
        "off_ppm": limits.off,
    }
    found |= {} if drift is None else {"drift_ppm": drift}
    found |= {f"{key}_e18": str(share) for key, _, share in rows}
    if nav is not None:
        found |= {"nav_usd_e18": str(nav)}
        found |= {f"{key}_usd_e18": str(mul_div_up(nav, share, ONE)) for key, _, share in rows}
    return found


def _show(limits: Limits, rows: list[tuple[str, str, Weight]], nav: Usd | None) -> None:
    from rebalancer.cli.show import console, show_table

    values = (
        ("T", "max_turnover, traded over a window", limits.turnover),
        ("L", "max_loss, at oracle prices over a window", limits.loss),
        ("s", "max_shortfall, of one swap", limits.shortfall),
        ("b", "how far the feeds were off the market: nobody's to set", limits.off),
    )
    show_table("Given", ("", "share", "what it is"), [(sign, _share(ppm), words) for sign, words, ppm in values])
    head = ("a stolen key takes at most", "of the wallet") + (() if nav is None else (f"of {money(nav)}",))
    table = [(words, _percent(share), *_dollars(nav, share)) for _, words, share in rows]
    show_table("min(L, s·T) + b·T for each window, and as much once more at the start of any span", head, table)
    others = [replace(limits, off=off) for off in OTHER_B]
    moved = [(_share(o.off), _percent(o.per_window()), _percent(o.over(MONTH))) for o in others]
    show_table("The same where the feeds are further off, or nearer", ("b", "per window", "in any 30 d"), moved)
    console.print(
        "b is no constant. A feed writes a new round once the market has moved by its threshold, often 0.5 %, and in a "
        "fast market the next round lands further off; a thief waits for that. docs/security.md has figures.",
        soft_wrap=not console.is_terminal,
    )


def _share(ppm: int) -> str:
    return text.show_percent(Weight(ppm * (ONE // PPM)))


def _percent(share: Weight) -> str:
    """To a ten-thousandth of a percent, rounded up."""
    return text.show_percent(Weight(mul_div_up(share, 1, 10**12) * 10**12))


def _dollars(nav: Usd | None, share: Weight) -> tuple[str, ...]:
    """Cents rounded up."""
    if nav is None:
        return ()
    cent = 10**16
    return (money(Usd(mul_div_up(mul_div_up(nav, share, ONE), 1, cent) * cent)),)
