"""What the owners' scripts share. The underscore keeps this folder out of `ape run`'s list of scripts.

batch           what the Safe is to do → Safe's Transaction Builder file, or one transaction of a single owner
sight           the chain as the scripts see it: Safe, module, tokens, feeds
words           a policy and its state in words, and what differs between two
refusals        what the contract would refuse, said before anything is sent; asset_refusals for tokens and feeds
listing         scripts/routes/*.json → what a RouteCheck is deployed with
wanted, making  the keeper's configuration → what is to be deployed → a module
found           a module that is there
desk            who acts on which chain, and how a transaction goes out: the one that knows ape
acting          show, ask, then send or write the file
"""
