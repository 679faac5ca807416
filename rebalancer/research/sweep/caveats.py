"""A sweep in, what it does not show in sentences out: part of every result, on the screen, in JSON and on the page."""

from __future__ import annotations

from rebalancer.research.sweep.model import Deflated, SweepResult

_ALL = 1 - 1e-12
"""A fall so deep has left nothing."""


def sweep_caveats(result: SweepResult) -> tuple[tuple[str, str], ...]:
    """In a few words, and why that matters."""
    return (
        ("That the best is good.", _luck(result)),
        (
            "All that a live keeper does.",
            f"What is otherwise here: {'; '.join(result.left_out)}. `rebalancer backtest` is the live tick itself.",
        ),
        (
            "Any other past.",
            "One path, of tokens that are still there; trades at closes, no front-running, no failed transactions, "
            "pools as deep as given at all times.",
        ),
        ("Tax.", "None is taken off: who trades more has more to pay, and earlier."),
        *_emptied(result),
    )


def _emptied(result: SweepResult) -> tuple[tuple[str, str], ...]:
    emptied = int((result.measures.drawdown >= _ALL).sum())
    if not emptied:
        return ()
    return (
        (
            "What a fall of 100 % is.",
            f"In {emptied:,} of {len(result.configurations):,} configurations all gas until some day was more than the "
            "portfolio was worth then. Somebody paid it from elsewhere, and prices may have risen since.",
        ),
    )


def _luck(result: SweepResult) -> str:
    skill, ahead, count = result.skill, result.ahead, len(result.choices)
    if skill is None:
        return (
            f"The best of {count:,} looks good by luck alone, and these prices do not say by how much: less than a "
            "year carries no Sharpe ratio, nor does what gas has eaten up."
        )
    above = "it does nothing but hold" if ahead is None else f"above luck against hold, {_odds(ahead)}"
    return (
        f"The best of {skill.trials:,} looks good by luck alone: a Sharpe ratio of {skill.luck:.2f} would be "
        f"expected of rules without any skill, it has {skill.sharpe:.2f}, most of which is the market's. That the true "
        f"one is above luck is {_odds(skill)} likely; {above} (deflated Sharpe ratio, Bailey and López de Prado 2014), "
        "in the very past that it was chosen by."
    )


def _odds(skill: Deflated) -> str:
    return f"{100 * skill.probability:.0f} %"
