"""AWS on this machine: MiniStack, on a free loopback port, in a folder that goes with it.

It judges every call by the policies of whoever makes it (`AUTH`). It runs functions as processes of this machine, which get
its own environment too: so they find the Slack of the test, and find MiniStack instead of AWS.
"""

import json
import os
import socket
import subprocess
import sys
import tempfile
import urllib.request
from pathlib import Path

import boto3

from .wait import check, until

# Where tests/aws/install puts things; this Python is one of them.
BENCH = Path(sys.prefix).parent
REGION = "eu-west-1"


def free_port():
    """A port that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


class MiniStack:
    """Runs for as long as the `with` block."""

    def __init__(self, environment):
        self.url = f"http://127.0.0.1:{free_port()}"
        self.folder = tempfile.TemporaryDirectory(prefix="catops-aws-")
        self.log = Path(self.folder.name, "ministack.log")
        self.judgements = Path(self.folder.name, "judgements")
        self.environment = {
            "PATH": f"{BENCH}/cli/bin:{os.environ['PATH']}",
            "HOME": self.folder.name,
            "TMPDIR": self.folder.name,
            "AWS_ENDPOINT_URL": self.url,
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
        }
        self.functions_environment = environment

    def __enter__(self):
        own = {
            "GATEWAY_PORT": self.url.rsplit(":", 1)[1],
            "BIND_HOST": "127.0.0.1",
            "LAMBDA_EXECUTOR": "local",
            "AUTH": "true",
            # It would listen on all interfaces.
            "IOT_MTLS_ENABLED": "0",
            "CATOPS_JUDGED": str(self.judgements),
        }
        # A program of its own, which does not find the modules of this folder in place of others.
        program = Path(__file__).with_name("start_ministack.py")
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-I", program],
                env=self.environment | self.functions_environment | own,
                cwd=self.folder.name,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            until("MiniStack", self._answers, seconds=60)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.folder.cleanup()

    def _answers(self):
        check(self.process.poll() is None, f"MiniStack has ended:\n{self.log.read_text()}")
        try:
            return urllib.request.urlopen(f"{self.url}/_ministack/health", timeout=5).status == 200
        except OSError:
            return False

    def judged(self):
        """How the calls of roles were judged; see `start_ministack.py`."""
        return [json.loads(line) for line in self.judgements.read_text().splitlines()]

    def client(self, service):
        """A client of boto3, as the owner of the account."""
        return boto3.client(
            service,
            endpoint_url=self.url,
            region_name=REGION,
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )
