"""A night in the deployed stack, from a CloudWatch alarm to an empty board. Each step is judged by what somebody would see: in
Slack, in an answer, in what the command line prints.
"""

import argparse
import copy
import json
import os
import re
import subprocess
import tempfile
import time
from pathlib import Path

import policies
from bench import config, emulator
from bench.aws import BENCH, MiniStack
from bench.slack import Slack
from bench.stack import NAME, ROLES, ROOT, Stack, binaries
from bench.wait import check, until

SOURCES = ROOT / "tests/corpus/sources"
BY_BUS = SOURCES / "eventbridge-cloudwatch-state-change-for-a-single-metric-alarm.json"
BY_TOPIC = SOURCES / "alerta-cloudwatch-notification.json"
SECRETS = {
    "SLACK_BOT_TOKEN": "xoxb-of-the-night",
    "SLACK_SIGNING_SECRET": "signing-of-the-night",
    "CATOPS_GENERIC_TOKEN": 'token with a " and a \\ in it',
    "CATOPS_EVENTBRIDGE_TOKEN": "token-of-the-bus",
    "CATOPS_LINK_SECRET": "a key of the links of the night",
}
OPS, ANA, BEN = "C0OPS", "U0ANA", "U0BEN"
BEARER = {"authorization": f"Bearer {SECRETS['CATOPS_GENERIC_TOKEN']}"}


def step(text):
    """Says what comes."""
    print(f"== {text}", flush=True)


def alarm(name, state="ALARM"):
    """What CloudWatch says when an alarm changes."""
    event = copy.deepcopy(json.loads(BY_BUS.read_text()))
    event["detail"]["alarmName"] = name
    event["detail"]["state"]["value"] = state
    event["detail"]["state"]["timestamp"] = time.strftime("%Y-%m-%dT%H:%M:%S.000+0000", time.gmtime())
    event["resources"] = [f"arn:aws:cloudwatch:eu-west-1:000000000000:alarm:{name}"]
    return event


