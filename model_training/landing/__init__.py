"""From finished runs to a version that the site offers."""
