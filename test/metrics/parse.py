"""parse.py TEXT OPENMETRICS: reads both forms by the client's own parsers, which are strict; fails where they differ."""

import sys

from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_openmetrics
from prometheus_client.parser import text_string_to_metric_families as read_text


def series(families):
    found = set()
    for family in families:
        for sample in family.samples:
            labels = dict(sample.labels)
            if "le" in labels:
                labels["le"] = float(labels["le"])
            found.add((sample.name, tuple(sorted(labels.items(), key=str))))
    return found


with open(sys.argv[1], encoding="utf-8") as file:
    text = series(read_text(file.read()))
with open(sys.argv[2], encoding="utf-8") as file:
    openmetrics = series(read_openmetrics(file.read()))
print(len(text), "series")
if text != openmetrics or len(text) < 100:
    sys.exit(f"only in one of them: {list(text ^ openmetrics)[:5]}")
