"""Where the lines of the containers are."""

from collections.abc import Callable

import pytest
from msgspec.structs import replace

from tasks.tools.ecs.collectors.places import place
from tasks.tools.ecs.facts import ContainerSpec, LogTarget
from tasks.tools.ecs.scene import NotThere, Scene
from tests.stand_ins.facts import definition, revisions, running, spec

Look = Callable[..., Scene]


def scene(look: Look, *containers: ContainerSpec, **request: object) -> Scene:
    made = look(**request)
    made.facts.revisions = revisions(definition(7, *containers))
    return made


def logging(name: str, **more: object) -> ContainerSpec:
    target = spec(name).logs
    assert target is not None
    return spec(name, logs=replace(target, **more))


def test_streams_are_known_by_prefix_and_container(look: Look):
    """AWS, awslogs: prefix/container/task id."""
    where = place(scene(look, spec(), spec("proxy")))

    assert where.groups == ("/ecs/web",)
    assert where.region is None
    assert where.only == r"@logStream like /^(?:ecs\/web\/|ecs\/proxy\/)/"
    assert where.streams("abc") == ["ecs/web/abc", "ecs/proxy/abc"]
    assert where.unread == ()


def test_one_task_is_asked_for_by_its_streams(look: Look):
    """Ours: of others nothing is read."""
    made = scene(look, spec(), service=None, task="x")
    made.facts.tasks = (running(1),)

    assert place(made).only == f"@logStream in ['ecs/web/{1:032x}']"


def test_without_a_prefix_all_of_the_group_is_read(look: Look):
    """AWS: Docker names the stream then."""
    where = place(scene(look, logging("web", prefix="")))

    assert (where.only, where.streams("abc")) == ("", [])


def test_a_name_is_no_expression(look: Look):
    """Ours: what stands in a definition stays a literal of the query language."""
    only = place(scene(look, logging("web", prefix="a/.*|b)/ or 1 = 1 #\n"))).only

    assert only == r"@logStream like /^(?:a\/\.\*\|b\)\/\ or\ 1\ \=\ 1\ \#\/web\/)/"


def test_only_the_containers_that_are_asked_for_are_read(look: Look):
    """Ours; and one that is not there is said."""
    where = place(scene(look, spec(), spec("proxy"), containers=("web", "wbe")))

    assert [each.container for each in where.targets] == ["web"]
    assert where.unread == ("wbe (no such container)",)


def test_what_logs_elsewhere_is_said(look: Look):
    """AWS: FireLens and others have their own destinations; awslogs has a region."""
    fire = spec("router", logs=LogTarget(container="router", driver="awsfirelens"))
    where = place(scene(look, spec(), fire, spec("mute", logs=None), logging("far", region="eu-west-1")))

    assert where.unread == ("router (awsfirelens)", "mute (no log driver)", "far (in eu-west-1)")
    assert [each.container for each in where.targets] == ["web"]


def test_another_region_is_read_there(look: Look):
    """AWS, awslogs-region."""
    assert place(scene(look, logging("web", region="eu-west-1"))).region == "eu-west-1"


def test_a_region_that_is_not_given_is_the_tasks_own(look: Look):
    """AWS: on EC2 it may be left out."""
    where = place(scene(look, logging("web", region=None), spec("proxy")))

    assert where.region is None
    assert len(where.targets) == 2


@pytest.mark.parametrize(
    ("containers", "words"), [((), "its containers are: unknown"), ((spec("web", logs=None),), "web (no log driver)")]
)
def test_no_log_at_all_is_said(look: Look, containers: tuple[ContainerSpec, ...], words: str):
    """Ours: why nothing is read."""
    made = scene(look, *containers) if containers else look()

    with pytest.raises(NotThere) as told:
        place(made)

    assert words in str(told.value)


def test_containers_that_are_not_there_are_answered_with_those_that_are(look: Look):
    """Ours."""
    with pytest.raises(NotThere, match="its containers are: web, proxy"):
        place(scene(look, spec(), spec("proxy"), containers=("api",)))
