"""The configuration of the night: two people, one after the other, a minute each; one source; one action."""

from pathlib import Path

FILES = {
    "catops.toml": """
[slack]
channel = "C0OPS"
post_interval = "0s"

[[source]]
kind = "generic"
auth = "bearer"
secrets = ["env:CATOPS_GENERIC_TOKEN"]

[[source]]
kind = "eventbridge"
auth = "bearer"
secrets = ["env:CATOPS_EVENTBRIDGE_TOKEN"]
""",
    "rota/team.toml": """
[people.ana]
name = "Ana Ruiz"
slack = "U0ANA"

[people.ben]
name = "Ben Okafor"
slack = "U0BEN"

[escalation.default]
catch_all = ["ben"]

[[escalation.default.levels]]
page = ["ana"]
wait = "20s"

[[escalation.default.levels]]
page = ["ben"]
wait = "1h"
""",
    "runbooks/server-cpu.md": """+++
title = "A server's processor is busy"
alarms = ["ServerCpuTooHigh"]
+++

# A server's processor is busy

Look at what runs on it, and restart it when nothing useful does.
""",
}


def write(folder):
    """Writes it, and gives the folder."""
    for name, text in FILES.items():
        path = Path(folder, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text.lstrip())
    return Path(folder)
