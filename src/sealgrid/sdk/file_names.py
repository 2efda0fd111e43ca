"""Names of files: Linux allows any bytes, and documents of the network are UTF-8."""


def is_utf8(name: str) -> bool:
    """Return whether a name from the file system is text; other bytes are half characters in it (PEP 383)."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True
