"""The investigation: sections collected side by side, judged as soon as they are there, every finding told at once."""

from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import Any, Final

from botocore.exceptions import ClientError

from tasks.tool import ToolError
from tasks.tools.ecs.answer import BLIND
from tasks.tools.ecs.collectors.lines import Memory
from tasks.tools.ecs.collectors.logs import logs
from tasks.tools.ecs.facts import Logs
from tasks.tools.ecs.rules.finding import Finding
from tasks.tools.ecs.rules.table import RULES
from tasks.tools.ecs.scene import Scene
from tasks.tools.ecs.sections import Kept, Sections
from tasks.tools.ecs.steps import LOGS, LOGS_AFTER, STEPS, Step

AT_ONCE: Final = 6
"""Sections that are collected side by side."""
_FEEDBACK: Final = 0.5
"""Seconds between two looks at whether the run is to stop."""
_FIRST: Final = ("cluster", "service", "tasks")
"""Sections without any of which there is nothing to say."""


class Collection:
    """Collects all sections of *scene*; ToolError when there is no such cluster, service or task."""

    def __init__(self, scene: Scene, sections: Sections, kept: Kept) -> None:
        self._scene = scene
        self._sections = sections
        self._kept = kept
        self._settled: set[str] = set()
        self._judged: set[str] = set()
        self._running: dict[Future[Any], str] = {}
        self._waiting: dict[str, tuple[tuple[str, ...], Callable[[], Any]]] = {}

    def run(self) -> None:
        self._plan()
        pool = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="section")
        try:
            while self._waiting or self._running:
                self._start(pool)
                self._settle()
        finally:
            # A run that is to stop has closed its connections: nobody waits for long.
            pool.shutdown(wait=True, cancel_futures=True)

    def _plan(self) -> None:
        quick = self._scene.request.depth == "quick"
        # Of a task alone only the task knows its service.
        first = () if self._scene.request.service else ("tasks",)
        for step in STEPS:
            if quick and not step.quick:
                self._sections.skip(step.name, "not part of a quick look (depth)")
                self._settled.add(step.name)
            else:
                after = step.after if step.name in ("cluster", "tasks") else (*step.after, *first)
                self._waiting[step.name] = after, lambda step=step: self._collect(step)
        self._waiting[LOGS] = LOGS_AFTER, self._collect_logs

    def _start(self, pool: ThreadPoolExecutor) -> None:
        for name, (after, work) in list(self._waiting.items()):
            if self._settled.issuperset(after) and len(self._running) < AT_ONCE:
                del self._waiting[name]
                self._running[pool.submit(work)] = name

    def _settle(self) -> None:
        """Wait for the next sections to settle, and judge what there is to be judged now."""
        done, _ = wait(self._running, timeout=_FEEDBACK, return_when=FIRST_COMPLETED)
        self._scene.run.check()
        for future in done:
            name = self._running.pop(future)
            value = future.result()
            if value is not None:
                setattr(self._scene.facts, name, value)
            self._settled.add(name)
            self._must_exist(name)
        self._must_be_seen()
        if done:
            self._judge()

    def _must_exist(self, name: str) -> None:
        """An investigation of what does not exist is a mistake of the caller's."""
        section, request = self._sections.all[name], self._scene.request
        asked = name == "cluster" or (name == "service" if request.service else name == "tasks")
        if asked and section["status"] == "empty":
            raise ToolError(section["message"])

    def _must_be_seen(self) -> None:
        """When nothing can be read at all, the reason is the whole answer: of the first when it is none of ECS's."""
        error = self._sections.errors.get("cluster")
        if error is not None and not _is_of_ecs(error):
            raise ToolError(self._sections.all["cluster"]["message"])
        if self._settled.issuperset(_FIRST) and all(self._sections.status(name) in BLIND for name in _FIRST):
            raise ToolError(self._sections.all[_FIRST[0]]["message"])

    def _judge(self) -> None:
        for rule in RULES:
            if rule.name in self._judged or not self._settled.issuperset(rule.needs):
                continue
            self._judged.add(rule.name)
            for finding in rule.judge(self._scene.facts):
                self._tell(finding)

    def _tell(self, finding: Finding) -> None:
        if finding.severity == "info":
            return
        data = {
            "finding": {
                "rule": finding.rule,
                "severity": finding.severity,
                "message": finding.message,
                "evidence": list(finding.evidence),
            }
        }
        self._sections.say(f"{finding.severity}: {finding.message}", data)

    def _collect(self, step: Step) -> Any:  # noqa: ANN401  # what the step makes
        scene = self._scene
        return self._sections.collect(step.name, step.words(scene), step.kind, lambda: step.collect(scene))

    def _collect_logs(self) -> Logs | None:
        memory = Memory(self._kept.queries, self._kept.save)
        words = "reading the application's log"
        return self._sections.collect(LOGS, words, Logs, lambda: logs(self._scene, memory))


def _is_of_ecs(error: Exception) -> bool:
    """Whether ECS itself refused: otherwise there are no credentials, no role, no region, or no way to AWS."""
    return isinstance(error, ClientError) and error.operation_name == "DescribeClusters"
