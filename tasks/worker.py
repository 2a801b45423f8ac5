"""The worker: Celery's own programs, started with what we decided about them."""

import os
import socket
import warnings
from functools import partial
from typing import Any, cast

from celery import Celery
from celery.bootsteps import RUN
from celery.exceptions import SecurityWarning
from celery.signals import setup_logging, worker_init, worker_shutdown, worker_shutting_down

from storage import metrics, tracing
from storage.settings import read
from tasks.broker import RUN_TOOL, create_celery
from tasks.catalog import load
from tasks.job import execute
from tasks.logs import configure
from tasks.process import ProcessSettings
from tasks.runtime import WorkerRuntime
from tasks.settings import WorkerSettings


def create_app(settings: ProcessSettings) -> Celery:
    """A Celery application with the one job there is, and a runtime from the worker's start to its end."""
    celery = create_celery(settings.storage)
    runtime: list[WorkerRuntime] = []

    def start(sender: Any, **_: Any) -> None:  # noqa: ANN401  # Celery's signals pass what they like
        runtime.append(WorkerRuntime(settings, celery, is_consuming=partial(is_consuming, sender)))
        runtime[0].start()

    def drain(**_: Any) -> None:  # noqa: ANN401
        if runtime:
            runtime[0].drain()

    def stop(**_: Any) -> None:  # noqa: ANN401
        if runtime:
            runtime.pop().stop()
        tracing.stop()

    def set_up_logs(**_: Any) -> None:  # noqa: ANN401
        configure(settings.log)

    signals: Any = (
        (setup_logging, set_up_logs),
        (worker_init, start),
        (worker_shutting_down, drain),
        (worker_shutdown, stop),
    )
    for signal, handler in signals:
        signal.connect(handler, weak=False)

    def run_tool(task_id: str) -> str:
        return execute(runtime[0], task_id)

    cast("Any", celery).task(name=RUN_TOOL)(run_tool)
    return celery


def is_consuming(worker: Any) -> bool:  # noqa: ANN401  # Celery has no types
    """Whether a `WorkController` takes jobs, or will when it has started."""
    blueprint = getattr(worker, "blueprint", None)
    return blueprint is None or blueprint.state in (None, RUN)


def run(*, concurrency: int | None, queues: str | None) -> None:
    """Run a worker in this process until it is told to stop. Raises SettingsError before it starts."""
    given = {"worker_concurrency": concurrency, "worker_queues": queues}
    settings = ProcessSettings(worker=read(WorkerSettings, **{key: value for key, value in given.items() if value}))
    configure(settings.log)
    # What is wrong is said here: what a signal handler raises, Celery logs and goes on.
    settings.storage.key_ring()
    load(settings.worker.tool_modules)
    metrics.serve(settings.metrics)
    tracing.start("worker", settings.traces)
    # Celery warns of root because of pickle, and we accept JSON alone.
    warnings.simplefilter("ignore", SecurityWarning)
    app: Any = cast("Any", create_app(settings))
    app.worker_main(
        [
            "--quiet",
            "worker",
            # Threads suit tools that wait for AWS, and one process holds one event loop for all leases.
            "--pool=threads",
            f"--concurrency={settings.worker.worker_concurrency}",
            f"--queues={','.join(settings.worker.worker_queues)}",
            f"--hostname=worker-{os.getpid()}@{socket.gethostname()}",
            f"--loglevel={settings.log.level}",
            "--task-events",
            "--without-gossip",
            "--without-mingle",
        ]
    )
