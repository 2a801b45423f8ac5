"""Whose work is done in which role (`MCP_AWS_ROLES`), and what a role's session says of whom it is for."""

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Self

from storage.records import Principal

EVERYBODY: Final = "*"
CLIENT: Final = "client:"
LONGEST_NAME: Final = 64
"""STS, AssumeRole: RoleSessionName is 2 to 64 of `[\\w+=,.@-]`."""
LONGEST_TAG: Final = 128
"""Half of what STS takes for a value, so that three of them stay within what a session may carry in all."""
TAGS: Final = ("Subject", "Issuer", "Client")
"""The tags of a session: who asked. CloudTrail shows them where the role was assumed."""

_ENTRY: Final = re.compile(r"(.+?)\s*=\s*(arn:.*)", re.DOTALL)
_ARN: Final = re.compile(r"arn:aws[a-z-]*:iam::([0-9]{12}):role/[A-Za-z0-9_+=.@/-]{1,512}")
_NOT_IN_NAMES: Final = re.compile(r"[^A-Za-z0-9_+=,.@-]")
_NOT_IN_TAGS: Final = re.compile(r"[^\w .:/=+@-]")
_MARK: Final = 9
"""Characters of the digest, and its hyphen, at the end of a text that was changed."""


@dataclass(frozen=True)
class Role:
    """An entry: *who* is `*`, `client:<client id>` or `<issuer>|<subject>`."""

    who: str
    arn: str

    @classmethod
    def parse(cls, entry: str) -> Self:
        """ValueError says what is wrong with the *entry*."""
        found = _ENTRY.fullmatch(entry)
        if found is None:
            raise ValueError(f"{entry!r} is not of the form who=role ARN")
        who, arn = found.groups()
        if not is_role(arn):
            raise ValueError(f"{arn!r} is not the ARN of a role, as arn:aws:iam::123456789012:role/name")
        # OpenID Connect Core 2: a subject is unique within its issuer, and nowhere else.
        is_person = all(who.partition("|")[::2]) and not who.startswith(CLIENT)
        if not (who == EVERYBODY or is_person or who.removeprefix(CLIENT) not in ("", who)):
            raise ValueError(f"{who!r} is none of <issuer>|<subject>, client:<client id> and *")
        return cls(who, arn)

    @property
    def account(self) -> str:
        return self.arn.split(":")[4]

    def is_for(self, principal: Principal) -> bool:
        if self.who == EVERYBODY:
            return True
        if self.who.startswith(CLIENT):
            return self.who.removeprefix(CLIENT) == principal.client_id
        issuer, _, subject = self.who.partition("|")
        return (issuer, subject) == (principal.issuer, principal.subject)


def entries(value: object) -> object:
    """A list given as words: separated by commas or line ends."""
    if not isinstance(value, str):
        return value
    return tuple(entry.strip() for entry in re.split(r"[,\n]", value) if entry.strip())


def is_role(arn: str) -> bool:
    return _ARN.fullmatch(arn) is not None


def role_of(given: Iterable[str], principal: Principal | None) -> Role | None:
    """The first of the entries *given* that is for *principal*."""
    roles = map(Role.parse, given)
    return next((role for role in roles if principal is not None and role.is_for(principal)), None)


def session_name(principal: Principal) -> str:
    """What CloudTrail calls the session: the subject, as far as STS allows it."""
    return named(principal.subject)


def named(text: str) -> str:
    """*text* as the name of a session."""
    clean = _NOT_IN_NAMES.sub("_", text)
    return clean if clean == text and 2 <= len(text) <= LONGEST_NAME else _marked(clean, text, LONGEST_NAME)  # noqa: PLR2004


def session_tags(principal: Principal) -> list[dict[str, str]]:
    """Who asked, as far as STS allows it in a tag."""
    values = (principal.subject, principal.issuer, principal.client_id)
    return [{"Key": key, "Value": _tag(value)} for key, value in zip(TAGS, values, strict=True)]


def distinct(given: Iterable[str]) -> Sequence[str]:
    """The ARNs of the entries *given*, each once."""
    return list(dict.fromkeys(role.arn for role in map(Role.parse, given)))


def _tag(text: str) -> str:
    clean = _NOT_IN_TAGS.sub("_", text)
    return clean if clean == text and len(text) <= LONGEST_TAG else _marked(clean, text, LONGEST_TAG)


def _marked(clean: str, text: str, limit: int) -> str:
    """Two that are told apart here stay apart: a policy may go by the tag."""
    digest = hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()
    return f"{clean[: limit - _MARK]}-{digest[: _MARK - 1]}"
