"""Benchmarks: ``python -m bench [--quick] [NAMES…]``. docs/explanation/figures.md describes each figure."""
