"""Measure Sealgrid: ``python -m bench [--quick] [NAMES…]``; docs/explanation/figures.md says how each is measured."""
