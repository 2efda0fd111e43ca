"""Keys that one account registered for its results, and the key of each of its deals. Pure.

iExec's clients push the key of one browser or process before each purchase, so an account alternates between keys. A
deal gets the key that was current when it was matched: a later purchase from another browser does not change it, and
a stranger who sends earlier signatures again does not, either. Many of them can only drop the key from the history.
"""

from typing import Final

import msgspec

from sealgrid.wire.iexec_sms import RegisteredResultKey

MAX_REGISTRATIONS: Final = 64  #: of one account; the oldest are dropped


class KeyRegistration(msgspec.Struct, frozen=True, kw_only=True):
    """A key, and when the account registered it."""

    key: RegisteredResultKey
    chain_time: int  #: Unix seconds of the chain's head at that moment


class ResultKeyHistory(msgspec.Struct, frozen=True):
    """The registrations of one account, the oldest first; at least one."""

    registrations: tuple[KeyRegistration, ...]

    @property
    def current(self) -> RegisteredResultKey:
        """Return the key that was registered last."""
        return self.registrations[-1].key

    def key_of_deal(self, start_time: int) -> RegisteredResultKey | None:
        """Return the key that was current when a deal was matched, or the first one that was registered after it.

        None if that key may be among the dropped ones: a full history does not tell what was before it.

        ``start_time`` is the time of the match's block, in Unix seconds. A head before that block is not later, so
        the key of a client that pushes and then matches is found. Of two keys in one second the later one counts.
        """
        earlier = [each.key for each in self.registrations if each.chain_time <= start_time]
        if earlier:
            return earlier[-1]
        return None if len(self.registrations) >= MAX_REGISTRATIONS else self.registrations[0].key


def register(history: ResultKeyHistory | None, key: RegisteredResultKey, chain_time: int) -> ResultKeyHistory:
    """Return the history with a key as the current one; unchanged if it is that already."""
    if history is None:
        return ResultKeyHistory((KeyRegistration(key=key, chain_time=chain_time),))
    if history.current.value == key.value:
        return history
    registration = KeyRegistration(key=key, chain_time=chain_time)
    return ResultKeyHistory((*history.registrations, registration)[-MAX_REGISTRATIONS:])
