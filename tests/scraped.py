"""What a process says of itself at /metrics, and what this one has counted."""

from dataclasses import dataclass

import httpx2
from prometheus_client import REGISTRY
from prometheus_client.parser import text_string_to_metric_families


@dataclass(frozen=True)
class Scraped:
    text: str

    def value(self, sample: str, **labels: str) -> float:
        """The sum of the samples that have these labels; 0 without any."""
        return sum(
            each.value
            for family in text_string_to_metric_families(self.text)
            for each in family.samples
            if each.name == sample and labels.items() <= each.labels.items()
        )

    def labels(self, sample: str, name: str) -> set[str]:
        """Every value of one label."""
        families = text_string_to_metric_families(self.text)
        return {each.labels[name] for family in families for each in family.samples if each.name == sample}


def scrape(port: int) -> Scraped:
    answer = httpx2.get(f"http://127.0.0.1:{port}/metrics", timeout=10)
    assert answer.status_code == 200
    return Scraped(answer.text)


def counted(sample: str, **labels: str) -> float:
    """What the process of the tests has counted; 0 for nothing yet."""
    return REGISTRY.get_sample_value(sample, labels) or 0.0
