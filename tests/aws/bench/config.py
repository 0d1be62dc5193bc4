"""The configuration of the night: two people who are paged in Slack, one after the other, and one by a topic; one runbook
with an action."""

from pathlib import Path

# CloudWatch is asked for pictures, and MiniStack's answers nothing that can be read: no card and no page may wait for it.

FILES = {
    "catops.toml": """
reopen_window = "10s"

[slack]
channel = "C0OPS"
post_interval = "0s"

[cloudwatch]
pictures = true

[paging]
link_secret = "env:CATOPS_LINK_SECRET"

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

[people.cem]
name = "Cem Aydin"
{how}

[escalation.default]
catch_all = ["ben"]

[[escalation.default.levels]]
page = ["ana", "cem"]
wait = "20s"

[[escalation.default.levels]]
page = ["ben"]
wait = "1h"
""",
    "actions/name-system.toml": """
title = "Name the system"
description = "Says which operating system runs. Changes nothing."
read_only = true
timeout = "10s"
allow = "any-responder"

[runner]
kind = "command"
argv = ["uname", "-s"]
env = ["PATH"]
""",
    "runbooks/server-cpu.md": """+++
title = "A server's processor is busy"
alarms = ["ServerCpuTooHigh"]
actions = ["name-system"]
+++

# A server's processor is busy

Look at what runs on it, and restart it when nothing useful does.
""",
}


def write(folder, page_topic=None):
    """Writes it, and gives the folder. The topic is known when the stack is there; until then Cem is in Slack, too."""
    how = f'sns = "{page_topic}"' if page_topic else 'slack = "U0CEM"'
    for name, text in FILES.items():
        path = Path(folder, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text.lstrip().replace("{how}", how))
    return Path(folder)
