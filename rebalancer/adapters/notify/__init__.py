"""Who is told how a tick ended: a log, people by any channel, a dead man's switch. None can break a tick."""
