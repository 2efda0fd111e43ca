"""What reading a stranger's JSON or MessagePack may end in, so that every reader refuses in its own words."""

import msgspec

#: msgspec leaves text that is not UTF-8, and nesting deeper than the stack, to Python's own errors
UNREADABLE = (msgspec.MsgspecError, UnicodeError, RecursionError)
