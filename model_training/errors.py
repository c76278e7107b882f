"""The one error that the command line shows as a sentence."""


class TrainingError(Exception):
    """Something the user can mend; `str()` says what is wrong and what to do."""
