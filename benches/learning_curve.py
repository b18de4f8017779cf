#!/usr/bin/env python3
"""The cold start of triage: how good decisions are with few tickets to learn from.

usage: learning_curve.py SET FIELD RULES SVG [FIRSTLINE]

SET has train.jsonl and test.jsonl (plain or gzip), as `firstline eval triage` reads them; RULES is a rule
file written without the test part; SVG is the plot that is written. Tickets to learn from are drawn from
the training part in the order of a hash of draw and id, so a larger draw contains the smaller ones. Rules
alone decide by `firstline triage --batch`, all else is `firstline eval triage`. A table goes to standard
output. Only Python's own library is used.
"""

import collections
import gzip
import hashlib
import json
import math
import os
import shutil
import statistics
import subprocess
import sys
import tempfile

SIZES = [10, 50, 200, 1000, 5000]
DRAWS = 5
MEASURES = ["accuracy", "macro_f1"]
RULES, BOTH, LEARNING = "rules alone", "rules and learning", "learning alone"


def open_set(folder, name):
    for path in (os.path.join(folder, name), os.path.join(folder, name + ".gz")):
        if os.path.exists(path):
            opened = gzip.open if path.endswith(".gz") else open
            return opened(path, "rt", encoding="utf-8")
    raise SystemExit(f"{folder} has no {name}")


def tickets(folder, name, field):
    with open_set(folder, name) as lines:
        rows = [json.loads(line) for line in lines]
    return [row for row in rows if row.get(field) is not None]


def run(*command):
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}\n{done.stderr}")
    return done.stdout


def learned(firstline, work, field, rules):
    rules = ["--rules", rules] if rules else []
    report = run(firstline, "eval", "triage", work, "--field", field, *rules, "--json")
    return json.loads(report)


def by_rules(firstline, work, test, field, rules):
    """The same measures as `eval triage`, for rules without a model."""
    desk = os.path.join(work, "desk")
    os.makedirs(desk)
    shutil.copy(rules, os.path.join(desk, "rules.toml"))
    none = os.path.join(work, "none.ndjson")
    with open(none, "w", encoding="utf-8") as file:
        file.write('{"kind": "ticket", "id": "none-1", "subject": "none"}\n')
    run(firstline, "import", "--data", desk, none)
    batch = os.path.join(work, "batch.ndjson")
    with open(batch, "w", encoding="utf-8") as file:
        for row in test:
            texts = {
                "subject": row.get("subject") or row.get("title") or "",
                "description": row.get("description") or row.get("body") or "",
            }
            file.write(json.dumps({"id": row["id"], **texts}) + "\n")
    answers = run(firstline, "triage", "--data", desk, "--batch", batch).splitlines()
    given = [json.loads(answer)[field]["value"] for answer in answers]
    right = [str(row[field]) for row in test]
    assert len(given) == len(right)
    both = collections.Counter(a for a, b in zip(given, right) if a == b)
    n_right, n_given = collections.Counter(right), collections.Counter(given)
    values = set(right) | {value for value in given if value is not None}
    f1 = [200 * both[value] / (n_right[value] + n_given[value]) for value in values]
    return {
        "accuracy": 100 * sum(both.values()) / len(right),
        "macro_f1": statistics.mean(f1),
    }


def draw(train, number):
    def order(row):
        return hashlib.sha256(f"{number}/{row['id']}".encode()).digest()

    return sorted(train, key=order)


def measure(folder, field, rules, firstline):
    """Reports by curve and number of tickets."""
    train, test = (tickets(folder, name, field) for name in ("train.jsonl", "test.jsonl"))
    found = {curve: collections.defaultdict(list) for curve in (RULES, BOTH, LEARNING)}
    with tempfile.TemporaryDirectory() as work:
        at_zero = by_rules(firstline, work, test, field, rules)
        found[RULES][0] = found[BOTH][0] = [at_zero]
        with open(os.path.join(work, "test.jsonl"), "w", encoding="utf-8") as file:
            file.writelines(json.dumps(row) + "\n" for row in test)
        for number in range(DRAWS):
            drawn = draw(train, number)
            # All tickets are the same in every draw, but for their order.
            for size in [size for size in SIZES if size < len(train)] + [len(train)] * (number == 0):
                with open(os.path.join(work, "train.jsonl"), "w", encoding="utf-8") as file:
                    file.writelines(json.dumps(row) + "\n" for row in drawn[:size])
                found[BOTH][size].append(learned(firstline, work, field, rules))
                found[LEARNING][size].append(learned(firstline, work, field, None))
                print(f"draw {number}, {size} tickets", file=sys.stderr)
    return found


def mean(reports, measure):
    return statistics.mean(report[measure] for report in reports)


def cell(reports):
    parts = []
    for measure in MEASURES:
        values = [report[measure] for report in reports]
        spread = f" ± {statistics.stdev(values):.1f}" if len(values) > 1 else ""
        parts.append(f"{statistics.mean(values):.1f}{spread}")
    return " / ".join(parts)


def table(found):
    lines = [f"| tickets learned from | {LEARNING} | {BOTH} |", "|---|---|---|"]
    for size, reports in found[BOTH].items():
        alone = found[LEARNING].get(size)
        lines.append(f"| {size:,} | {cell(alone) if alone else '-'} | {cell(reports)} |")
    return "\n".join(lines)


