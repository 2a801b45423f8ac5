"""The console's own notation of a search."""

from datetime import UTC, datetime

from tasks.tools.cloudwatch.console import link

WINDOW = (datetime(2026, 6, 10, 10, tzinfo=UTC), datetime(2026, 6, 10, 11, tzinfo=UTC))


def test_a_link_opens_the_query_with_its_groups_and_time():
    """AWS, console: JSURL after the #, in which what is no letter, digit or - _ . is written as * and its number."""
    assert link("eu-west-1", ["/app/web", "b"], "filter a like 'ä€' | limit 1", WINDOW) == (
        "https://eu-west-1.console.aws.amazon.com/cloudwatch/home?region=eu-west-1#logsV2:logs-insights$3FqueryDetail$3D"
        "~(end~'2026-06-10T11*3a00*3a00.000Z~start~'2026-06-10T10*3a00*3a00.000Z~timeType~'ABSOLUTE~tz~'UTC"
        "~editorString~'filter*20a*20like*20*27*e4**20ac*27*20*7c*20limit*201~source~(~'*2fapp*2fweb~'b))"
    )


def test_other_partitions_have_consoles_of_their_own():
    """AWS, partitions."""
    assert link("cn-north-1", [], "", WINDOW).startswith("https://cn-north-1.console.amazonaws.cn/")
    assert link("us-gov-west-1", [], "", WINDOW).startswith("https://us-gov-west-1.console.amazonaws-us-gov.com/")
