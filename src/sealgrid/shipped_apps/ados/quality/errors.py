"""The error with which ados ends."""


class ReadingsRefused(Exception):
    """The readings or the model are invalid; the message is one line that says what to change."""
