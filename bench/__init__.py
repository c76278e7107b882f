"""Benchmarks, run by `python -m bench`. Nothing imports them but their tests."""
