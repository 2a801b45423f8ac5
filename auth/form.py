"""Parameters of OAuth requests, read strictly (RFC 6749 3.1, 3.2: none may be there twice)."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final
from urllib.parse import parse_qsl

from auth.refusal import OAuthRefused

MOST_FIELDS: Final = 50
REPEATABLE: Final = frozenset({"resource"})
"""RFC 8707 2 allows several; we serve one resource, and refuse any other."""


class Form(Mapping[str, str]):
    """The parameters of a query or of a form body."""

    def __init__(self, pairs: Sequence[tuple[str, str]]) -> None:
        self.pairs = tuple(pairs)
        self._by_name = dict(pairs)

    @classmethod
    def parse(cls, text: bytes) -> "Form":
        """OAuthRefused when it is no form, or says something twice; empty values count as omitted (RFC 6749 3.1)."""
        try:
            pairs = parse_qsl(text.decode("utf-8"), strict_parsing=True, errors="strict", max_num_fields=MOST_FIELDS)
        except (ValueError, UnicodeDecodeError):
            if not text:
                return cls([])
            raise OAuthRefused("invalid_request", "The parameters are not application/x-www-form-urlencoded") from None
        seen: set[str] = set()
        for name, _ in pairs:
            if name in seen and name not in REPEATABLE:
                raise OAuthRefused("invalid_request", f"The parameter {_plain(name)} is there twice")
            seen.add(name)
        return cls(pairs)

    def all(self, name: str) -> list[str]:
        return [value for each, value in self.pairs if each == name]

    def __getitem__(self, name: str) -> str:
        return self._by_name[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._by_name)

    def __len__(self) -> int:
        return len(self._by_name)


def _plain(text: str) -> str:
    """What may stand in an error_description (RFC 6749 5.2)."""
    return "".join(char for char in text[:40] if char.isascii() and char.isprintable() and char not in '"\\')
