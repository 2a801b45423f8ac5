"""How bad a line says it is."""

import pytest

from tasks.mining.severity import guess


@pytest.mark.parametrize(
    ("text", "severity"),
    [
        ("FATAL: the database system is starting up", "critical"),
        ("panic: runtime error", "critical"),
        ("java.lang.OutOfMemoryError: Java heap space, out of memory", "critical"),
        ("2026-11-28 ERROR boom", "error"),
        ("Traceback (most recent call last): ValueError: x", "error"),
        ("connection refused", "error"),
        ("GET / status=5xx", "error"),
        ("level=warn msg=slow", "warning"),
        ('{"level":40,"msg":"x"}', "warning"),
        ('{"level":"error","msg":"x"}', "error"),
        ("WARNING: retrying", "warning"),
        ("INFO error count is 0, nothing failed", "info"),
        ('level=info msg="no error"', "info"),
        ("listening on 8080", "info"),
    ],
)
def test_the_level_is_believed_before_the_words(text: str, severity: str):
    """Ours: a guess, for ranking."""
    assert guess(text) == severity
