"""Celery and nothing else: a job that answers at once, its result kept in Redis."""

import os

from celery import Celery

url = os.environ["BENCH_REDIS"]
app = Celery("raw", broker=url, backend=url)
app.conf.update(worker_prefetch_multiplier=1, task_acks_late=True, result_expires=600, worker_hijack_root_logger=False)


@app.task
def echo(message: str) -> str:
    return message
