"""Amazon ECS over an account's data."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from tests.stand_ins.world.account import Account, Shape, arn
from tests.stand_ins.world.wire import Parameters, Refused

LARGEST = 100
"""Tasks of one call, and names of one page."""


@dataclass
class Ecs:
    account: Account

    def DescribeClusters(self, given: Parameters) -> Any:
        include = given.get("include", [])
        hidden = {name for name in ("settings", "statistics") if name.upper() not in include}
        names = [_last(name) for name in given.get("clusters", ["default"])]
        found = [
            {name: value for name, value in each.items() if name not in hidden}
            for each in self.account.clusters
            if each["clusterName"] in names
        ]
        missing = set(names) - {each["clusterName"] for each in found}
        return {"clusters": found, "failures": [_missing("cluster", name) for name in sorted(missing)]}

    def ListClusters(self, given: Parameters) -> Any:
        return _page("clusterArns", [each["clusterArn"] for each in self.account.clusters], given)

    def DescribeServices(self, given: Parameters) -> Any:
        cluster = self._cluster(given)
        if not 1 <= len(given["services"]) <= 10:
            raise Refused("InvalidParameterException", "Services cannot be empty, nor more than 10.")
        names = [_last(name) for name in given["services"]]
        found = [each for each in self._services(cluster) if each["serviceName"] in names]
        known = {each["serviceName"] for each in found}
        failures = [_missing(f"service/{cluster}", name) for name in names if name not in known]
        return {"services": found, "failures": failures}

    def ListServices(self, given: Parameters) -> Any:
        cluster = self._cluster(given)
        return _page("serviceArns", [each["serviceArn"] for each in self._services(cluster)], given)

    def ListTasks(self, given: Parameters) -> Any:
        cluster = self._cluster(given)
        wanted, service = given.get("desiredStatus", "RUNNING"), given.get("serviceName")
        if service and _last(service) not in {each["serviceName"] for each in self._services(cluster)}:
            raise Refused("ServiceNotFoundException", "Service not found.")
        found = [each for each in self._tasks(cluster) if each["desiredStatus"] == wanted]
        if service:
            found = [each for each in found if each["group"] == f"service:{_last(service)}"]
        if "family" in given:
            found = [each for each in found if _last(each["taskDefinitionArn"]).split(":")[0] == given["family"]]
        return _page("taskArns", [each["taskArn"] for each in found], given)

    def DescribeTasks(self, given: Parameters) -> Any:
        cluster = self._cluster(given)
        if not 1 <= len(given["tasks"]) <= LARGEST:
            raise Refused("InvalidParameterException", f"Tasks must be from 1 to {LARGEST}.")
        names = [_last(name) for name in given["tasks"]]
        found = [each for each in self._tasks(cluster) if _last(each["taskArn"]) in names]
        known = {_last(each["taskArn"]) for each in found}
        return {"tasks": found, "failures": [_missing(f"task/{cluster}", name) for name in names if name not in known]}

    def DescribeTaskDefinition(self, given: Parameters) -> Any:
        name = _last(given["taskDefinition"])
        if ":" not in name:
            name = max((key for key in self.account.definitions if key.startswith(f"{name}:")), default=name)
        if name not in self.account.definitions:
            raise Refused("ClientException", "Unable to describe task definition.")
        return {"taskDefinition": self.account.definitions[name]}

    def ListServiceDeployments(self, given: Parameters) -> Any:
        known = [each for each in self.account.deployments if _last(each["serviceArn"]) == _last(given["service"])]
        if not known and _last(given["service"]) not in {each["serviceName"] for each in self.account.services}:
            raise Refused("ServiceNotFoundException", "Service not found.")
        limits, states = given.get("createdAt", {}), given.get("status")
        found = [each for each in known if not states or each["status"] in states]
        found = [each for each in found if "after" not in limits or each["createdAt"] >= limits["after"]]
        found = [each for each in found if "before" not in limits or each["createdAt"] <= limits["before"]]
        found.sort(key=lambda each: each["createdAt"], reverse=True)
        return _page("serviceDeployments", [_brief(each) for each in found], given)

    def DescribeServiceDeployments(self, given: Parameters) -> Any:
        return self._described("serviceDeployment", self.account.deployments, given)

    def DescribeServiceRevisions(self, given: Parameters) -> Any:
        return self._described("serviceRevision", self.account.revisions, given)

    def _described(self, kind: str, all_of_them: Iterable[Shape], given: Parameters) -> Shape:
        wanted = given[f"{kind}Arns"]
        if not 1 <= len(wanted) <= 20:
            raise Refused("InvalidParameterException", "from 1 to 20 ARNs")
        found = [each for each in all_of_them if each[f"{kind}Arn"] in wanted]
        missing = set(wanted) - {each[f"{kind}Arn"] for each in found}
        return {f"{kind}s": found, "failures": [{"arn": each, "reason": "MISSING"} for each in sorted(missing)]}

    def _cluster(self, given: Parameters) -> str:
        name = _last(given.get("cluster", "default"))
        if name not in {each["clusterName"] for each in self.account.clusters}:
            raise Refused("ClusterNotFoundException", "Cluster not found.")
        return name

    def _services(self, cluster: str) -> list[Shape]:
        return [each for each in self.account.services if _last(each["clusterArn"]) == cluster]

    def _tasks(self, cluster: str) -> list[Shape]:
        return [each for each in self.account.tasks if _last(each["clusterArn"]) == cluster]


def _last(name: str) -> str:
    return name.rpartition("/")[2]


def _missing(kind: str, name: str) -> Shape:
    return {"arn": arn("ecs", f"{kind}/{name}"), "reason": "MISSING"}


def _page(key: str, values: list[Any], given: Parameters) -> Shape:
    at = int(given.get("nextToken") or "0")
    end = at + min(given.get("maxResults") or LARGEST, LARGEST)
    return {key: values[at:end]} | ({"nextToken": str(end)} if end < len(values) else {})


def _brief(deployment: Shape) -> Shape:
    """As ListServiceDeployments tells it."""
    names = ("serviceDeploymentArn", "serviceArn", "clusterArn", "startedAt", "createdAt", "finishedAt", "status")
    brief = {name: deployment[name] for name in (*names, "statusReason") if name in deployment}
    return brief | {"targetServiceRevisionArn": deployment["targetServiceRevision"]["arn"]}
