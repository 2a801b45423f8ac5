"""The composition root that Celery's own commands name: `celery -A tasks.app worker`, `celery -A tasks.app inspect`."""

from tasks.process import ProcessSettings
from tasks.worker import create_app

app = create_app(ProcessSettings())
