#!/usr/bin/env python3
"""The cron entry: one tick of one portfolio. Dry unless --live is given and the file says live: true.

*/15 * * * * /srv/rebalancer/.venv/bin/python /srv/rebalancer/scripts/keeper.py /srv/rebalancer/rebalancer.yaml --live
"""

import sys

from rebalancer.cli import run

if __name__ == "__main__":
    arguments = sys.argv[1:] or ["rebalancer.yaml"]
    sys.exit(run(["run", "--config", *arguments]))
