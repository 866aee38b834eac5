"""Small reports of biology, chemistry and medicine from packaged data sets and specialist pictures."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pandas as pd
from sklearn.datasets import load_breast_cancer, load_iris, load_wine

from jobs.corpus import public_data
from jobs.corpus.documents import draw_table
from jobs.corpus.drawing import jpeg, packaged, table_text
from jobs.corpus.item import File, Item


def _means(loader: Callable[..., Any], columns: Sequence[str]) -> pd.DataFrame:
    bunch = loader(as_frame=True)
    named = bunch.target.map(lambda at: str(bunch.target_names[at]))
    data: pd.DataFrame = bunch.data[list(columns)].rename(columns=lambda name: name.replace("_", " "))
    return data.groupby(named).mean().round(1)


def _table_items(name: str, title: str, frame: pd.DataFrame, asked: Sequence[tuple[str, str]]) -> list[Item]:
    header = ["group", *map(str, frame.columns)]
    rows = [[str(label), *(f"{value:g}" for value in frame.loc[label])] for label in frame.index]
    picture = File(f"{name}.png", draw_table(title, header, rows))
    text = f"{title}\n{table_text(header, rows)}"
    return [Item(f"{name}_{at}", (pair,), (picture,), text) for at, pair in enumerate(asked)]


def _flowers() -> list[Item]:
    frame = _means(load_iris, ("sepal length (cm)", "petal length (cm)", "petal width (cm)"))
    petals, sepals = frame["petal length (cm)"], frame["sepal length (cm)"]
    return _table_items("iris", "Mean measurements of three iris species", frame, (
        ("Which iris species has the shortest petals on average?", str(petals.idxmin())),
        ("How much longer are the petals of virginica than those of versicolor, in cm?",
         f"{petals['virginica'] - petals['versicolor']:.1f}"),
        ("For setosa, are the sepals longer than the petals?", "Yes" if sepals["setosa"] > petals["setosa"] else "No"),
        ("A flower has petals 5.6 cm long. Which species does it resemble most?",
         str((petals - 5.6).abs().idxmin())),
    ))  # fmt: skip


def _wines() -> list[Item]:
    frame = _means(load_wine, ("alcohol", "malic_acid", "flavanoids", "color_intensity"))
    frame.index = pd.Index([f"cultivar {at}" for at in (1, 2, 3)])
    return _table_items("wine", "Mean chemical analysis of three wine cultivars", frame, (
        ("Which cultivar makes the strongest wine by alcohol?", str(frame["alcohol"].idxmax())),
        ("Which cultivar contains the fewest flavanoids?", str(frame["flavanoids"].idxmin())),
        ("By how much does the colour intensity of cultivar 3 exceed that of cultivar 2?",
         f"{frame['color intensity'].iloc[2] - frame['color intensity'].iloc[1]:.1f}"),
        ("Rank the cultivars by malic acid, highest first.",
         ", ".join(frame["malic acid"].sort_values(ascending=False).index)),
    ))  # fmt: skip


def _tumours() -> list[Item]:
    frame = _means(load_breast_cancer, ("mean radius", "mean texture", "mean area"))
    radius = frame["mean radius"]
    return _table_items("tumour", "Cell nuclei of breast tumours, averages", frame, (
        ("Do malignant or benign tumours have nuclei with the larger radius?", str(radius.idxmax())),
        ("What is the difference in mean radius between the two groups?", f"{radius.max() - radius.min():.1f}"),
        ("Which column shows values in the hundreds?", "mean area"),
    ))  # fmt: skip


def _bacteria() -> list[Item]:
    frame = public_data.table("burtin.json").set_index("Bacteria")
    rows = frame.iloc[[1, 3, 4, 12, 13]]
    header, cells = ["bacteria", "Gram staining"], [[name, row["Gram_Staining"]] for name, row in rows.iterrows()]
    title = "Gram staining of five bacteria"
    picture, text = File("gram.png", draw_table(title, header, cells)), f"{title}\n{table_text(header, cells)}"
    positive = int((rows["Gram_Staining"] == "positive").sum())
    pairs = (
        ("How many of the bacteria are Gram positive?", str(positive)),
        ("What is the Gram staining of Escherichia coli?", str(frame.loc["Escherichia coli", "Gram_Staining"])),
    )
    return [Item(f"gram_{at}", (pair,), (picture,), text) for at, pair in enumerate(pairs)]


PICTURES: Mapping[str, tuple[str, Sequence[tuple[str, str]]]] = {
    "retina.jpg": (
        (
            "A photograph of the back of an eye. A bright disc, the optic disc, lies at the left edge. Vessels branch "
            "out from it. A dark spot, the macula, lies in the middle."
        ),
        (
            ("What part of the body does this photograph show?", "the retina"),
            ("On which side of the picture is the optic disc?", "left"),
            ("From which structure do the blood vessels branch out?", "the optic disc"),
        ),
    ),
    "ihc.png": (
        (
            "Tissue of the colon under a microscope. A brown stain (DAB) marks a protein in the glands. Cell nuclei "
            "are stained blue with haematoxylin."
        ),
        (
            ("Which colour marks the protein in this tissue?", "brown"),
            ("Which stain colours the cell nuclei blue?", "haematoxylin"),
        ),
    ),
    "cell.png": (
        "One bright round cell on a dark ground, right of the middle, seen by quantitative phase imaging.",
        (("How many cells can be seen in the picture?", "1"), ("Is the cell brighter than its surroundings?", "yes")),
    ),
    "phantom.png": (
        (
            "The Shepp-Logan phantom: a drawn cross-section of a head with a white ellipse as the skull and two dark "
            "ellipses inside. It is used to test tomography."
        ),
        (("What is this drawing used to test?", "tomography"), ("What does the white ellipse stand for?", "the skull")),
    ),
}


def _specialist() -> list[Item]:
    items = []
    for name, (evidence, pairs) in PICTURES.items():
        stem = name.split(".")[0]
        photograph = packaged("skimage.data", name)
        photograph.thumbnail((640, 640))
        picture = File(f"{stem}.jpg", jpeg(photograph))
        items += [Item(f"{stem}_{at}", (pair,), (picture,), evidence) for at, pair in enumerate(pairs)]
    return items


def reports() -> list[Item]:
    """Questions about tables of measurements and about specialist pictures."""
    return [*_flowers(), *_wines(), *_tumours(), *_bacteria(), *_specialist()]
