"""Waiting for something to become true. Everything here happens some time after it was asked for; nothing sleeps blindly."""

import time


class Failed(AssertionError):
    """Something that a user would have seen was not there."""


def until(what, look, seconds=60, every=0.25):
    """The first true value that `look` gives; fails with what it gave last."""
    end = time.monotonic() + seconds
    while True:
        found = look()
        if found:
            return found
        if time.monotonic() > end:
            raise Failed(f"within {seconds} s there was no {what}; last seen: {found!r}")
        time.sleep(every)


def check(holds, what):
    """Fails with `what` unless it holds."""
    if not holds:
        raise Failed(what)
