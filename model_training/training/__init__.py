"""From the tracks of a split to a run."""
