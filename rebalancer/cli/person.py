"""What a person tells the keeper: stand still, or go on."""

from __future__ import annotations

import time
from pathlib import Path

from rebalancer.cli.ticks import settings_of
from rebalancer.core.errors import ConfigError
from rebalancer.core.paper import words_on_paper
from rebalancer.keeper import halt, resume
from rebalancer.wire import make_ports, open_ledger


def halt_keeper(config: Path, why: str, as_json: bool, paper: bool = False) -> int:
    """Stop it. Needs the ledger and nothing else."""
    why, settings = _readable(why), settings_of(config, paper, offline=True)
    already = halt(open_ledger(settings), settings.policy, why, int(time.time()))
    if as_json:
        from rebalancer.cli.as_json import emit

        emit({"halted": True, "why": why} | ({} if already is None else {"was_halted": already}))
    else:
        before = "" if already is None else f" It was halted already: {already}"
        words = (
            f"Halted.{before}\nWhat was sent can still be mined, and an open order be filled: `rebalancer status` "
            "shows both. The keeper goes on after: rebalancer resume --why TEXT"
        )
        print(words_on_paper(words) if paper else words)
    return 0


def resume_halted(config: Path, why: str, as_json: bool, paper: bool = False) -> int:
    """Go on after a Halt; the node is asked only about an intent that is open."""
    why, settings = _readable(why), settings_of(config, paper, offline=True)
    resumed = resume(make_ports(settings), settings.policy, why)
    if as_json:
        from rebalancer.cli.as_json import emit

        closed = {} if resumed.closed is None else {"closed": resumed.closed}
        emit({"resumed": True, "why": why, "was_halted": resumed.halted} | closed)
    else:
        closed_too = "" if resumed.closed is None else f"\nThe open batch is closed: {resumed.closed}"
        print(f"Resumed. It was halted because: {resumed.halted}{closed_too}\nThe next tick goes on.")
    return 0


def _readable(why: str) -> str:
    """Words that can be kept. A shell may pass on bytes that are no text."""
    try:
        why.encode()
    except UnicodeEncodeError:
        raise ConfigError("--why holds bytes that are no UTF-8 text; write it in plain letters") from None
    return why
