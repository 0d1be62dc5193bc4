"""The stack in MiniStack: deployed by infra/deploy.sh as anybody would, asked through its HTTP API, read with the binary."""

import json
import os
import subprocess
import urllib.error
import urllib.request
from pathlib import Path

from .wait import check

ROOT = Path(__file__).resolve().parents[3]
NAME = "catops"
ROLES = ("intake", "slack", "act")


class Stack:
    """One that is deployed. Nothing here knows how the template is written."""

    def __init__(self, ministack, binaries, config, secrets):
        self.ministack = ministack
        self.shell = binaries / "catops"
        self.function = binaries / "catops-lambda"
        self.config = config
        self.secrets = secrets

    def deploy(self, *options):
        """Runs deploy.sh; gives what it said."""
        packed = ["--config", self.config, "--binary", self.function, "--catops", self.shell, "--stack", NAME]
        command = [ROOT / "infra/deploy.sh", *packed, *options]
        return self._run(command, self.ministack.environment | self.secrets)

    def pack(self, package):
        """Packs, and deploys nothing."""
        self.deploy("--package-only", package)

    def catops(self, *arguments, fails=False):
        """Runs the binary as somebody with a shell would; gives what it printed."""
        data = f"dynamodb:{self.output('TableName')}"
        return self._run([self.shell, *arguments, "--data", data], self.ministack.environment, fails)

    @staticmethod
    def _run(command, environment, fails=False):
        ran = subprocess.run(
            [str(part) for part in command],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=ROOT,
        )
        check(bool(ran.returncode) == fails, f"{command[0]} ended with {ran.returncode}:\n{ran.stdout}")
        return ran.stdout

    def find_config(self):
        """MiniStack unpacks a package elsewhere than Lambda, and starts the function in that folder: named from there, the
        configuration is found. Nothing else of a function is changed."""
        functions = self.ministack.client("lambda")
        for role in ROLES:
            name = f"{NAME}-{role}"
            variables = functions.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
            check(variables["CATOPS_CONFIG"] == "/var/task/config", f"{name} looks for {variables['CATOPS_CONFIG']}")
            functions.update_function_configuration(
                FunctionName=name, Environment={"Variables": variables | {"CATOPS_CONFIG": "config"}}
            )

    def output(self, key):
        """An output of the stack."""
        return next(output["OutputValue"] for output in self._described()["Outputs"] if output["OutputKey"] == key)

    def package(self):
        """The package that is deployed."""
        parameters = self._described()["Parameters"]
        return next(parameter["ParameterValue"] for parameter in parameters if parameter["ParameterKey"] == "CodeKey")

    def _described(self):
        [stack] = self.ministack.client("cloudformation").describe_stacks(StackName=NAME)["Stacks"]
        return stack

    def ask(self, method, path, body=None, headers=None):
        """Asks the HTTP API; gives the status and the body. MiniStack has it under a path of its own."""
        api = self.output("PublicUrl").split("://")[1].split(".")[0]
        request = urllib.request.Request(
            f"{self.ministack.url}/restapis/{api}/$default/_user_request_{path}",
            method=method,
            data=None if body is None else body.encode(),
            headers=headers or {},
        )
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as refused:
            return refused.code, refused.read().decode()

    def send_event(self, event):
        """Puts an event on the default bus, as AWS does."""
        entry = {
            "Source": event["source"],
            "DetailType": event["detail-type"],
            "Detail": json.dumps(event["detail"]),
            "Resources": event["resources"],
        }
        answer = self.ministack.client("events").put_events(Entries=[entry])
        check(answer["FailedEntryCount"] == 0, f"the bus did not take the event: {answer}")

    def sweep(self, state):
        """Switches the schedule on or off."""
        scheduler = self.ministack.client("scheduler")
        [found] = scheduler.list_schedules(GroupName=NAME)["Schedules"]
        schedule = scheduler.get_schedule(GroupName=NAME, Name=found["Name"])
        kept = ("Name", "GroupName", "ScheduleExpression", "FlexibleTimeWindow", "Target")
        scheduler.update_schedule(**{key: schedule[key] for key in kept}, State=state)

    def logs(self, role):
        """What a function logged, as the JSON lines that they are; other lines are the platform's. None before it exists."""
        lines = []
        client = self.ministack.client("logs")
        pages = client.get_paginator("filter_log_events").paginate(logGroupName=f"/aws/lambda/{NAME}-{role}")
        try:
            for page in pages:
                for event in page["events"]:
                    lines.extend(line for line in event["message"].splitlines() if line.startswith("{"))
        except client.exceptions.ResourceNotFoundException:
            return []
        return [json.loads(line) for line in lines]


def binaries():
    """The folder of the executables that are tried."""
    return Path(os.environ["CATOPS_BINARIES"]).resolve()