# The plot.

WIDTH, HEIGHT = 860, 400
TOP, BOTTOM = 64, 334
PANELS = {"accuracy": (62, 412), "macro_f1": (486, 836)}
TITLES = {"accuracy": "accuracy, %", "macro_f1": "macro-F1, %"}
CLASSES = {RULES: "rules", BOTH: "both", LEARNING: "learning"}
# Tones that are read on a light and on a dark ground alike.
STYLE = """
  text { font: 12px system-ui, sans-serif; fill: #767676 }
  .title { font-weight: 600; font-size: 13px }
  .grid { stroke: #8b8b8b; stroke-opacity: 0.3 } .axis { stroke: #8b8b8b }
  .line { stroke-width: 2 } .band { opacity: 0.18; stroke: none }
  .both { stroke: #2f81f7; fill: #2f81f7 } .learning { stroke: #d9730d; fill: #d9730d }
  .rules { stroke: #8b8b8b; stroke-dasharray: 5 4 }
  path { fill: none !important }
"""


class Panel:
    def __init__(self, measure, sizes):
        self.measure, (self.left, self.right) = measure, PANELS[measure]
        self.sizes = sizes
        # Nothing has no logarithm: it stands at the left, apart.
        self.first = self.left + 58
        self.low, self.high = math.log10(sizes[1]), math.log10(sizes[-1])

    def x(self, size):
        if size == 0:
            return self.left + 12
        share = (math.log10(size) - self.low) / (self.high - self.low)
        return self.first + share * (self.right - 8 - self.first)

    def y(self, percent):
        return BOTTOM - percent / 100 * (BOTTOM - TOP)

    def points(self, curve, pick):
        return [
            f"{self.x(size):.1f},{self.y(pick([one[self.measure] for one in reports])):.1f}"
            for size, reports in sorted(curve.items())
        ]

    def frame(self):
        yield f'<text class="title" x="{self.left}" y="{TOP - 10}">{TITLES[self.measure]}</text>'
        for percent in range(0, 101, 20):
            y = self.y(percent)
            yield f'<path class="grid" d="M{self.left} {y:.1f}H{self.right}"/>'
            yield f'<text x="{self.left - 8}" y="{y + 4:.1f}" text-anchor="end">{percent}</text>'
        between = (self.x(0) + self.first) / 2
        yield f'<path class="axis" d="M{self.left} {BOTTOM}H{between - 4:.1f}M{between + 4:.1f} {BOTTOM}H{self.right}"/>'
        for at in (between - 4, between + 4):
            yield f'<path class="axis" d="M{at - 3:.1f} {BOTTOM + 5}L{at + 3:.1f} {BOTTOM - 5}"/>'
        for size in self.sizes:
            x = self.x(size)
            yield f'<path class="axis" d="M{x:.1f} {BOTTOM}v5"/>'
            yield f'<text x="{x:.1f}" y="{BOTTOM + 19}" text-anchor="middle">{size:,}</text>'
        middle = (self.left + self.right) / 2
        yield f'<text x="{middle}" y="{BOTTOM + 42}" text-anchor="middle">resolved tickets learned from</text>'

    def curve(self, name, curve):
        kind = CLASSES[name]
        mean = self.points(curve, statistics.mean)
        if len(mean) == 1:
            y = mean[0].split(",")[1]
            yield f'<path class="line {kind}" d="M{self.left} {y}H{self.right}"/>'
            return
        band = self.points(curve, min) + self.points(curve, max)[::-1]
        yield f'<polygon class="band {kind}" points="{" ".join(band)}"/>'
        yield f'<path class="line {kind}" d="M{"L".join(mean)}"/>'
        for point in mean:
            x, y = point.split(",")
            yield f'<circle class="{kind}" cx="{x}" cy="{y}" r="3"/>'


def plot(found):
    sizes = sorted(found[BOTH])
    parts = []
    for measure in MEASURES:
        panel = Panel(measure, sizes)
        parts.extend(panel.frame())
        for name, curve in found.items():
            parts.extend(panel.curve(name, curve))
    for name, x in zip((BOTH, LEARNING, RULES), (62, 228, 368)):
        kind = CLASSES[name]
        parts.append(f'<path class="line {kind}" d="M{x} 20h26"/>')
        parts.append(f'<text x="{x + 33}" y="24">{name}</text>')
    note = f"lines: mean of {DRAWS} draws; bands: lowest to highest"
    parts.append(f'<text x="836" y="24" text-anchor="end">{note}</text>')
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img">'
    title = "<title>How good triage is, by the number of tickets learned from</title>"
    return "\n".join([head, title, f"<style>{STYLE}</style>", *parts, "</svg>", ""])


def main():
    if len(sys.argv) < 5:
        raise SystemExit(__doc__)
    folder, field, rules, svg = sys.argv[1:5]
    firstline = sys.argv[5] if len(sys.argv) > 5 else "firstline"
    found = measure(folder, field, rules, firstline)
    print(table(found))
    with open(svg, "w", encoding="utf-8") as file:
        file.write(plot(found))


main()
