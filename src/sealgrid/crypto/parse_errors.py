"""Exceptions of decoding untrusted JSON or MessagePack with msgspec."""

import msgspec

#: msgspec lets UnicodeError (invalid UTF-8) and RecursionError (deep nesting) through
UNREADABLE = (msgspec.MsgspecError, UnicodeError, RecursionError)
