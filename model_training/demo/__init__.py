"""`make train-demo`: the whole way from labelled sound to a site, with sounds made for it.

`sounds` writes a folder of four "genres" that nobody would call music; `__main__` then runs the
public commands on it, one after the other, and shows each. Nothing of it is tracked, and the
versions in `trained_models` stay as they are.
"""
