"""The ports of the tick as history plays them: what was, block for block, and nothing that came later.

pools    prices → one pool for each asset against the hub
chain    the clock, and what is read at the block of a time
venue    routes on those pools as quotes
wallet   a batch executed exactly on those pools
ledger   what the keeper would remember, kept up to date in constant time; stretch: its sums over days
nobody   those whom a replay has no use for
scene    a study → all of them (targets are the live ones, over rounds made of prices: adapters/targets/history.py)
"""