class Night:
    """The steps, in order."""

    def __init__(self, ministack, slack, stack):
        self.ministack, self.slack, self.stack = ministack, slack, stack

    def deploy(self):
        step("deploy.sh brings the stack into an empty account, and leaves it alone when nothing has changed")
        debug = "LogLevel=info,catops=debug"
        said = self.stack.deploy("--secrets", "--parameter", debug)
        for expected in ("making the bucket", "uploading", "catops is deployed", "slack manifest --url"):
            check(expected in said, f"deploy.sh did not say {expected!r}:\n{said}")
        check(SECRETS["SLACK_BOT_TOKEN"] not in said, "deploy.sh printed a secret")
        again = self.stack.deploy()
        check("the package is there already" in again, f"the same package was packed anew:\n{again}")

    def update(self):
        step("a changed configuration is another package, and its deployment says how to go back")
        self.pages = self.subscribe(self.stack.output("PageTopicArn"))
        before = self.stack.package()
        config.write(self.stack.config, page_topic=self.stack.output("PageTopicArn"))
        said = self.stack.deploy("--parameter", f"EventBusArn={self.make_bus()}")
        check("uploading" in said and f"--code {before}" in said, f"deploy.sh did not say how to go back:\n{said}")
        self.stack.find_config()

    def subscribe(self, topic):
        """A queue that gets what a topic says."""
        url, arn = self.make_queue("pages", "sns.amazonaws.com")
        self.ministack.client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
        return url

    def make_bus(self):
        """A bus whose events come to a queue."""
        events = self.ministack.client("events")
        bus = events.create_event_bus(Name="incidents")["EventBusArn"]
        self.told, arn = self.make_queue("told", "events.amazonaws.com")
        events.put_rule(Name="all", EventBusName="incidents", EventPattern=json.dumps({"source": [{"prefix": ""}]}))
        events.put_targets(Rule="all", EventBusName="incidents", Targets=[{"Id": "told", "Arn": arn}])
        return bus

    def make_queue(self, name, sender):
        """A queue that a service may send to: its URL and its ARN."""
        queues = self.ministack.client("sqs")
        url = queues.create_queue(QueueName=name)["QueueUrl"]
        arn = queues.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        allow = {"Effect": "Allow", "Principal": {"Service": sender}, "Action": "sqs:SendMessage", "Resource": arn}
        policy = json.dumps({"Version": "2012-10-17", "Statement": [allow]})
        queues.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
        return url, arn

    def came_to(self, queue):
        """What lies in a queue; it stays there."""
        answer = self.ministack.client("sqs").receive_message(
            QueueUrl=queue, VisibilityTimeout=0, MaxNumberOfMessages=10
        )
        return "".join(message["Body"] for message in answer.get("Messages", []))

    def health(self):
        step("the HTTP API reaches intake")
        status, body = self.stack.ask("GET", "/healthz")
        check(status == 200, f"/healthz was answered {status}: {body}")

    def emulator(self):
        step("each role starts under Amazon's emulator of the Runtime API, and answers")
        with tempfile.TemporaryDirectory() as folder:
            package = Path(folder, "package.zip")
            self.stack.pack(package)
            check(package.stat().st_size > 0, "deploy.sh packed nothing")
            table = {"CATOPS_TABLE": self.stack.output("TableName")}
            environment = self.ministack.environment | SECRETS | table
            health = {
                "rawPath": "/healthz",
                "requestContext": {"http": {"method": "GET"}, "stage": "$default"},
            }
            for role in ("intake", "slack"):
                answer = json.loads(emulator.ask(package, folder, role, environment, health))
                check(answer["statusCode"] == 200, f"{role} answered {answer}")
            check(emulator.ask(package, folder, "act", environment, {}) == "null", "act did not perform a sweep")

    def card(self):
        step("an alarm of CloudWatch: bus, queue, intake, table, stream, act, a card with its owner; no sweep helps")
        self.stack.sweep("DISABLED")
        self.make_alarm("ServerCpuTooHigh")
        self.stack.send_event(alarm("ServerCpuTooHigh"))
        self.card = until("card of INC-1", lambda: self.slack.message(OPS, "INC-1", "ServerCpuTooHigh"))
        until("page to Ana", lambda: self.slack.message(f"D{ANA}", "INC-1") or self.slack.message(OPS, "INC-1", ANA))
        until("page to Cem by the topic", lambda: "INC-1" in self.came_to(self.pages))
        until("event on the bus", lambda: "INC-1" in self.came_to(self.told))
        until("suggestion", lambda: self.slack.message(OPS, "INC-1", "Name the system"))

    def make_alarm(self, name):
        """An alarm that CloudWatch knows."""
        self.ministack.client("cloudwatch").put_metric_alarm(
            AlarmName=name,
            Namespace="AWS/EC2",
            MetricName="CPUUtilization",
            Dimensions=[{"Name": "InstanceId", "Value": "i-12345678901234567"}],
            Statistic="Average",
            Period=300,
            EvaluationPeriods=1,
            Threshold=50.0,
            ComparisonOperator="GreaterThanThreshold",
            Tags=[{"Key": "team", "Value": "shop"}],
        )

    def escalation(self):
        step("nobody answers: the sweep of the scheduler pages the next one")
        self.stack.sweep("ENABLED")
        until("page to Ben", lambda: self.slack.message(f"D{BEN}", "INC-1"), seconds=150, every=1)

    def click(self):
        step("a signed press on the card; one that is not signed is refused")
        body = self.slack.press(self.card, "Acknowledge", BEN)
        status, _ = self.stack.ask("POST", "/slack/interactivity", body, self.slack.signed(body) | {"x-slack-signature": "v0=00"})
        check(status == 401, f"a forged press was answered {status}")
        status, answer = self.stack.ask("POST", "/slack/interactivity", body, self.slack.signed(body))
        check(status == 200, f"the press was answered {status}: {answer}")
        until("card that Ben has", lambda: self.slack.message(OPS, "INC-1", "Acknowledged", "Ben"))
        typed = self.slack.typed("list", BEN)
        status, answer = self.stack.ask("POST", "/slack/commands", typed, self.slack.signed(typed))
        check(status == 200 and "INC-1" in answer, f"/catops list was answered {status}: {answer}")

    def action(self):
        step("a suggested action runs on one click, and what it printed is shown")
        card = self.slack.message(OPS, "INC-1", "Name the system")
        body = self.slack.press(card, "Show", BEN)
        status, answer = self.stack.ask("POST", "/slack/interactivity", body, self.slack.signed(body))
        check(status == 200, f"the press was answered {status}: {answer}")
        until("result of the action", lambda: self.slack.message(OPS, "Linux"))

    def webhook(self):
        step("another tool sends an alarm through the HTTP API; a wrong token is refused")
        body = json.dumps({"title": "checkout is slow", "severity": "error", "service": "checkout"})
        status, _ = self.stack.ask("POST", "/hooks/generic", body, {"authorization": "Bearer wrong"})
        check(status == 401, f"a wrong token was answered {status}")
        status, answer = self.stack.ask("POST", "/hooks/generic", body, BEARER)
        check(status == 202, f"the alarm was answered {status}: {answer}")
        until("card of INC-2", lambda: self.slack.message(OPS, "INC-2", "checkout is slow"))

    def link(self):
        step("who is paged by the topic acknowledges by the link in the page: opening it changes nothing, its button does")
        link = until("page to Cem with a link", lambda: re.search(r"://[^/]+(/ack/2/cem/[\w/-]+)", self.came_to(self.pages)))[1]
        status, page = self.stack.ask("GET", link)
        check(status == 200 and "Acknowledge as Cem Aydin" in page, f"the link was answered {status}: {page}")
        status, page = self.stack.ask("POST", link[:-4] + "AAAA")
        check(status == 404, f"a forged link was answered {status}: {page}")
        check(not self.slack.message(OPS, "INC-2", "Acknowledged"), "a link that was opened acknowledged")
        status, page = self.stack.ask("POST", link)
        check(status == 200 and "You have it" in page, f"the button was answered {status}: {page}")
        until("card that Cem has", lambda: self.slack.message(OPS, "INC-2", "Acknowledged", "Cem"))

    def resolved_by_hand(self):
        step("somebody resolves an incident by its button")
        card = self.slack.message(OPS, "INC-2", "checkout is slow")
        body = self.slack.press(card, "Resolve", BEN)
        status, answer = self.stack.ask("POST", "/slack/interactivity", body, self.slack.signed(body))
        check(status == 200, f"the press was answered {status}: {answer}")
        until("card that is resolved", lambda: self.slack.message(OPS, "INC-2", "Resolved"))

    def topic(self):
        step("an alarm through the topic")
        message = json.loads(json.loads(BY_TOPIC.read_text())["Message"])
        message["AlarmName"] = "QueueTooLong"
        self.ministack.client("sns").publish(TopicArn=self.stack.output("AlarmTopicArn"), Message=json.dumps(message))
        until("card of INC-3", lambda: self.slack.message(OPS, "INC-3", "QueueTooLong"))

    def clears(self):
        step("the alarm clears, and its card says so")
        self.stack.send_event(alarm("ServerCpuTooHigh", "OK"))
        until("card that is resolved", lambda: self.slack.message(OPS, "INC-1", "Resolved"))

    def poison(self):
        step("an event that cannot be read ends in the dead-letter queue, and catops dead-letters shows it")
        queues = self.ministack.client("sqs")
        # Five tries of three minutes are a quarter of an hour.
        queues.set_queue_attributes(QueueUrl=self.stack.output("AlarmsUrl"), Attributes={"VisibilityTimeout": "1"})
        event = alarm("Poison")
        del event["detail"]["state"]
        self.stack.send_event(event)
        letters = until("dead letter", lambda: "eventbridge/1" in (said := self.stack.catops("dead-letters")) and said)
        check("state" in letters, f"the dead letter does not say what is missing: {letters}")
        shown = self.stack.catops("dead-letters", "--show", "eventbridge/1")
        check("Poison" in shown, f"the dead letter's bytes are not shown: {shown}")

        def waiting():
            answer = queues.get_queue_attributes(
                QueueUrl=self.stack.output("DeadLettersUrl"), AttributeNames=["ApproximateNumberOfMessages"]
            )
            return answer["Attributes"]["ApproximateNumberOfMessages"] == "1"

        until("message in the dead-letter queue", waiting, seconds=120, every=1)
        check(self.stack.catops("dead-letters").count("eventbridge/") == 1, "the same letter was kept twice")

    def sweep(self):
        step("a sweep looks after the whole, also when nothing is due")
        functions = self.ministack.client("lambda")
        answer = functions.invoke(FunctionName=f"{NAME}-act", Payload=b"{}")
        said = answer["Payload"].read()
        check("FunctionError" not in answer, f"the sweep failed: {said}")

    def shell(self):
        step("the log reads the same from a shell, and every delivery is accounted for")
        timeline = self.stack.catops("timeline", "INC-1")
        for expected in ("fired: ServerCpuTooHigh", "paged ana", "paged ben", "ben acknowledged", "the alarm cleared"):
            check(expected in timeline, f"the timeline of INC-1 lacks {expected!r}:\n{timeline}")
        listed = self.stack.catops("incidents")
        check("INC-3" in listed and "INC-1" not in listed, f"catops incidents lists:\n{listed}")
        self.stack.catops("audit")
        self.stack.catops("verify")

    def removal(self):
        step("the stack goes, the log stays")
        table = self.stack.output("TableName")
        client = self.ministack.client("cloudformation")
        client.delete_stack(StackName=NAME)
        client.get_waiter("stack_delete_complete").wait(StackName=NAME, WaiterConfig={"Delay": 1})
        found = self.ministack.client("dynamodb").describe_table(TableName=table)["Table"]
        check(found["DeletionProtectionEnabled"], "the table that stays is not protected")


