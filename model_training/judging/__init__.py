"""Answers of a network, and how good they are."""
