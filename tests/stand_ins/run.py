"""A run without a worker: it remembers what the tool said."""

import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Literal, cast

from jsonschema import Draft202012Validator

from storage.records import Principal
from storage.states import Level
from tasks.ask import Answer, Question
from tasks.aws.clients import AwsClients
from tasks.result import Content
from tasks.settings import ToolSettings
from tasks.tool import Cancelled, Tool


@dataclass
class FakeRun:
    """Satisfies `tasks.tool.Run`."""

    settings: ToolSettings = field(default_factory=ToolSettings)
    id: str = "0" * 32
    attempt: int = 1
    shows_ui: bool = False
    principal: Principal = field(default_factory=lambda: Principal(client_id="test", issuer="test", subject="test"))
    steps: list[tuple[float, float | None, str, Any]] = field(
        default_factory=list[tuple[float, float | None, str, Any]]
    )
    text: list[str] = field(default_factory=list[str])
    logged: list[tuple[Level, str]] = field(default_factory=list[tuple[Level, str]])
    attached: list[Content] = field(default_factory=list[Content])
    answers: dict[str, Answer] = field(default_factory=dict[str, Answer])
    announced: list[str] = field(default_factory=list[str])
    kept: Any = None
    documents: dict[str, Any] = field(default_factory=dict[str, Any])
    on_text: Callable[[str], None] = lambda _: None
    stop: threading.Event = field(default_factory=threading.Event)
    clients: AwsClients | None = None

    @property
    def cancelled(self) -> bool:
        return self.stop.is_set()

    def check(self) -> None:
        if self.stop.is_set():
            raise Cancelled

    def sleep(self, duration: timedelta) -> None:
        if self.stop.wait(duration.total_seconds()):
            raise Cancelled

    def progress(self, done: float, total: float | None = None, message: str = "", data: Any = None) -> None:
        self.check()
        self.steps.append((done, total, message, data))

    def emit(self, text: str) -> None:
        self.check()
        self.text.append(text)
        self.on_text(text)

    def log(self, level: Level, message: str, **data: Any) -> None:
        self.logged.append((level, message))

    def checkpoint(self, value: Any) -> None:
        self.kept = value

    def resume(self) -> Any:
        return self.kept

    def ask(self, question: Question, *, key: str | None = None) -> Any:
        return self.ask_all({key or "question": question})[key or "question"]

    def ask_all(self, questions: Mapping[str, Question]) -> dict[str, Answer]:
        return {key: self.answers[key] for key in questions}

    def changed(self, what: Literal["tools", "prompts", "resources"]) -> None:
        self.announced.append(what)

    def updated(self, uri: str) -> None:
        self.announced.append(uri)

    def hang_up(self) -> None:
        self.check()

    def keep(self, name: str, value: Mapping[str, Any]) -> str:
        self.documents[name] = json.loads(json.dumps(value))
        return f"result://{self.id}/{name}"

    def attach(self, content: Content) -> None:
        self.attached.append(content)

    def aws(self, service: str, *, region: str | None = None) -> Any:
        self.check()
        if self.clients is None:
            self.clients = AwsClients(self.settings, self.principal)
        return self.clients.client(service, region)

    def cancel(self) -> None:
        """What a worker does when the run is cancelled."""
        self.stop.set()
        if self.clients:
            self.clients.close()

    def call(self, tool: Tool, **arguments: object) -> dict[str, Any]:
        """Call *tool* as a worker does: arguments from JSON, and a result that must fit the output schema."""
        answer = tool.output.structured(tool.call(self, tool.arguments.parse(json.dumps(arguments).encode())))
        assert answer is not None
        assert tool.output.schema is not None
        cast("Any", Draft202012Validator)(tool.output.schema).validate(answer)
        return answer
