"""Reads the Prometheus text format strictly."""

import re

_SAMPLE = re.compile(r"([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)(?: (-?\d+))?")
_LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\"n])*)"(?:,|$)')


class page:
    def __init__(self, text):
        self.types, self.samples = {}, {}
        assert text.endswith("\n"), "the last line has no end"
        for line in text.splitlines():
            self._line(line)

    def _line(self, line):
        if line.startswith("# TYPE "):
            name, kind = line[7:].split(" ")
            assert name not in self.types, f"two TYPE lines for {name}"
            assert kind in ("counter", "gauge", "histogram", "summary", "untyped"), line
            self.types[name] = kind
        elif line and not line.startswith("#"):
            match = _SAMPLE.fullmatch(line)
            assert match, f"not a sample: {line!r}"
            key = (match[1], _labels(match[2] or ""))
            assert key not in self.samples, f"sample comes twice: {line!r}"
            self.samples[key] = float(match[3])

    def names(self):
        return {name for name, _ in self.samples}

    def sum(self, metric, **labels):
        """The sum over all samples of `metric` that carry the given labels."""
        return sum(value for (name, have), value in self.samples.items()
                   if name == metric and labels.items() <= dict(have).items())

    def labels(self, metric, label):
        return {dict(have)[label] for name, have in self.samples
                if name == metric and label in dict(have)}


def _labels(text):
    found, at = [], 0
    while at < len(text):
        match = _LABEL.match(text, at)
        assert match, f"bad labels: {text!r}"
        found.append((match[1], match[2]))
        at = match.end()
    return frozenset(found)
