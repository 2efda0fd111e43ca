"""The chain as Sealgrid uses it: PoCo's hub, assets, the broker, wallets, events, and a local chain of one's own."""
