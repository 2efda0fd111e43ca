"""The error that onnx-runner ends with."""


class RunRefused(Exception):
    """The model, the input or the arguments cannot be used; the message is one line for who gave them."""

    def __init__(self, message: str) -> None:
        super().__init__(" ".join(message.split()))
