"""The outcome of a benchmark: tables in Markdown and JSON, and a verdict on each target."""

import json


class Report:
    def __init__(self, name, title):
        self.name = name
        self.title = title
        self.sections = []  # (heading, columns, rows)
        self.targets = []
        self.notes = []
        self.raw = {}

    def table(self, heading, columns, rows):
        self.sections.append((heading, columns, [[str(cell) for cell in row] for row in rows]))

    def target(self, text, limit, value, unit="", spread=None):
        """A bound that the median must not exceed. value None: it could not be measured."""
        met = None if value is None else value <= limit
        self.targets.append({"text": text, "limit": limit, "value": value, "unit": unit,
                             "spread": spread, "met": met})

    def note(self, text):
        self.notes.append(text)

    def markdown(self):
        lines = [f"## {self.name}: {self.title}", ""]
        for heading, columns, rows in self.sections:
            if heading:
                lines += [f"**{heading}**", ""]
            lines.append("| " + " | ".join(columns) + " |")
            lines.append("|---|" + "---:|" * (len(columns) - 1))
            lines += ["| " + " | ".join(row) + " |" for row in rows]
            lines.append("")
        if self.targets:
            lines += ["| target | limit | measured | spread | verdict |",
                      "|---|---:|---:|---:|---|"]
            lines += [_target_row(target) for target in self.targets]
            lines.append("")
        lines += [f"- {note}" for note in self.notes]
        return "\n".join(lines).rstrip() + "\n"

    def data(self):
        return {"name": self.name, "title": self.title, "targets": self.targets,
                "notes": self.notes, "raw": self.raw,
                "tables": [{"heading": heading, "columns": columns, "rows": rows}
                           for heading, columns, rows in self.sections]}


def _target_row(target):
    verdict = {True: "met", False: "MISSED", None: "not measured"}[target["met"]]
    unit = f" {target['unit']}" if target["unit"] else ""
    value = "-" if target["value"] is None else f"{number(target['value'])}{unit}"
    spread = "-" if target["spread"] is None else spread_of(target["spread"])
    limit = f"≤ {number(target['limit'])}{unit}"
    return f"| {target['text']} | {limit} | {value} | {spread} | {verdict} |"


def number(value):
    """Three significant digits, without an exponent."""
    size = abs(value)
    if size >= 100 or value == int(value):
        return f"{value:,.0f}"
    return f"{value:.1f}" if size >= 10 else f"{value:.2f}" if size >= 0.1 else f"{value:.3f}"


def spread_of(summary):
    return f"{number(summary['min'])}–{number(summary['max'])}"


def heading(machine, versions):
    """The lines above all tables: what it was measured on, and with which peers."""
    kind = "virtual machine" if machine["virtual_machine"] else "machine"
    lines = [f"{machine['cpu']}, {machine['cores']} cores ({kind}), {machine['memory_gib']} GiB, "
             f"Linux {machine['kernel']}, {machine['date']}, "
             f"load average at the start {machine['load_average']:.2f}.", ""]
    lines += [f"- {name}: {version}" for name, version in versions.items()]
    return "\n".join(lines) + "\n"


def write_json(path, machine, versions, reports):
    with open(path, "w", encoding="utf-8") as file:
        json.dump({"machine": machine, "versions": versions,
                   "benchmarks": [report.data() for report in reports]}, file, indent=2)
        file.write("\n")
