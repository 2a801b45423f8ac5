"""The settings of a worker process."""

from dataclasses import dataclass, field

from storage.settings import MetricsSettings, StorageSettings, TraceSettings, read
from tasks.settings import LogSettings, ToolSettings, WorkerSettings


@dataclass(frozen=True, kw_only=True)
class ProcessSettings:
    """Every group a worker reads. Groups not given are read from the environment."""

    storage: StorageSettings = field(default_factory=lambda: read(StorageSettings))
    tools: ToolSettings = field(default_factory=lambda: read(ToolSettings))
    worker: WorkerSettings = field(default_factory=lambda: read(WorkerSettings))
    log: LogSettings = field(default_factory=lambda: read(LogSettings))
    metrics: MetricsSettings = field(default_factory=lambda: read(MetricsSettings))
    traces: TraceSettings = field(default_factory=lambda: read(TraceSettings))
