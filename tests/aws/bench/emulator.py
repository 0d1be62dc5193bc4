"""Amazon's own emulator of the Runtime API: whether the packed executable starts as a function does, and answers."""

import json
import os
import signal
import subprocess
import urllib.request
import zipfile
from pathlib import Path

from .aws import BENCH, free_port
from .wait import check, until


def ask(package, folder, role, environment, event):
    """Unpacks a package, starts it in a role, hands it one event, and gives its answer."""
    task = Path(folder, role)
    with zipfile.ZipFile(package) as files:
        files.extractall(task)
    bootstrap = task / "bootstrap"
    bootstrap.chmod(0o755)
    port, runtime_port = free_port(), free_port()
    command = [
        BENCH / "bin/aws-lambda-rie",
        "--runtime-interface-emulator-address",
        f"127.0.0.1:{port}",
        "--runtime-api-address",
        f"127.0.0.1:{runtime_port}",
        bootstrap,
    ]
    log = Path(folder, f"{role}.log")
    with log.open("wb") as output:
        emulator = subprocess.Popen(
            [str(part) for part in command],
            env=environment | {"_HANDLER": role, "CATOPS_CONFIG": str(task / "config")},
            cwd=task,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        return until(f"answer of {role} under the emulator", lambda: _invoke(emulator, port, event, log), seconds=60)
    finally:
        # It and what it started: a session of their own.
        os.killpg(emulator.pid, signal.SIGKILL)
        emulator.wait()


def _invoke(emulator, port, event, log):
    check(emulator.poll() is None, f"the emulator has ended:\n{log.read_text()}")
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/2015-03-31/functions/function/invocations", data=json.dumps(event).encode()
    )
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.read().decode()
    except OSError:
        return None
