"""Mainnet's shape on this machine: anvil with real bytecode at real addresses. A development tool.

    from rebalancer.replica.chain import Replica      # not imported here: mainnet.py stays cheap to import

    with Replica.start() as replica:                  # (port=None, pools=None, block_time=None, timeout=20.0)
        replica.url, replica.rpc, replica.pid
        usdc = replica.token("USDC")                  # units.Token, by symbol or address; replica.tokens
        pool = replica.pool("USDC", "WETH", 500)      # Pool(kind, token0, token1, fee, address); replica.pools
        owner = replica.actor("owner")                # Actor(index, address), .private_key(); accounts.ROLES
        safe = replica.create_safe([owner.address])   # (owners, threshold=1, salt=0, singleton=MAINNET.safe)
        replica.place_safe("1.5.0")                   # its singleton, for create_safe; "1.3.0" too
        place_settlement(replica)                     # CoW Protocol's contracts; make_solver(replica, account): cow.py

        replica.deal("USDC", safe, 1_000 * 10**6)     # sets the balance; "ETH" too; replica.balance("USDC", safe)
        replica.set_price("ETH/USD", 3_100 * 10**8)   # a new round, now; feeds follow the block's time until
        replica.set_round("ETH/USD", answer, time)    # ... a round is given a time of its own, or
        replica.set_live("ETH/USD", False)            # ... a feed is told to age
        replica.move_market({"WETH": 3_100 * 10**8})  # feeds and all pools together (replica.prices)

        replica.read(to, "totalSupply()")             # (to, signature, *values, returns=("uint256",)) → tuple
        replica.transact(sender, to, "f(uint256)", 1) # receipt; any address may be the sender
        replica.send(sender, to, data, value)         # receipt; gas=N sends even what would revert
        replica.attempt(sender, to, data)             # sends it; why it reverted, or None
        replica.receipt(digest)                       # waits for what somebody else has sent
        replica.now(), replica.mine(blocks), replica.warp(seconds), replica.set_base_fee(wei)
        mark = replica.snapshot(); replica.revert(mark)
        with replica.scratch(): ...                   # undone at the end

`mainnet.py` has the tokens (LISTINGS) and the feeds (FEEDS); `standard.py` the pools; `calls.py` encodes.
USDC pauses and blacklists as on mainnet (`pause()`, `blacklist(address)`, open to anyone), and every token
but WETH has `mint(address,uint256)`.
"""
