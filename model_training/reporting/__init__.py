"""A model card for people: words, figures, a page."""
