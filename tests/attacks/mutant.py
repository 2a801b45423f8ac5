"""Our own programs with one control switched off: what the attack tests must notice.

`python -m tests.attacks.mutant <control> <command> ...` runs the command line without it.
"""

import inspect
import sys
import textwrap
from importlib import import_module
from types import FunctionType, ModuleType
from typing import Any

from api.cli.main import LAZY, main
from tests.attacks.control import Edit
from tests.attacks.controls import CONTROLS


class Stale(Exception):
    """The text that an edit takes away is not there any more: the table must follow the code."""


def apply(edit: Edit) -> None:
    """Change the running program as if its source said so; Stale when it cannot."""
    module_name, _, path = edit.where.partition(":")
    module = import_module(module_name)
    *owners, name = path.split(".")
    owner: Any = module
    for each in owners:
        owner = getattr(owner, each)
    value = inspect.getattr_static(owner, name)
    if isinstance(value, str):
        setattr(owner, name, _replaced(edit, value))
        return
    function = _bare(value)
    source = _replaced(edit, textwrap.dedent(inspect.getsource(function)))
    changed = _compiled(source, function, vars(module))
    # Whoever holds the function already holds the changed one: only what it does is exchanged.
    function.__code__ = changed.__code__
    function.__defaults__, function.__kwdefaults__ = changed.__defaults__, changed.__kwdefaults__


def _bare(value: Any) -> FunctionType:
    """The function behind a method, a property or a decorator."""
    if isinstance(value, property):
        return _bare(value.fget)
    return inspect.unwrap(getattr(value, "__func__", value))


def _compiled(source: str, function: FunctionType, names: dict[str, Any]) -> FunctionType:
    """The source as a function that closes over what *function* does (`__class__`, for super())."""
    free = function.__code__.co_freevars
    # Under another name: a method may call a function of the module that is called as it is.
    named = source.replace(f"def {function.__name__}(", "def edited(", 1)
    lines = [f"def around({', '.join(free)}):", textwrap.indent(named, "    "), "    return edited"]
    found: dict[str, Any] = {}
    exec(compile("\n".join(lines), "<edited>", "exec"), names, found)  # noqa: S102  # our own source
    return _bare(found["around"](*(None for _ in free)))


def _replaced(edit: Edit, text: str) -> str:
    if text.count(edit.text) != 1:
        raise Stale(f"{edit.where} holds {edit.text!r} {text.count(edit.text)} times")
    return text.replace(edit.text, edit.instead)


def switch_off(name: str) -> None:
    for edit in CONTROLS[name].edits:
        apply(edit)


def loaded() -> list[ModuleType]:
    """Everything a web process or a worker is made of, so that what is exchanged is exchanged everywhere."""
    names = ["api.app", "api.serve", "tasks.worker", "tasks.flower.program", *LAZY.values()]
    return [import_module(name) for name in dict.fromkeys(names)]


if __name__ == "__main__":
    loaded()
    switch_off(sys.argv.pop(1))
    main(prog_name="mcp-playground")
