"""Sound files: read, written, converted, changed."""
