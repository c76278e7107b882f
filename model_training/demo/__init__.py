"""`make train-demo`: the whole way from labelled sound to a site, on synthetic sounds.

`sounds` writes a folder of four "genres" that nobody would call music; `__main__` then runs the
public commands on it, one after the other, and shows each. Git tracks none of the results, and the
versions in `trained_models` stay as they are.
"""
