"""What a model says that keeps to the rules: true sentences about a task that was killed."""

import json
from typing import Any

TRUE = "Task 1 was killed for using too much memory [task:1]."
MORE = "Its heap was full before [log:1]."
HYPOTHESIS = {
    "cause": "The heap grows until the task is killed",
    "confidence": "high",
    "evidence": ["task:1", "log:1"],
    "counterEvidence": [],
    "nextStep": "Raise the memory",
    "command": "aws ecs list-tasks --cluster shop",
}


def answer(narrative: str = f"{TRUE} {MORE}", *hypotheses: dict[str, Any]) -> str:
    return json.dumps({"narrative": narrative, "hypotheses": [*hypotheses]})


def in_pieces(text: str, length: int = 12) -> list[str]:
    return [text[at : at + length] for at in range(0, len(text), length)]
