"""Keeps the assets of a smart wallet at their target weights."""
