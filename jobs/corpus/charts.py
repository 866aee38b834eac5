"""Charts of public data that a package ships; every answer is computed from the plotted numbers."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import pandas as pd
from matplotlib.figure import Figure

from jobs.corpus import public_data
from jobs.corpus.drawing import figure_png, table_text
from jobs.corpus.item import File, Item

Points = Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Chart:
    """What one chart shows: one or two series over the same labels."""

    id: str
    title: str
    what: str
    """The plotted quantity as it stands in a sentence."""
    unit: str
    per: str
    """What a label is: year, month, site, ..."""
    series: Mapping[str, Points]
    form: str = "bar"
    link: str = "of"
    """Joins the quantity to the name of a series: yield IN 1931, deaths FROM disease."""
    adds: bool = False
    """Whether a sum of two labels means something."""

    @property
    def points(self) -> Points:
        """The first series, which most questions are about."""
        return next(iter(self.series.values()))

    @property
    def scope(self) -> str:
        """` in 1931` where several series have to be told apart."""
        return f" {self.link} {next(iter(self.series))}" if len(self.series) > 1 else ""


def number(value: float) -> str:
    """A number as a person writes it: no trailing zeros, at most two decimals."""
    return f"{value:.2f}".rstrip("0").rstrip(".")


def _highest(chart: Chart) -> tuple[str, str]:
    best = max(chart.points, key=chart.points.__getitem__)
    return f"Which {chart.per} has the highest {chart.what}{chart.scope}?", best


def _lowest(chart: Chart) -> tuple[str, str]:
    worst = min(chart.points, key=chart.points.__getitem__)
    return f"In the chart, where is the {chart.what}{chart.scope} lowest? Name the {chart.per}.", worst


def _spread(chart: Chart) -> tuple[str, str]:
    values = chart.points.values()
    question = f"How far apart are the highest and the lowest {chart.what}{chart.scope}, in {chart.unit}?"
    return question, number(max(values) - min(values))


def _change(chart: Chart) -> tuple[str, str]:
    (first, start), *_, (last, end) = chart.points.items()
    verb = "rise" if end > start else "fall"
    question = f"By how many {chart.unit} does the {chart.what}{chart.scope} {verb} from {first} to {last}?"
    return question, number(abs(end - start))


def _sum_of_two(chart: Chart) -> tuple[str, str]:
    (one, left), (two, right), *_ = chart.points.items()
    return f"What do {one} and {two} come to together, in {chart.unit}{chart.scope}?", number(left + right)


def _above(chart: Chart) -> tuple[str, str]:
    values = sorted(chart.points.values())
    line = round((values[len(values) // 2] + values[len(values) // 2 - 1]) / 2, 2)
    count = sum(value > line for value in values)
    question = f"Count the {chart.per} labels whose {chart.what}{chart.scope} is above {number(line)} {chart.unit}."
    return question, str(count)


def _second(chart: Chart) -> tuple[str, str]:
    ranked = sorted(chart.points, key=chart.points.__getitem__, reverse=True)
    return f"Leaving {ranked[0]} aside, which {chart.per} has the greatest {chart.what}{chart.scope}?", ranked[1]


def _versus(chart: Chart) -> tuple[str, str]:
    (one, left), (two, right) = list(chart.series.items())[:2]
    label = list(left)[len(left) // 2]
    question = f"For {label}, is the value of {one} greater than that of {two}?"
    return question, "Yes" if left[label] > right[label] else "No"


def _gap(chart: Chart) -> tuple[str, str]:
    (one, left), (two, right) = list(chart.series.items())[:2]
    label = max(left, key=lambda key: abs(left[key] - right[key]))
    return f"At which {chart.per} do {one} and {two} differ the most?", label


def _value(chart: Chart) -> tuple[str, str]:
    label = list(chart.points)[len(chart.points) // 3]
    return f"Read off the {chart.what}{chart.scope} for {label}.", f"{number(chart.points[label])} {chart.unit}"


Question = Callable[[Chart], tuple[str, str]]
ORDERLESS: tuple[Question, ...] = (_highest, _spread, _value, _second, _lowest, _above)
IN_TIME: tuple[Question, ...] = (_change, _highest, _value, _spread, _lowest, _above)
PAIRED: tuple[Question, ...] = (_gap, _versus)


def _questions(chart: Chart, turn: int, count: int) -> tuple[tuple[str, str], ...]:
    """Different kinds of questions from chart to chart, so that no two neighbours ask the same."""
    kinds = IN_TIME if chart.form == "line" else ORDERLESS
    if chart.form == "pie":
        kinds = (_highest, _second)
    if chart.adds:
        kinds = (_sum_of_two, *kinds)
    if len(chart.series) > 1:
        kinds = (PAIRED[turn % 2], *kinds, PAIRED[(turn + 1) % 2])
    start = turn if len(chart.series) == 1 else turn % 4
    picked = dict.fromkeys(kinds[(start + step) % len(kinds)] for step in range(count))
    return tuple(kind(chart) for kind in picked)


def table(chart: Chart) -> str:
    """The plotted numbers as text."""
    header = [chart.per, *(f"{name} ({chart.unit})" for name in chart.series)]
    rows = [[label, *(number(points[label]) for points in chart.series.values())] for label in chart.points]
    return f"{chart.title}\n{table_text(header, rows)}"


COLOURS: Sequence[str] = ("#33658a", "#f26419", "#758e4f", "#f6ae2d", "#86bbd8", "#6d597a", "#b56576")


def draw(chart: Chart) -> bytes:
    """The chart as PNG."""
    figure = Figure(figsize=(6.4, 4.4), layout="constrained")
    axes = figure.subplots()
    labels = list(chart.points)
    if chart.form == "pie":
        named = [f"{label}: {number(value)}" for label, value in chart.points.items()]
        axes.pie(list(chart.points.values()), labels=named, colors=list(COLOURS))
    else:
        for at, (name, points) in enumerate(chart.series.items()):
            values = [points[label] for label in labels]
            if chart.form == "line":
                axes.plot(labels, values, marker="o", label=name, color=COLOURS[at])
                for place, value in enumerate(values):
                    off = (0, -16 if at else 8)
                    axes.annotate(number(value), (place, value), off, textcoords="offset points", ha="center")
            else:
                width = 0.8 / len(chart.series)
                places = [place + width * (at - (len(chart.series) - 1) / 2) for place in range(len(labels))]
                bars = axes.bar(places, values, width, label=name, color=COLOURS[at])
                axes.bar_label(bars, [number(value) for value in values], fontsize=8)
        axes.set_xticks(range(len(labels)), labels, rotation=25 if max(map(len, labels)) > 7 else 0)
        axes.set_ylabel(chart.unit)
        axes.grid(axis="y", alpha=0.3)
        axes.margins(y=0.12)
        if len(chart.series) > 1:
            figure.legend(loc="outside lower center", ncols=2, frameon=False)
    axes.set_title(chart.title)
    return figure_png(figure)


def _points(frame: "pd.Series[float] | pd.Series[int]") -> dict[str, float]:
    return {str(label): round(float(value), 2) for label, value in frame.items()}


def _year(dates: "pd.Series[str]") -> "pd.Series[int]":
    return pd.to_datetime(dates).dt.year


def _farming() -> Iterator[Chart]:
    barley = public_data.table("barley.json")
    for site, rows in barley.groupby("site"):
        pivot = rows.pivot_table(index="variety", columns="year", values="yield").round(1).iloc[:6]
        series = {str(year): _points(pivot[year]) for year in pivot.columns}
        name = str(site)
        yield Chart(f"barley_{name.lower().replace(' ', '_')}", f"Barley yield at {name}",
                    "barley yield", "bushels per acre", "variety", series, link="in")  # fmt: skip
    wheat = public_data.table("wheat.json").astype({"year": int}).set_index("year")
    for start in (1600, 1680, 1760):
        part = wheat.loc[start : start + 35]
        yield Chart(f"wheat_{start}", f"Price of wheat in England from {start}", "price of a quarter of wheat",
                    "shillings", "year", {"wheat": _points(part["wheat"])}, "line")  # fmt: skip


def _economy() -> Iterator[Chart]:
    power = public_data.table("iowa-electricity.csv")
    power["year"] = _year(power["year"])
    wide = power.pivot_table(index="year", columns="source", values="net_generation")
    for start in (2001, 2006, 2011):
        part = wide.loc[start : start + 5]
        series = {name: _points(part[name]) for name in ("Nuclear Energy", "Renewables")}
        yield Chart(f"iowa_{start}", f"Electricity made in Iowa, {start} to {start + 5}", "net generation",
                    "thousand megawatt-hours", "year", series, "line", link="from")  # fmt: skip
    stocks = public_data.table("stocks.csv")
    mean = stocks.groupby(["symbol", _year(stocks["date"])])["price"].mean().round(1)
    for symbol in ("MSFT", "AMZN", "IBM", "AAPL"):
        points = _points(mean[symbol].loc[2004:2009])
        yield Chart(f"stock_{symbol.lower()}", f"Average {symbol} share price by year", "average share price",
                    "dollars", "year", {symbol: points}, "line")  # fmt: skip
    jobs = public_data.table("us-employment.csv")
    jobs["year"] = _year(jobs["month"])
    yearly = jobs.groupby("year")[["manufacturing", "construction", "government", "information"]].mean().round(0)
    for sector in ("manufacturing", "construction", "government", "information"):
        yield Chart(f"jobs_{sector}", f"US employment: {sector}", f"number of people employed in {sector}",
                    "thousand people", "year", {sector: _points(yearly[sector].loc[2008:2014])}, "bar")  # fmt: skip


def _things() -> Iterator[Chart]:
    weather = public_data.table("seattle-weather.csv")
    years = _year(weather["date"])
    for year in (2012, 2013, 2014, 2015):
        kinds = weather[years == year]["weather"].value_counts()
        yield Chart(f"sky_{year}", f"Seattle: days of {year} by weather", "number of days", "days", "kind of weather",
                    {"days": _points(kinds)}, "pie" if year % 2 else "bar", adds=True)  # fmt: skip
    cars = public_data.table("cars.json")
    cars = cars[cars["Cylinders"].isin([4, 6, 8])]
    for column, what, unit in (("Miles_per_Gallon", "average mileage", "miles per gallon"),
                               ("Horsepower", "average power", "horsepower"),
                               ("Weight_in_lbs", "average weight", "pounds")):  # fmt: skip
        by_origin = _points(cars.groupby("Origin")[column].mean().round(1))
        by_cylinders = _points(cars.groupby("Cylinders")[column].mean().round(1))
        cylinders = {f"{label} cylinders": value for label, value in by_cylinders.items()}
        slug = column.lower().split("_")[0]
        yield Chart(
            f"cars_{slug}_origin", f"Cars of 1970-82: {what} by origin", what, unit, "origin", {"cars": by_origin}
        )
        yield Chart(
            f"cars_{slug}_engine", f"Cars of 1970-82: {what} by engine", what, unit, "engine", {"cars": cylinders}
        )
    crimea = public_data.table("crimea.json")
    dates = pd.to_datetime(crimea["date"])
    crimea["month"] = dates.dt.month_name().str[:3] + " " + dates.dt.year.astype(str)
    for start in (0, 6, 12):
        rows = crimea.iloc[start : start + 6].set_index("month")
        series = {name: _points(rows[name]) for name in ("disease", "wounds")}
        yield Chart(f"crimea_{start}", "British army in the Crimea: deaths by cause", "number of deaths", "deaths",
                    "month", series, link="from", adds=True)  # fmt: skip


@cache
def charts() -> tuple[Chart, ...]:
    """Every chart."""
    return (*_farming(), *_economy(), *_things())


def _items(chosen: Sequence[Chart], turns: int) -> list[Item]:
    return [
        Item(
            chart.id,
            _questions(chart, at, turns),
            (File(f"{chart.id}.png", draw(chart)),),
            table(chart),
        )
        for at, chart in enumerate(chosen)
    ]


def single() -> list[Item]:
    """Charts with one question."""
    return _items(charts()[::3] + charts()[1::3], 1)


def series() -> list[Item]:
    """Charts with three questions each."""
    return _items(charts()[2::3], 3)
