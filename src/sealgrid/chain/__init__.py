"""Access to the chain: PoCo's hub, assets, broker and gate, wallets, events, and a local chain."""
