"""Rendered receipts, forms and tables of small public data, with their text."""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from io import BytesIO

import numpy as np
import pandas as pd
import yaml
from PIL import Image, ImageDraw

from jobs.corpus import public_data
from jobs.corpus.drawing import INK, PAPER, font, png, table_text
from jobs.corpus.item import File, Item

SHOPS: Sequence[tuple[str, str, Sequence[tuple[str, float]]]] = (
    ("Corner Bakery", "12 Mill Lane", (("Rye bread", 3.4), ("Croissant", 1.8), ("Apple pie", 4.5), ("Baguette", 2.1))),
    ("Green Leaf Books", "5 Abbey Street", (("Notebook", 6.25), ("Atlas", 24.9), ("Pencil set", 7.5), ("Novel", 11.0))),
    ("Harbour Hardware", "48 Dock Road", (("Hammer", 14.5), ("Nails 1 kg", 5.2), ("Paint 2 l", 19.9), ("Brush", 3.75))),
    ("Sunny Market", "7 Station Square", (("Tomatoes", 2.9), ("Olive oil", 8.6), ("Cheese", 6.4), ("Grapes", 3.3))),
    ("Cafe Lumen", "31 Park Avenue", (("Espresso", 2.2), ("Tea", 2.6), ("Sandwich", 5.9), ("Cheesecake", 4.8))),
)


@dataclass(frozen=True, slots=True)
class Receipt:
    """One sale."""

    number: int
    shop: str
    street: str
    day: str
    bought: Sequence[tuple[str, int, float]]
    paid: float

    @property
    def total(self) -> float:
        """What the goods cost together."""
        return round(sum(count * price for _, count, price in self.bought), 2)

    @property
    def lines(self) -> list[str]:
        """The receipt as it is printed, 30 letters wide."""
        goods = [f"{count} x {name:<16}{count * price:>10.2f}" for name, count, price in self.bought]
        return [
            f"{self.shop:^30}", f"{self.street:^30}", f"Receipt {self.number}{self.day:>{22 - len(str(self.number))}}",
            "-" * 30, *goods, "-" * 30, f"{'TOTAL':<20}{self.total:>10.2f}", f"{'CASH':<20}{self.paid:>10.2f}",
            f"{'CHANGE':<20}{self.paid - self.total:>10.2f}",
        ]  # fmt: skip


