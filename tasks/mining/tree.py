"""Patterns by the shape of their lines: a tree over severity, number of tokens and first words, after Drain.

(He, Zhu, Zheng, Lyu: "Drain: An Online Log Parsing Approach with Fixed Depth Tree", ICWS 2017.) Everything is bounded:
children of a node, patterns of a leaf, patterns in all. A pattern seen often is not pushed out by lines seen once.
"""

from collections import OrderedDict
from collections.abc import Iterator
from operator import eq
from typing import Any, Final

from tasks.mining.pattern import Pattern
from tasks.mining.severity import Severity
from tasks.mining.variables import STAR

SIMILAR: Final = 0.5
"""The part of its tokens that a line shares with its pattern."""
MOST_CHILDREN: Final = 100
MOST_IN_LEAF: Final = 24
OFTEN: Final = 3

Tokens = tuple[str, ...]
_Leaf = list[Pattern]
_Node = dict[str, dict[str, _Leaf]]
_Path = tuple[tuple[int, Severity], str, str]


class Tree:
    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.forgotten = 0
        """Patterns that had to make room."""
        self.forgotten_events = 0
        self._roots: dict[tuple[int, Severity], _Node] = {}
        self._paths: dict[int, _Path] = {}
        # Least recently used first.
        self._rare: OrderedDict[int, Pattern] = OrderedDict()
        self._often: OrderedDict[int, Pattern] = OrderedDict()

    def __contains__(self, pattern: Pattern) -> bool:
        return pattern.number in self._paths

    def __iter__(self) -> Iterator[Pattern]:
        """In the order in which they were first seen."""
        kept = {**self._rare, **self._often}
        return (kept[number] for number in sorted(kept))

    def __len__(self) -> int:
        return len(self._paths)

    def find(self, tokens: Tokens, severity: Severity) -> Pattern | None:
        """The pattern most like these tokens, made to cover them; None when none is like them."""
        root, one, two = self._path(tokens, severity)
        best, most = None, max(1, SIMILAR * len(tokens))
        for pattern in self._roots.get(root, {}).get(one, {}).get(two, ()):
            shared = sum(map(eq, pattern.tokens, tokens))
            if shared >= most and (best is None or shared > most):
                best, most = pattern, shared
        if best is not None and most < len(tokens):
            best.tokens = tuple(a if a == b else STAR for a, b in zip(best.tokens, tokens, strict=True))
        return best

    def insert(self, pattern: Pattern, under: tuple[str, str] | None = None) -> None:
        """Add *pattern*, *under* the words where it stood when it was kept; its tokens may have been starred since."""
        path = root, one, two = self._path(pattern.tokens, pattern.severity)
        if under is not None:
            path = root, one, two = root, *under
        leaf = self._roots.setdefault(root, {}).setdefault(one, {}).setdefault(two, [])
        if len(leaf) >= MOST_IN_LEAF:
            self._forget(min(leaf, key=lambda each: (each.count, each.number)))
        elif len(self) >= self.capacity:
            self._forget(next(iter((self._rare or self._often).values())))
        # The leaf may have gone with its last pattern.
        self._roots.setdefault(root, {}).setdefault(one, {}).setdefault(two, []).append(pattern)
        self._paths[pattern.number] = path
        (self._often if pattern.count >= OFTEN else self._rare)[pattern.number] = pattern

    def plain(self) -> list[dict[str, Any]]:
        """The patterns as JSON, the least recently used first."""
        kept = (*self._rare.values(), *self._often.values())
        return [{**each.plain(), "path": self._paths[each.number][1:]} for each in kept]

    def touch(self, pattern: Pattern) -> None:
        """*pattern* was seen just now."""
        number = pattern.number
        if number in self._often:
            self._often.move_to_end(number)
        elif pattern.count >= OFTEN:
            del self._rare[number]
            self._often[number] = pattern
        else:
            self._rare.move_to_end(number)

    def _forget(self, pattern: Pattern) -> None:
        self.forgotten += 1
        self.forgotten_events += pattern.count
        root, one, two = self._paths.pop(pattern.number)
        self._rare.pop(pattern.number, None)
        self._often.pop(pattern.number, None)
        node = self._roots[root]
        leaf = node[one][two]
        leaf.remove(pattern)
        if not leaf:
            del node[one][two]
        if not node[one]:
            del node[one]
        if not node:
            del self._roots[root]

    def _path(self, tokens: Tokens, severity: Severity) -> _Path:
        """Where a line belongs: by its first two words that are no variables, unless a node is full."""
        words = [token for token in tokens[:8] if STAR not in token]
        one, two = (*words[:2], STAR, STAR)[:2]
        root = (len(tokens), severity)
        node = self._roots.get(root, {})
        one = one if one in node or len(node) < MOST_CHILDREN else STAR
        leaves = node.get(one, {})
        return root, one, two if two in leaves or len(leaves) < MOST_CHILDREN else STAR
