"""A control that stops an attack: how it is switched off, and the tests that guard it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Edit:
    """*text*, which stands once in the source of the function or in the constant at *where*, becomes *instead*."""

    where: str
    text: str
    instead: str


@dataclass(frozen=True)
class Control:
    edits: tuple[Edit, ...]
    tests: tuple[str, ...]
    """`file::function` under tests/."""


def off(where: str, text: str, instead: str, *tests: str) -> Control:
    return Control((Edit(where, text, instead),), tests)
