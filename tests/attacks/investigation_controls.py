"""Controls between what others wrote (logs, stop reasons, a model's answer) and who reads it."""

from collections.abc import Mapping
from typing import Final

from tests.attacks.control import Control, off

_HERE: Final = "attacks/test_investigation.py"
_CLAIMS: Final = "tasks.tools.ecs.analysis.claims:Claims"

INVESTIGATION: Final[Mapping[str, Control]] = {
    "evidence is framed": off(
        "tasks.tools.ecs.analysis.prompt:_line",
        '.replace("<", "\\\\u003c")',
        "",
        f"{_HERE}::test_what_was_written_stays_in_its_frame",
    ),
    "a verdict by rules alone": off(
        "tasks.tools.ecs.investigate:_concluded",
        "return Conclusions(\n        verdict=decided,",
        'return Conclusions(\n        verdict={**decided, "status": "healthy"} if analysed.hypotheses else decided,',
        f"{_HERE}::test_a_model_that_obeys_a_log_line_changes_no_verdict",
    ),
    "claims need evidence": off(
        f"{_CLAIMS}.sentence",
        "if plain and _ID.search(plain):",
        "if plain:",
        f"{_HERE}::test_a_claim_without_evidence_is_told_to_nobody",
    ),
    "evidence that there is": off(
        f"{_CLAIMS}._cites_what_there_is",
        "return all(",
        "return True or all(",
        f"{_HERE}::test_a_claim_without_evidence_is_told_to_nobody",
    ),
    "markup is dropped": off(
        f"{_CLAIMS}._plain",
        " or _MARKUP.search(plain)",
        "",
        f"{_HERE}::test_no_link_or_markup_of_the_model_reaches_a_reader",
    ),
    "orders are dropped": off(
        f"{_CLAIMS}._plain",
        " or _ORDER.search(plain)",
        "",
        f"{_HERE}::test_no_order_of_the_model_reaches_a_reader",
    ),
    "reassurance is dropped": off(
        f"{_CLAIMS}._plain",
        "if self._calm or not _CALM",
        "if True or not _CALM",
        f"{_HERE}::test_the_model_does_not_call_well_what_the_rules_call_broken",
    ),
    "commands only look": off(
        "tasks.tools.ecs.analysis.commands:command",
        'return shlex.join(words) if _only_reads(words) else ""',
        "return plain",
        f"{_HERE}::test_a_command_of_the_model_only_looks",
    ),
    "secrets are masked": off(
        "tasks.redact:redact",
        "if hint in folded:",
        "if False:",
        f"{_HERE}::test_no_secret_reaches_model_or_client",
    ),
    "nothing unseen": off(
        "tasks.redact:redact",
        'text = _CONTROL.sub("", text)',
        "pass",
        f"{_HERE}::test_nothing_stands_unseen",
    ),
    "stream names are literals": off(
        "tasks.tools.ecs.collectors.places:_literal",
        'else f"\\\\{char}"',
        "else char",
        f"{_HERE}::test_a_stream_prefix_stays_data_in_a_query",
    ),
}
