"""What a role may do and what it did. Every function logs each call it makes to AWS (at `debug`); a role that made a call its
policy does not allow would have been refused by AWS, and an allowed action that nobody used is one too many.

Both ways there are exceptions, each with its reason.
"""

from bench.stack import NAME, ROLES
from bench.wait import check

# What Lambda itself does as the function, so that no function logs it.
BY_LAMBDA = {
    "logs:CreateLogStream": "Lambda writes what a function logs",
    "logs:PutLogEvents": "Lambda writes what a function logs",
    "sqs:ReceiveMessage": "Lambda reads the queue",
    "sqs:DeleteMessage": "Lambda takes out of the queue what intake has taken in",
    "sqs:GetQueueAttributes": "Lambda looks how long the queue is",
    "sqs:SendMessage": "Lambda puts what act did not take into the queue LostWakes",
    "dynamodb:DescribeStream": "Lambda follows the table",
    "dynamodb:GetRecords": "Lambda follows the table",
    "dynamodb:GetShardIterator": "Lambda follows the table",
    "dynamodb:ListStreams": "Lambda follows the table",
}


def judge(ministack, stack):
    pass
