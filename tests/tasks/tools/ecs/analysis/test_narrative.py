"""A narrative is heard while it is written, as if it had been read whole."""

import json
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tasks.tools.ecs.analysis.narrative import Narrative, Sentences, sentences

WORDS = st.sampled_from(
    [*'. \n[]?aB")\\,\t\u3002\u00e9\U0001f4a5\ud83d', "[log:1]", "[task:1, log:22]", "[log:1", "[see. "]
) | (st.sampled_from([". ", "! ", "i.e.", " vs.", "10.0", "web:8.", "..", ".]"]))
PROSE = st.lists(WORDS, max_size=40).map("".join)
TEXT = st.one_of(PROSE, st.text())
CUTS = st.lists(st.integers(0, 500), max_size=30)


def pieces(text: str, cuts: list[int]) -> list[str]:
    marks = sorted({0, len(text), *(cut for cut in cuts if cut < len(text))})
    return [text[start:end] for start, end in pairwise(marks)]


def heard(text: str, cuts: list[int]) -> str:
    narrative = Narrative()
    return "".join(narrative.feed(piece) for piece in pieces(text, cuts))


@st.composite
def answers(draw: st.DrawFn) -> tuple[str, str]:
    """JSON as a model may write it, and the narrative in it."""
    text = draw(TEXT)
    others = {"cause": draw(TEXT), "narrative:": draw(TEXT), "hypotheses": [{"cause": '"narrative": "not this"'}]}
    members = draw(st.permutations([("narrative", text), *others.items()]))
    indent = draw(st.sampled_from([None, 0, 2]))
    plain = json.dumps(dict(members), ensure_ascii=draw(st.booleans()), indent=indent)
    return draw(st.sampled_from(["", "Here it is:\n```json\n"])) + plain, text


@given(answers(), CUTS)
@example(
    ('{"narrative": "\\ud83d\\ude00 \\ud83d\\u00e9 \\\\ \\" \\/"}', '\U0001f600 \ud83d\u00e9 \\ " /'), list(range(60))
)
def test_wherever_it_is_split_the_narrative_is_the_one_of_the_whole(answer: tuple[str, str], cuts: list[int]):
    """Ours: escapes, surrogate pairs and quotes that a piece ends in wait for the next."""
    written, narrative = answer

    assert heard(written, cuts) == narrative


@given(answers(), CUTS, st.integers(0, 800))
def test_what_is_heard_of_a_cut_answer_is_its_beginning(answer: tuple[str, str], cuts: list[int], end: int):
    """Ours: nothing is said that more text would take back."""
    written, narrative = answer

    assert narrative.startswith(heard(written[:end], cuts))


def test_an_escape_that_json_does_not_know_is_no_reason_to_fail():
    """Ours: a model that cannot write JSON is asked again, later."""
    assert heard(r'{"narrative": "a\qb\u12"}', []) == "a\ufffdb\ufffd12"


def test_it_is_known_when_the_narrative_is_whole():
    """Ours: the last sentence does not wait for the hypotheses."""
    narrative = Narrative()
    narrative.feed('{"narrative": "It stopped.')
    before = narrative.is_whole
    narrative.feed('", "hypotheses": [')

    assert (before, narrative.is_whole) == (False, True)


@given(PROSE, CUTS)
@example("It died. [log:1] Then", [8, 9, 10])
@example("It died.\n[log:1]", [9])
@example("It died.  [log:1]", [10])
@example("It died. [log. X] Y", [13])
def test_wherever_it_is_split_the_sentences_are_those_of_the_whole(text: str, cuts: list[int]):
    """Ours: no sentence loses its brackets because they came a moment later."""
    whole = Sentences()
    found = [each for piece in pieces(text, cuts) for each in whole.feed(piece)]

    assert [*found, *whole.end()] == sentences(text)


@given(TEXT)
def test_nothing_is_lost_and_nothing_said_twice(text: str):
    """Ours: the sentences together are the text, but for the space between them."""
    assert "".join("".join(sentences(text)).split()) == "".join(text.split())


@pytest.mark.parametrize(
    "expected",
    [
        ["It ran out of memory [task:1].", "Raise it [log:3]."],
        ["It ran out of memory. [task:1]", "Raise it. [log:3][log:4]"],
        ["It ran out of memory. [task:1].", "Raise it."],
        ["It ran out of memory [task:1].", "[log:3] says so."],
        ["The host 10.0.0.1 does not answer, i.e. the app waits [log:1].", "Then it ends."],
        ["E.g. Redis at 10.0.0.1:6379 is away [log:1]."],
        ["It runs web:8.", "Before, it ran web:7."],
        ["Version 1.2.3 of node.js fails...", "Then it stops [log:1]!", "Why?", "Nobody knows."],
        ['It says "out of memory."', "Then it ends [log:1]."],
        ["Two lines [log:1]", "without stops [log:2]"],
    ],
)
def test_a_sentence_ends_where_a_reader_sees_it_end(expected: list[str]):
    """Ours: a claim is held against its own evidence, not its neighbour's."""
    joined = ("\n" if "lines" in expected[0] else " ").join(expected)

    assert sentences(joined) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("It died [task:1].All is well.", ["It died [task:1].", "All is well."]),
        (
            "\u5b83\u505c\u4e86[task:1]\u3002\u4e00\u5207\u6b63\u5e38\u3002",
            ["\u5b83\u505c\u4e86[task:1]\u3002", "\u4e00\u5207\u6b63\u5e38\u3002"],
        ),
        ("It died [task:1]. all is well.", ["It died [task:1].", "all is well."]),
        ("It died [task:1]\n\nAll is well", ["It died [task:1]", "All is well"]),
    ],
)
def test_a_claim_cannot_hide_behind_the_evidence_of_another(text: str, expected: list[str]):
    """A56: without a space, in small letters, in a script without spaces."""
    assert sentences(text) == expected