def _receipts(count: int) -> list[Receipt]:
    rng, made = np.random.default_rng(1851), []
    for number in range(count):
        shop, street, goods = SHOPS[number % len(SHOPS)]
        chosen = sorted(rng.choice(len(goods), size=int(rng.integers(2, 5)), replace=False))
        bought = [(goods[at][0], int(rng.integers(1, 4)), goods[at][1]) for at in chosen]
        total = sum(times * price for _, times, price in bought)
        day = f"{int(rng.integers(1, 28)):02d}.{int(rng.integers(1, 13)):02d}.2024"
        made.append(Receipt(4100 + 7 * number, shop, street, day, bought, float(10 * (total // 10 + 1))))
    return made


def print_lines(lines: Sequence[str], size: int = 22) -> bytes:
    """Lines of text in a typewriter face on paper."""
    face = font(size, "DejaVu Sans Mono")
    width = int(max(face.getlength(line) for line in lines)) + 60
    page = Image.new("RGB", (max(width, 300), len(lines) * (size + 10) + 60), PAPER)
    draw = ImageDraw.Draw(page)
    for at, line in enumerate(lines):
        draw.text((30, 30 + at * (size + 10)), line, INK, face)
    return png(page)


def _ask(receipt: Receipt, kind: int) -> tuple[str, str]:
    dearest = max(receipt.bought, key=lambda line: line[1] * line[2])
    first = receipt.bought[0]
    return (
        ("What is the total of this receipt?", f"{receipt.total:.2f}"),
        ("Which shop issued the receipt?", receipt.shop),
        ("How much change did the customer get?", f"{receipt.paid - receipt.total:.2f}"),
        (f'What is the price per unit of "{first[0]}"?', f"{first[2]:.2f}"),
        ("Which line of the receipt costs the most?", dearest[0]),
        ("How many pieces were bought in all?", str(sum(count for _, count, _ in receipt.bought))),
        ("On which date was the purchase made?", receipt.day),
        ("With which amount of cash did the customer pay?", f"{receipt.paid:.2f}"),
    )[kind % 8]


def receipts() -> list[Item]:
    """Receipts with a question to read or to calculate."""
    return [
        Item(
            str(receipt.number),
            (_ask(receipt, at),),
            (File(f"receipt_{receipt.number}.png", print_lines(receipt.lines)),),
            "\n".join(" ".join(line.split()) for line in receipt.lines if "--" not in line),
        )
        for at, receipt in enumerate(_receipts(18))
    ]


def forms() -> list[Item]:
    """Filled forms with a question each."""
    items = []
    for at, form in enumerate(yaml.safe_load(files("jobs.corpus").joinpath("forms.yaml").read_text("utf-8"))):
        entries: dict[str, str] = form["entries"]
        lines = [form["title"], "", *(f"{name + ':':<15}{value}" for name, value in entries.items())]
        text = "\n".join([form["title"], *(f"{name}: {value}" for name, value in entries.items())])
        picture = File(f"form_{at}.png", print_lines(lines, 26))
        items.append(Item(f"form_{at}", ((form["question"], form["answer"]),), (picture,), text))
    return items


def draw_table(title: str, header: Sequence[str], rows: Sequence[Sequence[str]]) -> bytes:
    """A table with ruled lines."""
    face, bold = font(20), font(20, "DejaVu Sans:bold")
    widths = [int(max(bold.getlength(row[at]) for row in (header, *rows))) + 32 for at in range(len(header))]
    page = Image.new(
        "RGB", (max(sum(widths) + 40, int(bold.getlength(title)) + 40), 38 * (len(rows) + 1) + 90), "white"
    )
    draw = ImageDraw.Draw(page)
    draw.text((20, 16), title, INK, bold)
    for line, row in enumerate((header, *rows)):
        x, y = 20, 60 + 38 * line
        for cell, width in zip(row, widths, strict=True):
            draw.rectangle((x, y, x + width, y + 38), "#dde6ed" if line == 0 else None, "#8a8a8a")
            draw.text((x + 14, y + 7), cell, INK, bold if line == 0 else face)
            x += width
    return png(page)


def _cell(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _table_item(name: str, title: str, frame: pd.DataFrame, asked: Sequence[tuple[str, str]]) -> list[Item]:
    header, rows = (
        [str(column) for column in frame.columns],
        [[_cell(cell) for cell in row] for row in frame.itertuples(index=False)],
    )
    picture = File(f"{name}.png", draw_table(title, header, rows))
    text = f"{title}\n{table_text(header, rows)}"
    return [Item(f"{name}-{at}", (pair,), (picture,), text) for at, pair in enumerate(asked)]


def _antibiotics() -> list[Item]:
    frame = public_data.table("burtin.json")[["Bacteria", "Penicillin", "Streptomycin", "Neomycin"]].iloc[3:8]
    drugs = frame.set_index("Bacteria")
    resistant = str(drugs["Penicillin"].idxmax())
    weakest = drugs.loc[resistant].idxmin()
    few = int((drugs["Neomycin"] < 1).sum())
    return _table_item("antibiotics", "Dose that stops growth (µg/ml)", frame, (
        ("which bacteria need the largest dose of penicillin?", resistant),
        (f"which of the three drugs stops {resistant} at the smallest dose?", str(weakest)),
        ("how many of the bacteria are stopped by less than 1 µg/ml of neomycin?", str(few)),
    ))  # fmt: skip


def _exercise() -> list[Item]:
    data = files("sklearn.datasets.data").joinpath("linnerud_exercise.csv").read_bytes()
    frame = pd.read_csv(BytesIO(data), sep=r"\s+").iloc[:7]
    frame.insert(0, "Person", [f"P{at}" for at in range(1, 8)])
    best = frame.set_index("Person")["Situps"].idxmax()
    strong = frame[frame["Chins"] > 10]["Person"]
    return _table_item("exercise", "Exercises of seven men in a fitness club", frame, (
        ("who did the most situps?", str(best)),
        ("what is the total number of chins of p1 and p2?", str(int(frame["Chins"].iloc[:2].sum()))),
        ("which persons did more than 10 chins?", ", ".join(strong)),
        ("how many persons jumped fewer than 50 times?", str(int((frame["Jumps"] < 50).sum()))),
    ))  # fmt: skip


def _driving() -> list[Item]:
    frame = public_data.table("driving.json")[["year", "miles", "gas"]].iloc[14:21]
    frame = frame.rename(columns={"miles": "miles driven per person", "gas": "price of gas ($)"})
    miles = frame.set_index("year")["miles driven per person"]
    rise = int(miles.iloc[-1] - miles.iloc[0])
    return _table_item("driving", "Driving in the United States", frame, (
        ("in which year did people drive the most miles?", str(miles.idxmax())),
        (f"how many more miles did a person drive in {miles.index[-1]} than in {miles.index[0]}?", str(rise)),
        ("what was the lowest price of gas in these years?", str(frame["price of gas ($)"].min())),
    ))  # fmt: skip


def _car_models() -> list[Item]:
    cars = public_data.table("cars.json").dropna().iloc[[14, 15, 18, 19, 20, 23]]
    frame = cars[["Name", "Miles_per_Gallon", "Horsepower", "Origin"]].rename(columns={"Miles_per_Gallon": "mpg"})
    light = frame.set_index("Name")
    european = light[light["Origin"] == "Europe"]
    return _table_item("models", "Cars of 1970", frame, (
        ("which car has the most horsepower?", str(light["Horsepower"].idxmax())),
        ("which european car has the lowest mpg?", str(european["mpg"].idxmin())),
        ("how many cars in the table come from japan?", str(int((light["Origin"] == "Japan").sum()))),
    ))  # fmt: skip


def tables() -> list[Item]:
    """Tables with questions in the manner of WikiTableQuestions."""
    return [*_antibiotics(), *_exercise(), *_driving(), *_car_models()]
