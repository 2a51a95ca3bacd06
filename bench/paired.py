"""Contenders that take turns, round by round, and what their figures give together."""

import measure
from report import number, spread_of


class Contenders:
    """Each contender is a function that measures one round and gives its figures by name."""

    def __init__(self, measures):
        self._measures = measures
        self.figures = {name: {} for name in measures}  # contender -> figure -> one per round

    def run(self, rounds):
        """A B C, B C A, ...: what the machine does meanwhile hits all alike."""
        names = list(self._measures)
        for turn in range(rounds):
            first = turn % len(names)
            for name in names[first:] + names[:first]:
                for figure, value in self._measures[name]().items():
                    self.figures[name].setdefault(figure, []).append(value)
        return self

    def values(self, contender, figure):
        """One value for each round; nothing when the contender does not give that figure."""
        return self.figures.get(contender, {}).get(figure, [])

    def summary(self, contender, figure):
        values = self.values(contender, figure)
        return measure.summary(values) if values else None

    def ratio(self, ours, figure, theirs, their_figure=None):
        """The summary of ours over theirs, taken within each round."""
        mine, other = self.values(ours, figure), self.values(theirs, their_figure or figure)
        return measure.summary(measure.ratios(mine, other)) if mine and other else None


def cells(summary):
    """The two cells of a table: median, and lowest to highest."""
    return ["-", "-"] if summary is None else [number(summary["median"]), spread_of(summary)]


def target(report, text, limit, summary, unit=""):
    report.target(text, limit, summary and summary["median"], unit=unit, spread=summary)
