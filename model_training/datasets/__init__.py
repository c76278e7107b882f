"""Labelled music, one file per collection."""
