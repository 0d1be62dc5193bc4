"""What each role may do, and what it did in the night. MiniStack judged every call by the policies of the deployed stack and
wrote down which statement allowed it; the functions wrote down, at `debug`, what they called. From both follows:

- nothing was refused, and nothing was called that the judge did not see;
- every action that a statement allows was needed, or stands below with its reason.
"""

from collections import defaultdict

from bench.stack import NAME, ROLES
from bench.wait import Failed, check

# Allowed, and called by nobody here. Each has its reason.
NOT_CALLED = {
    "logs:CreateLogStream": "Lambda itself writes down what a function logs; MiniStack's asks nobody",
    "logs:PutLogEvents": "Lambda itself writes down what a function logs; MiniStack's asks nobody",
    "sqs:ReceiveMessage": "Lambda itself reads the queue; MiniStack's asks nobody",
    "sqs:DeleteMessage": "Lambda itself takes out of the queue what intake took in; MiniStack's asks nobody",
    "sqs:GetQueueAttributes": "Lambda itself looks how long the queue is; MiniStack's asks nobody",
    "sqs:SendMessage": "Lambda itself puts what act did not take into LostWakes",
    "dynamodb:DescribeStream": "Lambda itself follows the table; MiniStack's asks nobody",
    "dynamodb:GetRecords": "Lambda itself follows the table; MiniStack's asks nobody",
    "dynamodb:GetShardIterator": "Lambda itself follows the table; MiniStack's asks nobody",
    "dynamodb:ListStreams": "Lambda itself follows the table; MiniStack's asks nobody",
}

# Called or not, as it happens: how much is asked for at once depends on who is faster.
SOMETIMES = {
    "dynamodb:BatchGetItem": "things that a decision asks for together; a single one is read by GetItem",
}

# Called by nobody, of one role alone. One that is called after all fails the test, so none outlives its reason.
NOT_CALLED_BY = {
    "intake": {
        "dynamodb:Query": "the events of an incident or of the rota, when an older version wrote its state or files were edited",
    },
    "slack": {
        "dynamodb:ConditionCheckItem": "what a press depends on and does not change; none of this night is such a one",
    },
    "act": {
        "cloudwatch:GetMetricWidgetImage": "drawn from what DescribeAlarms answers, which MiniStack cannot; see tests/it/context.rs",
    },
}

# How the SDK names a service, and how policies name it.
SERVICES = {
    "CloudWatch": "cloudwatch",
    "DynamoDB": "dynamodb",
    "EventBridge": "events",
    "Secrets Manager": "secretsmanager",
    "SNS": "sns",
}

# Services whose protocol MiniStack does not speak (CBOR): it neither answers nor judges. What the functions logged of these
# is held against the policies here.
NOT_JUDGED = {"cloudwatch"}

# A transaction is no action: each of its items is one.
IN_TRANSACTIONS = {"dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem", "dynamodb:ConditionCheckItem"}


def judge(ministack, stack):
    """Fails with all that is too much or too little; prints what was used."""
    iam = ministack.client("iam")
    wrong = []
    for role in ROLES:
        name = role_of(ministack, role)
        mine = [line for line in ministack.judged() if line["role"] == name]
        wrong += [f"{role} was refused {line['action']} on {line['resource']}" for line in mine if not line["allowed"]]
        used = {(line["statement"], line["action"]) for line in mine}
        allowed = allowances(iam, name)
        called = calls(role, stack.logs(role))
        used |= {(sid, action) for sid, action in allowed if action in called and action.split(":")[0] in NOT_JUDGED}
        wrong += unseen(role, {action for _, action in used}, called)
        wrong += unused(role, used, allowed)
        report(role, mine)
    if wrong:
        raise Failed("\n".join(wrong))


def role_of(ministack, role):
    """The name of a function's role."""
    found = ministack.client("lambda").get_function_configuration(FunctionName=f"{NAME}-{role}")
    return found["Role"].rsplit("/", 1)[1]


def allowances(iam, name):
    """What a role may do: the statement and the action."""
    attached = iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]
    check(not attached, f"{name} has policies that are not its own: {attached}")
    names = iam.list_role_policies(RoleName=name)["PolicyNames"]
    documents = [iam.get_role_policy(RoleName=name, PolicyName=policy)["PolicyDocument"] for policy in names]
    return [
        (statement["Sid"], action)
        for document in documents
        for statement in document["Statement"]
        for action in ([statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"])
    ]


def calls(role, logs):
    """What a function logged that it called, as actions."""
    logged = [line["fields"] for line in logs if line.get("fields", {}).get("message") == "AWS is called"]
    check(logged, f"{role} logged no call")
    return {f"{SERVICES[call['service']]}:{call['operation']}" for call in logged}


def unseen(role, seen, called):
    """Calls that the function logged and that nobody judged: then one of the two records cannot be trusted."""
    lost = called - seen - {"dynamodb:TransactWriteItems"}
    if "dynamodb:TransactWriteItems" in called and not seen & IN_TRANSACTIONS:
        lost.add("dynamodb:TransactWriteItems")
    return [f"{role} called {action}, which nobody judged or allowed" for action in sorted(lost)]


def unused(role, used, allowed):
    """Actions that a statement allows and that it was not needed for, and exceptions that are none any more."""
    reasons = NOT_CALLED | SOMETIMES | NOT_CALLED_BY.get(role, {})
    needless = [(sid, action) for sid, action in allowed if (sid, action) not in used and action not in reasons]
    wrong = [f"{role} may {action} ({sid}) and never did" for sid, action in needless]
    stale = [action for action in NOT_CALLED_BY.get(role, {}) if any(action == done for _, done in used)]
    return wrong + [f"{role} did {action}: take its exception away" for action in stale]


def report(role, judged):
    """What a role did, in one line for each action."""
    counts = defaultdict(int)
    for line in judged:
        counts[line["action"]] += 1
    print(f"   {role}: " + ", ".join(f"{action} {count}" for action, count in sorted(counts.items())), flush=True)
