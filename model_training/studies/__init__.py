"""What one split cannot tell: other folds, other sounds, other versions."""
