"""Stand-ins for chat services that check what the real ones check and refuse what they refuse, on real sockets.

Each runs in a thread of its own, so that it serves tests on a loop and the real daemon alike. They share no code with the router.
"""

from __future__ import annotations

import contextlib
import json
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Answer = tuple[int, dict[str, str], bytes]


class Service:
    """Answers by ``handle``; ``answers`` are given first, one for each request, whatever it asks."""

    def __init__(self) -> None:
        self.url = ""
        self.requests: list[tuple[str, str, dict[str, str], bytes]] = []
        self.answers: list[Answer] = []
        self.refused: list[str] = []
        self._lock = threading.Lock()

    def take(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Answer:
        with self._lock:
            self.requests.append((method, path, headers, body))
            return self.answers.pop(0) if self.answers else self.handle(method, path, headers, body)

    def handle(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Answer:
        return 200, {}, b"ok"


def said(value: Any, status: int = 200, **headers: str) -> Answer:
    """An answer in JSON."""
    return status, {"Content-Type": "application/json"} | headers, json.dumps(value).encode()


@contextlib.contextmanager
def serving(service: Any) -> Iterator[Any]:
    """The service, reachable at its ``url`` while the block runs."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            status, fields, content = service.take(self.command, self.path, headers, body)
            self.send_response(status)
            for name, value in fields.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_POST = do_PUT = do_PATCH = do_GET = answer  # noqa: N815 -- the library's naming

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 -- likewise
            """Not to the terminal."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.handle_error = lambda *_: None  # type: ignore[method-assign]  # a client that is killed is no error of ours
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    service.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield service
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class SlackService(Service):
    """``chat.postMessage``, ``chat.update`` and one incoming webhook of one workspace with one channel."""

    TOKEN = "xoxb-1111111111-2222222222-abcdefghijklmnopqrstuvwx"
    CHANNEL = "C0123ABCD"
    NAME = "#ops"
    HOOK = "/services/T0001/B0001/abcdefghijklmnopqrstuvwx"

    def __init__(self) -> None:
        super().__init__()
        self.messages: dict[str, dict[str, Any]] = {}  # by ts, in the order posted
        self.updates = 0
        self.mentions: list[str] = []  # whom a message would have called
        self.bot_is_in_channel = True

    @property
    def roots(self) -> list[dict[str, Any]]:
        """Messages that are no replies."""
        return [message for message in self.messages.values() if "thread_ts" not in message]

    def replies(self, ts: str) -> list[dict[str, Any]]:
        """What was said in a thread."""
        return [message for message in self.messages.values() if message.get("thread_ts") == ts]

    def handle(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Answer:
        if path == self.HOOK:
            return self._hook(headers, body)
        if path.startswith("/services/"):
            return 404, {}, b"no_service"
        error = self._refuse(method, path, headers)
        if error:
            return said({"ok": False, "error": error})
        try:
            arguments = json.loads(body)
        except ValueError:
            return said({"ok": False, "error": "invalid_json"})
        call = {"/api/chat.postMessage": self._post, "/api/chat.update": self._update}.get(path)
        return said(call(arguments) if call else {"ok": False, "error": "unknown_method"})

    def _refuse(self, method: str, path: str, headers: dict[str, str]) -> str:
        if method != "POST":
            return "method_not_supported"
        if not headers.get("content-type", "").startswith("application/json"):
            return "invalid_post_type"
        if "authorization" not in headers:
            return "not_authed"
        return "" if headers["authorization"] == f"Bearer {self.TOKEN}" else "invalid_auth"

    def _hook(self, headers: dict[str, str], body: bytes) -> Answer:
        try:
            arguments = json.loads(body)
        except ValueError:
            return 400, {}, b"invalid_payload"
        error = self._check_content(arguments)
        if error:
            self.refused.append(error)
            return 400, {}, error.encode()
        self._keep(arguments)
        return 200, {}, b"ok"

    def _post(self, arguments: dict[str, Any]) -> dict[str, Any]:
        if arguments.get("channel") not in (self.CHANNEL, self.NAME):
            return {"ok": False, "error": "channel_not_found"}
        if not self.bot_is_in_channel:
            return {"ok": False, "error": "not_in_channel"}
        if "thread_ts" in arguments and arguments["thread_ts"] not in self.messages:
            return {"ok": False, "error": "thread_not_found"}
        error = self._check_content(arguments)
        if error:
            self.refused.append(error)
            return {"ok": False, "error": error}
        return {"ok": True, "channel": self.CHANNEL, "ts": self._keep(arguments), "message": {"text": arguments["text"]}}

    def _update(self, arguments: dict[str, Any]) -> dict[str, Any]:
        if arguments.get("channel") != self.CHANNEL:  # an update takes no name
            return {"ok": False, "error": "channel_not_found"}
        ts = arguments.get("ts")
        if ts not in self.messages:
            return {"ok": False, "error": "message_not_found"}
        error = self._check_content(arguments)
        if error:
            self.refused.append(error)
            return {"ok": False, "error": error}
        kept = {key: value for key, value in self.messages[ts].items() if key in ("ts", "thread_ts")}
        self.messages[ts] = arguments | kept
        self.updates += 1
        self._note_mentions(arguments, "client")
        return {"ok": True, "channel": self.CHANNEL, "ts": ts, "text": arguments["text"]}

    def _keep(self, arguments: dict[str, Any]) -> str:
        ts = f"1700000000.{len(self.messages) + 1:06}"
        self.messages[ts] = arguments | {"ts": ts}
        self._note_mentions(arguments, "none")
        return ts

    def _check_content(self, arguments: dict[str, Any]) -> str:
        if not arguments.get("text") and not arguments.get("attachments") and not arguments.get("blocks"):
            return "no_text"
        if len(arguments.get("text", "")) > 40_000:
            return "msg_too_long"
        attachments = arguments.get("attachments", [])
        if len(attachments) > 100:
            return "too_many_attachments"
        blocks = [block for attachment in attachments for block in attachment.get("blocks", [])] + arguments.get("blocks", [])
        if len(blocks) > 50:
            return "invalid_blocks"
        return "" if all(_is_block(block) for block in blocks) else "invalid_blocks"

    def _note_mentions(self, arguments: dict[str, Any], parse: str) -> None:
        texts = [arguments.get("text", "")]
        for attachment in arguments.get("attachments", []):
            texts.append(attachment.get("fallback", ""))
            for block in attachment.get("blocks", []):
                elements = [block.get("text")] if block["type"] == "section" else block["elements"]
                texts += [element["text"] for element in elements]
                if not all(element.get("verbatim") for element in elements):
                    self.mentions += re.findall(r"(?<!\w)@\w+", " ".join(element["text"] for element in elements))
        for text in texts:
            self.mentions += re.findall(r"<[!@#][^>]*>", text)
        if arguments.get("parse", parse) != "none" or arguments.get("link_names"):
            self.mentions += re.findall(r"(?<!\w)@\w+", arguments.get("text", ""))


def _is_block(block: dict[str, Any]) -> bool:
    match block.get("type"):
        case "section":
            return _is_text(block.get("text"), 3_000)
        case "context":
            elements = block.get("elements", [])
            return 0 < len(elements) <= 10 and all(_is_text(element, 2_000) for element in elements)
        case _:
            return False


def _is_text(text: Any, limit: int) -> bool:
    return (
        isinstance(text, dict)
        and text.get("type") == "mrkdwn"
        and set(text) <= {"type", "text", "verbatim"}
        and 0 < len(text["text"]) <= limit
    )


class DiscordService(Service):
    """One webhook."""

    PATH = "/api/webhooks/123456789012345678/abcdefghijklmnopqrstuvwxyz-ABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789"

    def __init__(self) -> None:
        super().__init__()
        self.messages: dict[str, dict[str, Any]] = {}
        self.mentions: list[str] = []
        self.is_deleted = False

    def handle(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Answer:
        address, _, query = path.partition("?")
        if self.is_deleted or not address.startswith(self.PATH.rpartition("/")[0]):
            return said({"message": "Unknown Webhook", "code": 10015}, 404)
        if not address.startswith(self.PATH):
            return said({"message": "Invalid Webhook Token", "code": 50027}, 401)
        content = json.loads(body)
        error = _discord_error(content)
        if error:
            self.refused.append(error)
            return said({"message": "Invalid Form Body", "code": 50035, "errors": {"embeds": error}}, 400)
        self._note_mentions(content)
        if method == "PATCH":
            number = address.removeprefix(f"{self.PATH}/messages/")
            if number not in self.messages:
                return said({"message": "Unknown Message", "code": 10008}, 404)
            self.messages[number] = content
            return said({"id": number})
        number = str(1_100_000_000_000_000_000 + len(self.messages))
        self.messages[number] = content
        return said({"id": number}) if query == "wait=true" else (204, {}, b"")

    def _note_mentions(self, content: dict[str, Any]) -> None:
        if content.get("allowed_mentions") != {"parse": []}:
            self.mentions.append("mentions are allowed")
        for embed in content["embeds"]:
            texts = [embed["title"], embed.get("description", ""), *(field["value"] for field in embed.get("fields", []))]
            for text in texts:
                self.mentions += re.findall(r"(?<!\\)<(?:@|#)[^>]*>", text)


def _discord_error(content: dict[str, Any]) -> str:
    embeds = content.get("embeds", [])
    if not 0 < len(embeds) <= 10:
        return "1 to 10 embeds"
    total = 0
    for embed in embeds:
        sizes = [(embed.get("title", ""), 256), (embed.get("description", ""), 4_096)]
        sizes.append((embed.get("footer", {}).get("text", ""), 2_048))
        fields = embed.get("fields", [])
        if len(fields) > 25:
            return "more than 25 fields"
        for field in fields:
            if not field["name"] or not field["value"]:
                return "an empty field"
            sizes += [(field["name"], 256), (field["value"], 1_024)]
        for text, limit in sizes:
            length = len(text.encode("utf-16-le")) // 2
            if length > limit:
                return f"{length} of {limit}"
            total += length
        if "timestamp" in embed and not re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", embed["timestamp"]):
            return "not a timestamp"
    return "" if total <= 6_000 else f"{total} of 6000"


class TeamsService(Service):
    """One workflow."""

    PATH = "/workflows/0123456789abcdef/triggers/manual/paths/invoke"
    QUERY = "api-version=2016-06-01&sp=%2Ftriggers%2Fmanual%2Frun&sv=1.0&sig=abcdefghijklmnopqrstuvwxyz0123456789"

    def __init__(self) -> None:
        super().__init__()
        self.cards: list[dict[str, Any]] = []
        self.is_off = False

    def handle(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Answer:
        address, _, query = path.partition("?")
        if address != self.PATH:
            return said({"error": {"code": "WorkflowNotFound", "message": "The workflow could not be found."}}, 404)
        if query != self.QUERY:
            message = "The request must be authenticated only by Shared Access scheme."
            return said({"error": {"code": "DirectApiAuthorizationRequired", "message": message}}, 401)
        if self.is_off:
            return said({"error": {"code": "WorkflowTriggerIsNotEnabled", "message": "The workflow is disabled."}}, 400)
        if len(body) > 28 * 1024:
            self.refused.append("too large")
            return 413, {}, b""
        content = json.loads(body)
        problem = _teams_error(content)
        if problem:
            self.refused.append(problem)
            return said({"error": {"code": "TriggerInputSchemaMismatch", "message": problem}}, 400)
        self.cards.append(content["attachments"][0]["content"])
        return 202, {}, b""


def _teams_error(content: dict[str, Any]) -> str:
    if content.get("type") != "message" or len(content.get("attachments", [])) != 1:
        return "a message has one attachment here"
    attachment = content["attachments"][0]
    if attachment.get("contentType") != "application/vnd.microsoft.card.adaptive":
        return "not an adaptive card"
    card = attachment["content"]
    if card.get("type") != "AdaptiveCard" or card.get("version") != "1.4" or not card.get("body"):
        return "not an adaptive card of version 1.4"
    for element in card["body"]:
        if element["type"] not in ("Container", "TextBlock", "FactSet"):
            return f"unknown element {element['type']}"
        if element["type"] == "TextBlock" and not element["text"]:
            return "an empty text"
    if any(action["type"] != "Action.OpenUrl" or not action["url"].startswith("http") for action in card.get("actions", [])):
        return "unknown action"
    return ""
