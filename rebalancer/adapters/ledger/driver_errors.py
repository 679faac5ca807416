"""A driver's message in, the error by what happens next out. No message holds a password: drivers do not repeat it."""

from __future__ import annotations

from rebalancer.core.errors import ConfigError, Halt, RebalancerError, Unavailable

# SQLSTATE, by class where it has two letters: PostgreSQL's own words for what passes, and for what is broken.
_PASSES = ("08", "25P03", "40", "53", "55P03", "57")
_BROKEN = ("XX",)
_SET_UP = ("28", "3D", "42")

_BROKEN_WORDS = ("malformed", "corrupt", "invalid page", "not a database")
_SET_UP_WORDS = ("authentication failed", "does not exist", "no pg_hba.conf entry")
_FULL_WORDS = ("full", "no space left", "i/o error")
_PASSES_WORDS = ("locked", "busy", "connection", "timeout", "server closed", "shutting down", "starting up")


def error_by_what_is_next(name: str, said: str, state: str | None = None) -> RebalancerError:
    """`state`: the server's five letters, where it has sent them."""
    said = " ".join(said.split())[:300]
    text, state = said.lower(), state or ""
    if state.startswith(_BROKEN) or _any(text, _BROKEN_WORDS):
        return Halt(
            f"ledger {name}: the file is damaged: {said}. Keep a copy, restore it from a backup, and look on the chain "
            "for a transaction of the operator that the backup does not know; or mend `ledger` if it names another file"
        )
    if state.startswith(_SET_UP) or _any(text, _SET_UP_WORDS):
        return _set_up(name, said)
    if _any(text, _FULL_WORDS):
        return Unavailable(
            f"ledger {name}: cannot be used now: {said}. Nothing is sent that is not on disk: free some space on "
            "it, or look whether it fails"
        )
    if state.startswith(_PASSES) or _any(text, _PASSES_WORDS):
        return Unavailable(f"ledger {name}: cannot be used now: {said}. End the other process, or look at the server")
    return _set_up(name, said)


def _set_up(name: str, said: str) -> ConfigError:
    return ConfigError(f"ledger {name}: cannot be used: {said}. Expected a ledger that this account may write to")


def _any(text: str, words: tuple[str, ...]) -> bool:
    return any(word in text for word in words)
