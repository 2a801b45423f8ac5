"""Labels beside their lines, never over each other."""

from hypothesis import given
from hypothesis import strategies as st

from tasks.tools.ecs.flags import Label, flags
from tasks.tools.ecs.timeline import KINDS

RIGHT = 1190.0


def width(text: str) -> float:
    return 9.0 * len(text)


LABELS = st.lists(
    st.builds(Label, at=st.floats(112, 1164), text=st.text("x", min_size=1, max_size=36), kind=st.sampled_from(KINDS)),
    max_size=40,
)


@given(LABELS)
def test_no_two_labels_of_a_row_meet_and_none_leaves_the_picture(labels: list[Label]):
    """Ours: whatever the labels, and every one is either placed or counted."""
    placed, left_out = flags(labels, width, right=RIGHT, lanes=3)

    assert len(placed) + left_out == len(labels)
    for flag in placed:
        assert 0 <= flag.left <= flag.left + width(flag.text) <= RIGHT
    for lane in range(3):
        row = sorted((flag for flag in placed if flag.lane == lane), key=lambda flag: flag.left)
        ends = [flag.left + width(flag.text) for flag in row]
        assert all(end < flag.left for end, flag in zip(ends, row[1:], strict=False))


def test_a_deployment_is_not_pushed_out_by_what_follows_from_it():
    """Ours: those that explain most choose first."""
    labels = [Label(500.0 + n, "scaling out", "scaling") for n in range(5)]
    labels.append(Label(505.0, "checkout:42", "deployment"))

    placed, left_out = flags(labels, width, right=RIGHT, lanes=2)

    assert (placed[0].text, placed[0].lane, left_out) == ("checkout:42", 0, 4)
