"""Starts MiniStack, changed in two ways.

Anybody may say what only AWS can: events whose source begins with `aws.`. MiniStack's CloudWatch says nothing on the bus when
an alarm changes, so the test says it in its place.

Each judgement on a call of a role is written down, as JSON lines in the file `CATOPS_JUDGED`: the role, the action, the
resource, and the statement that allowed it.
"""

import json
import os

from ministack.app import main
from ministack.core import iam_evaluator
from ministack.services import eventbridge

# `_put_events(data, allow_aws_source=False)`, in the pinned version.
eventbridge._put_events.__defaults__ = (True,)

judge = iam_evaluator.evaluate
judged = open(os.environ["CATOPS_JUDGED"], "a", buffering=1)


def evaluate(context, *policies):
    """Judges as MiniStack does, and writes it down."""
    judgement = judge(context, *policies)
    if context.principal_type == "AssumedRole":
        line = {
            "role": context.principal_arn.split("/")[1],
            "action": context.action,
            "resource": context.resource_arn,
            "decision": judgement.decision,
            "statement": judgement.matched_sid,
        }
        judged.write(json.dumps(line) + "\n")
    return judgement


iam_evaluator.evaluate = evaluate
main()
