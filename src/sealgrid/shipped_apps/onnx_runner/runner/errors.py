"""The error with which onnx-runner ends."""


class RunRefused(Exception):
    """The model, the input or the arguments are invalid; the message is one line for the requester."""

    def __init__(self, message: str) -> None:
        super().__init__(" ".join(message.split()))