STEPS = (
    Night.deploy,
    Night.update,
    Night.health,
    Night.emulator,
    Night.card,
    Night.escalation,
    Night.click,
    Night.action,
    Night.webhook,
    Night.link,
    Night.resolved_by_hand,
    Night.topic,
    Night.clears,
    Night.poison,
    Night.sweep,
    Night.shell,
)


def lint():
    """The template as cfn-lint sees it."""
    step("cfn-lint")
    subprocess.run([BENCH / "py/bin/cfn-lint", ROOT / "infra/template.yaml"], check=True)


def keeps_contract(ministack):
    """The log's contract, as it is kept in an account (log/tests/dynamodb/account.rs)."""
    step("the log keeps its contract in MiniStack's DynamoDB")
    aws = {name: value for name, value in ministack.environment.items() if name.startswith("AWS_")}
    test = ["--features", "contract,dynamodb", "--test", "dynamodb", "--", "--ignored", "in_an_account"]
    command = ["cargo", "test", "--locked", "--quiet", "-p", "eventlog", *test]
    done = subprocess.run(command, cwd=ROOT, env=os.environ | aws | {"CATOPS_AWS_IT": "1"}, capture_output=True, text=True)
    check(done.returncode == 0 and "1 passed" in done.stdout, f"it does not:\n{done.stdout}{done.stderr}")


def main():
    """Runs the night."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--keep-logs", type=Path, help="a folder for the logs of the functions and of MiniStack")
    arguments = parser.parse_args()
    lint()
    with tempfile.TemporaryDirectory() as folder, Slack(SECRETS["SLACK_SIGNING_SECRET"]) as slack:
        with MiniStack({"SLACK_API_URL": f"{slack.url}/api"}) as ministack:
            stack = Stack(ministack, binaries(), config.write(folder), SECRETS)
            night = Night(ministack, slack, stack)
            keeps_contract(ministack)
            try:
                for next_step in STEPS:
                    next_step(night)
                step("each role may do what it did, and nothing else")
                policies.judge(ministack, stack)
                night.removal()
            finally:
                if arguments.keep_logs:
                    keep_logs(arguments.keep_logs, ministack, slack, stack)
    print("all passed")


def keep_logs(folder, ministack, slack, stack):
    """Writes down what there is to look at."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "ministack.log").write_bytes(ministack.log.read_bytes())
    (folder / "slack.json").write_text(json.dumps(slack.calls, indent=1))
    for role in ROLES:
        lines = [json.dumps(line) for line in stack.logs(role)]
        (folder / f"{role}.log").write_text("\n".join(lines))


if __name__ == "__main__":
    main()
