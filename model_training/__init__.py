"""From labelled music to a versioned model with an honest report."""
