"""Resources: functions of what stands in a URI."""

import pytest
from mcp.server.apps import APP_MIME_TYPE

from tasks.resource import resource
from tasks.tool import Run


@resource("docs://{book}/chapter/{number}", mime_type="text/markdown")
def chapter(run: Run, book: str, number: str) -> str | None:
    """One chapter."""
    return f"{book} {number}"


@resource("docs://index")
def index() -> str:
    """All books."""
    return "none"


@pytest.mark.parametrize(
    ("uri", "values"),
    [
        ("docs://handbook/chapter/3", {"book": "handbook", "number": "3"}),
        ("docs://the%20handbook/chapter/3", {"book": "the handbook", "number": "3"}),
        ("docs://a/b/chapter/3", None),
        ("docs://handbook/chapter/", None),
        ("docs://handbook/chapter/3/4", None),
        ("docsX//handbook/chapter/3", None),
    ],
)
def test_a_template_takes_one_segment_for_each_variable(uri: str, values: dict[str, str] | None):
    """RFC 6570, level 1: values are percent-decoded."""
    assert chapter.is_template
    assert chapter.match(uri) == values


def test_a_plain_uri_is_itself():
    """Ours."""
    assert not index.is_template
    assert index.match("docs://index") == {}
    assert index.match("docs://index2") is None


def test_a_resource_that_cannot_work_is_refused_where_it_is_made():
    """Ours: variables and parameters are the same names."""

    def other(page: str) -> str:
        """Take something else."""
        return page

    def undocumented() -> str:
        return ""

    with pytest.raises(TypeError, match=r"needs a function of \['book'\], not of \['page'\]"):
        resource("docs://{book}")(other)
    with pytest.raises(ValueError, match="needs a docstring"):
        resource("docs://x")(undocumented)


def test_a_page_has_the_one_type_that_clients_show():
    """MCP Apps: a resource under ui:// of another type is not shown, so it is refused where it is made."""

    def page() -> str:
        """Show a result."""
        return "<!doctype html>"

    made = resource("ui://ours/page.html", meta={"ui": {"prefersBorder": False}})(page)

    assert (made.mime_type, made.meta) == (APP_MIME_TYPE, {"ui": {"prefersBorder": False}})
    assert index.mime_type == "text/plain"
    with pytest.raises(ValueError, match="pages of type"):
        resource("ui://ours/page.html", mime_type="text/html")(page)
