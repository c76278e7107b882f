"""Search for better values of an experiment's keys."""
