"""The images: whether what the containers are to be made of is there."""

import re
from collections.abc import Mapping
from typing import Any, Final, cast

from botocore.exceptions import ClientError

from tasks.aws.errors import code_of
from tasks.tools.ecs.facts import Image
from tasks.tools.ecs.scene import NotThere, Scene, ms

TAGS: Final = 10
_ECR: Final = re.compile(
    r"(?P<account>\d{12})\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.amazonaws\.com(?:\.cn)?/(?P<repository>[^:@]+)"
    r"(?::(?P<tag>[^@]+))?(?:@(?P<digest>sha256:[0-9a-f]{64}))?"
)
_MISSING: Final = {"ImageNotFoundException", "RepositoryNotFoundException"}


def images(scene: Scene) -> tuple[Image, ...]:
    """Of the deployed definition's containers, those in ECR; NotThere when none is."""
    revisions = scene.facts.revisions
    names = dict.fromkeys(each.image for each in revisions.current.containers) if revisions else {}
    found = [(name, match) for name in names if (match := _ECR.fullmatch(name))]
    if not found:
        raise NotThere("No container's image is in ECR: whether it is there cannot be looked up.")
    return tuple(_image(scene, number, name, match) for number, (name, match) in enumerate(found, 1))


def _image(scene: Scene, number: int, name: str, match: re.Match[str]) -> Image:
    ecr = scene.run.aws("ecr", region=_elsewhere(scene, match["region"]))
    repository, account = match["repository"], match["account"]
    wanted: Any = {"imageDigest": match["digest"]} if match["digest"] else {"imageTag": match["tag"] or "latest"}
    try:
        answer = ecr.describe_images(repositoryName=repository, registryId=account, imageIds=[wanted])
    except ClientError as error:
        code = code_of(error)
        if code not in _MISSING:
            raise
        tags = _tags(ecr, repository, account) if code == "ImageNotFoundException" else ()
        return Image(id=f"image:{number}", name=name, found=False, tags=tags)
    detail = next(iter(answer.get("imageDetails", [])), cast("Mapping[str, Any]", {}))
    return Image(
        id=f"image:{number}",
        name=name,
        found=True,
        pushed=ms(detail.get("imagePushedAt")),
        digest=detail.get("imageDigest", ""),
    )


def _elsewhere(scene: Scene, region: str) -> str | None:
    return None if scene.run.aws("ecs").meta.region_name == region else region


def _tags(ecr: Any, repository: str, account: str) -> tuple[str, ...]:  # noqa: ANN401  # boto3 makes clients at run time
    """Of the images pushed last: one of them was meant."""
    pages = ecr.get_paginator("describe_images").paginate(
        repositoryName=repository,
        registryId=account,
        filter={"tagStatus": "TAGGED"},
        PaginationConfig={"MaxItems": 1000},
    )
    details: list[Mapping[str, Any]] = [each for page in pages for each in page.get("imageDetails", [])]
    details.sort(key=lambda each: ms(each.get("imagePushedAt")) or 0, reverse=True)
    return tuple(tag for each in details for tag in each.get("imageTags", []))[:TAGS]
