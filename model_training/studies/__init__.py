"""Beyond one split: other folds, other sounds, other versions."""
