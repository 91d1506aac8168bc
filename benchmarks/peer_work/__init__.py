"""What ``benchmarks/peers.py`` compares: a file a peer, each started as a process of its own by ``python -m``.

None imports wellfit but those whose name begins with it, and none imports another peer's library.
"""
