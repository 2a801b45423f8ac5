"""What stands around a service: images, load balancers, the network, scaling and the trail of who did what."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from tests.stand_ins.world.account import NUMBER, Account, Shape
from tests.stand_ins.world.wire import Parameters, Refused


@dataclass
class Ecr:
    account: Account

    def DescribeImages(self, given: Parameters) -> Any:
        repository = given["repositoryName"]
        if repository not in self.account.images:
            where = f"in the registry with id '{given.get('registryId', NUMBER)}'"
            words = f"The repository with name '{repository}' does not exist {where}"
            raise Refused("RepositoryNotFoundException", words)
        images = self.account.images[repository]
        if not given.get("imageIds"):
            return {"imageDetails": images}
        return {"imageDetails": [_image(images, wanted, repository) for wanted in given["imageIds"]]}


def _image(images: Iterable[Shape], wanted: Shape, repository: str) -> Shape:
    tag, digest = wanted.get("imageTag"), wanted.get("imageDigest")
    for image in images:
        if (tag is None or tag in image.get("imageTags", [])) and digest in (None, image["imageDigest"]):
            return image
    name = f"{{imageDigest:'{digest or 'null'}', imageTag:'{tag or 'null'}'}}"
    where = f"within the repository with name '{repository}' in the registry with id '{NUMBER}'"
    raise Refused("ImageNotFoundException", f"The image with imageId {name} does not exist {where}")


@dataclass
class Elb:
    account: Account

    def DescribeTargetGroups(self, given: Parameters) -> Any:
        found = _named(
            self.account.target_groups, "TargetGroupArn", given.get("TargetGroupArns"), "TargetGroupNotFound"
        )
        return {"TargetGroups": found}

    def DescribeTargetHealth(self, given: Parameters) -> Any:
        group = given["TargetGroupArn"]
        if group not in self.account.targets:
            raise Refused("TargetGroupNotFound", "One or more target groups not found")
        return {"TargetHealthDescriptions": self.account.targets[group]}

    def DescribeLoadBalancers(self, given: Parameters) -> Any:
        wanted = given.get("LoadBalancerArns")
        found = _named(self.account.balancers, "LoadBalancerArn", wanted, "LoadBalancerNotFound")
        return {"LoadBalancers": found}


def _named(shapes: list[Shape], key: str, wanted: list[str] | None, code: str) -> list[Shape]:
    known = {each[key] for each in shapes}
    if wanted and set(wanted) - known:
        raise Refused(code, "One or more of them not found")
    return [each for each in shapes if not wanted or each[key] in wanted]


Tells = Callable[[Shape], Iterable[str]]
"""The values of a resource that a filter looks at."""


def _associated(key: str) -> Tells:
    return lambda table: [
        str(each[key]).lower() if key == "Main" else each.get(key, "") for each in table["Associations"]
    ]


FILTERS: Final[Mapping[str, Tells]] = {
    "vpc-id": lambda shape: [shape["VpcId"]],
    "group-id": lambda shape: [shape["GroupId"]],
    "subnet-id": lambda shape: [shape["SubnetId"]],
    "service-name": lambda shape: [shape["ServiceName"]],
    "vpc-endpoint-state": lambda shape: [shape["State"]],
    "association.subnet-id": _associated("SubnetId"),
    "association.main": _associated("Main"),
}


@dataclass
class Ec2:
    account: Account

    def DescribeSecurityGroups(self, given: Parameters) -> Any:
        found = self._by_id(self.account.security_groups, "GroupId", given.get("GroupIds"), "InvalidGroup.NotFound")
        return {"SecurityGroups": _filtered(found, given)}

    def DescribeSubnets(self, given: Parameters) -> Any:
        found = self._by_id(self.account.subnets, "SubnetId", given.get("SubnetIds"), "InvalidSubnetID.NotFound")
        return {"Subnets": _filtered(found, given)}

    def DescribeRouteTables(self, given: Parameters) -> Any:
        wanted = given.get("RouteTableIds")
        found = self._by_id(self.account.route_tables, "RouteTableId", wanted, "InvalidRouteTableID.NotFound")
        return {"RouteTables": _filtered(found, given)}

    def DescribeVpcEndpoints(self, given: Parameters) -> Any:
        return {"VpcEndpoints": _filtered(self.account.endpoints, given)}

    def _by_id(self, shapes: list[Shape], key: str, wanted: list[str] | None, code: str) -> list[Shape]:
        missing = set(wanted or ()) - {each[key] for each in shapes}
        if missing:
            raise Refused(code, f"The ID '{min(missing)}' does not exist")
        return [each for each in shapes if not wanted or each[key] in wanted]


def _filtered(shapes: list[Shape], given: Parameters) -> list[Shape]:
    for one in given.get("Filters", []):
        tells = FILTERS.get(one["Name"])
        if tells is None:
            raise Refused("InvalidParameterValue", f"The filter '{one['Name']}' is invalid")
        shapes = [each for each in shapes if set(tells(each)) & set(one["Values"])]
    return shapes


@dataclass
class Autoscaling:
    account: Account

    def DescribeScalableTargets(self, given: Parameters) -> Any:
        return {"ScalableTargets": self._of(self.account.scalable, given, "ResourceIds")}

    def DescribeScalingActivities(self, given: Parameters) -> Any:
        return {"ScalingActivities": self._of(self.account.activities, given, "ResourceId")}

    def _of(self, shapes: list[Shape], given: Parameters, key: str) -> list[Shape]:
        wanted = given.get(key)
        mine = [each for each in shapes if each["ServiceNamespace"] == given["ServiceNamespace"]]
        return [each for each in mine if not wanted or each["ResourceId"] in wanted]


@dataclass
class Trail:
    account: Account

    def LookupEvents(self, given: Parameters) -> Any:
        """At most one attribute, as the service has it."""
        attributes = given.get("LookupAttributes", [])
        if len(attributes) > 1:
            raise Refused("InvalidLookupAttributesException", "at most one lookup attribute")
        found = [each for each in self.account.trail if all(_has(each, attribute) for attribute in attributes)]
        found = [each for each in found if "StartTime" not in given or each["EventTime"] >= given["StartTime"]]
        found = [each for each in found if "EndTime" not in given or each["EventTime"] <= given["EndTime"]]
        found.sort(key=lambda each: each["EventTime"], reverse=True)
        at = int(given.get("NextToken") or "0")
        end = at + min(given.get("MaxResults") or 50, 50)
        return {"Events": found[at:end]} | ({"NextToken": str(end)} if end < len(found) else {})


def _has(event: Shape, attribute: Shape) -> bool:
    key, value = attribute["AttributeKey"], attribute["AttributeValue"]
    if key == "ResourceName":
        return any(each.get("ResourceName") == value for each in event.get("Resources", []))
    return event.get(key) == value
