"""Tells one channel one thing: a program of its own, started by its path, alone with apprise.

In: a JSON object on standard input with the channel's `url` and, to send, `title`, `body` and `urgent`. Out: exit code
0 done, 2 the URL is not understood, 4 it was not taken. It says nothing, because what it knows is secret.
"""

from __future__ import annotations

import json
import sys

NOT_UNDERSTOOD, NOT_TAKEN = 2, 4


def main() -> int:
    """One channel."""
    import apprise

    task = json.load(sys.stdin)
    channel = apprise.Apprise()
    # One URL is one channel: of a list in it, nobody could say which did not take it.
    if not channel.add(task["url"]) or len(channel) != 1:
        return NOT_UNDERSTOOD
    if "title" not in task:
        return 0
    kind = apprise.NotifyType.FAILURE if task["urgent"] else apprise.NotifyType.INFO
    sent = channel.notify(
        title=task["title"], body=task["body"], notify_type=kind, body_format=apprise.NotifyFormat.TEXT
    )
    return 0 if sent else NOT_TAKEN


if __name__ == "__main__":
    sys.exit(main())
