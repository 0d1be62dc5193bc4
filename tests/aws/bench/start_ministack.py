"""Starts MiniStack, changed in two ways.

Anybody may say what only AWS can: events whose source begins with `aws.`. MiniStack's CloudWatch says nothing on the bus when
an alarm changes, so the test says it in its place.

Each judgement on a call of a role is written down, as JSON lines in the file `CATOPS_JUDGED`: the role, the action, the
resource, and the statement that allowed it.
"""

import json
import os
import threading

from ministack.app import main
from ministack.core import iam_evaluator
from ministack.services import eventbridge

# `_put_events(data, allow_aws_source=False)`, in the pinned version.
eventbridge._put_events.__defaults__ = (True,)

judged = open(os.environ["CATOPS_JUDGED"], "a", buffering=1)
asked = threading.local()
evaluate, enforce = iam_evaluator.evaluate, iam_evaluator.enforce


def noting_evaluate(context, *policies):
    """Judges by policies: first by those of whoever calls, then perhaps by the resource's own. The first one counts here."""
    judgement = evaluate(context, *policies)
    if asked.context is None:
        asked.context, asked.statement = context, judgement.matched_sid
    return judgement


def noting_enforce(*call, **named):
    """Judges a call as MiniStack does, and writes it down when a role made it."""
    asked.context = None
    refused = enforce(*call, **named)
    context = asked.context
    if context is not None and context.principal_type == "AssumedRole":
        line = {
            "role": context.principal_arn.split("/")[1],
            "action": context.action,
            "resource": context.resource_arn,
            "allowed": refused is None,
            "statement": asked.statement,
        }
        judged.write(json.dumps(line) + "\n")
    return refused


iam_evaluator.evaluate, iam_evaluator.enforce = noting_evaluate, noting_enforce
main()
