"""Starts MiniStack, in which anybody may say what only AWS can: events whose source begins with `aws.`. MiniStack's CloudWatch
says nothing on the bus when an alarm changes, so the test says it in its place.
"""

from ministack.app import main
from ministack.services import eventbridge

# `_put_events(data, allow_aws_source=False)`, in the pinned version.
eventbridge._put_events.__defaults__ = (True,)
main()
