"""A Slack that takes what it is sent and shows it, and that presses buttons and types, signed as Slack signs.

It answers the methods that CatOps calls and judges nothing: what Slack refuses is tested with the cards themselves.
"""

import hashlib
import hmac
import itertools
import json
import threading
import time
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

TEAM, APP = "T0TEAM", "A0CATOPS"


class Slack:
    """Serves for as long as the `with` block."""

    def __init__(self, signing_secret):
        self.signing_secret = signing_secret
        self.messages = {}
        self.calls = []
        self.numbers = itertools.count(1)
        self.lock = threading.Lock()
        slack = self

        class Door(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                answer = slack.answer(self.path.rsplit("/", 1)[1], slack.read(self.headers, body))
                text = json.dumps(answer).encode()
                self.send_response(200)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Door)
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()

    @staticmethod
    def read(headers, body):
        """A call's arguments, whichever way they came."""
        if headers.get("content-type", "").startswith("application/json"):
            return json.loads(body)
        return dict(urllib.parse.parse_qsl(body.decode()))

    def answer(self, method, call):
        """What Slack would say."""
        with self.lock:
            self.calls.append((method, call))
            known = getattr(self, "on_" + method.replace(".", "_"), None)
            return {"ok": True} | (known(call) if known else {})

    def on_auth_test(self, _):
        return {"team_id": TEAM, "user_id": "U0BOT", "bot_id": "B0BOT", "app_id": APP}

    def on_chat_postMessage(self, call):
        ts = f"{int(time.time())}.{next(self.numbers):06}"
        self.messages[(call["channel"], ts)] = call | {"ts": ts}
        return {"channel": call["channel"], "ts": ts, "message": call}

    def on_chat_update(self, call):
        self.messages.setdefault((call["channel"], call["ts"]), {}).update(call)
        return {"channel": call["channel"], "ts": call["ts"]}

    def on_conversations_open(self, call):
        return {"channel": {"id": "D" + call["users"]}}

    def on_conversations_history(self, call):
        return {"messages": self.in_channel(call["channel"]), "has_more": False}

    on_conversations_replies = on_conversations_history

    def on_users_info(self, call):
        return {"user": {"id": call["user"], "name": call["user"].lower(), "deleted": False}}

    def in_channel(self, channel):
        """Its messages, the newest first."""
        found = [message for (place, _), message in self.messages.items() if place == channel]
        return sorted(found, key=lambda message: message["ts"], reverse=True)

    def message(self, channel, *texts):
        """The newest message of a channel that says all of it."""
        with self.lock:
            for message in self.in_channel(channel):
                said = shown(message)
                if all(text in said for text in texts):
                    return message
        return None

    def signed(self, body, at=None):
        """The headers of a request of Slack's."""
        at = str(int(at or time.time()))
        mac = hmac.new(self.signing_secret.encode(), f"v0:{at}:{body}".encode(), hashlib.sha256).hexdigest()
        return {
            "content-type": "application/x-www-form-urlencoded",
            "x-slack-request-timestamp": at,
            "x-slack-signature": f"v0={mac}",
        }

    def press(self, message, label, person):
        """The body of a request: somebody presses a button."""
        block, button = next(
            (block, element)
            for block in message["blocks"]
            for element in [*block.get("elements", []), block.get("accessory", {})]
            if element.get("type") == "button" and label in (element["text"]["text"], element.get("accessibility_label"))
        )
        action = {"type": "button", "block_id": block["block_id"], "action_id": button["action_id"]}
        payload = {
            "type": "block_actions",
            "user": {"id": person, "team_id": TEAM},
            "team": {"id": TEAM},
            "api_app_id": APP,
            "channel": {"id": message["channel"]},
            "container": {"type": "message", "channel_id": message["channel"], "message_ts": message["ts"]},
            "message": {"ts": message["ts"]},
            "trigger_id": f"trigger.{time.monotonic_ns()}",
            "response_url": f"{self.url}/response",
            "actions": [action | {"value": button.get("value", ""), "action_ts": str(time.time())}],
        }
        return urllib.parse.urlencode({"payload": json.dumps(payload)})

    def typed(self, text, person):
        """The body of a request: somebody types a slash command."""
        return urllib.parse.urlencode({
            "command": "/catops",
            "text": text,
            "user_id": person,
            "team_id": TEAM,
            "api_app_id": APP,
            "channel_id": "C0OPS",
            "trigger_id": f"trigger.{time.monotonic_ns()}",
            "response_url": f"{self.url}/response",
        })


def shown(message):
    """All that a message shows."""
    return json.dumps([message.get("text"), message.get("blocks"), message.get("attachments")], ensure_ascii=False)
