"""Sets of pictures: one changed thing between two scenes, and close-ups of a photograph."""

from dataclasses import replace

import numpy as np

from jobs.corpus.drawing import jpeg, packaged
from jobs.corpus.item import File, Item
from jobs.corpus.scenes import COLOURS, Scene, Thing, describe, draw_scene, make_scene


def _changed(scene: Scene, kind: int, rng: np.random.Generator) -> tuple[Scene, str, str]:
    """Another scene with one difference, a question about the two and its answer."""
    at = int(rng.integers(len(scene)))
    thing = scene[at]
    rest = scene[:at] + scene[at + 1 :]
    if kind == 0:
        return rest, "Which shape of the first picture is missing from the second?", f"the {thing.name}"
    if kind == 1:
        worn = {other.colour for other in scene if other.shape == thing.shape}
        colour = next(name for name in COLOURS if name not in worn)
        new = replace(thing, colour=colour)
        question = f"Which colour did the {thing.shape} at the {thing.place} take in the second picture?"
        return (*scene[:at], new, *scene[at + 1 :]), question, colour
    taken = {(other.row, other.column) for other in scene}
    row, column = next((r, c) for r in range(3) for c in range(3) if (r, c) not in taken)
    if kind == 2:
        moved = replace(thing, row=row, column=column)
        return (*rest, moved), f"Where did the {thing.name} move to?", moved.place
    extra = Thing("green" if thing.colour != "green" else "blue", thing.shape, row, column)
    return (*scene, extra), "How many shapes are in the two pictures together?", str(2 * len(scene) + 1)


def _metadata(dataset: str) -> dict[str, dict[str, str]]:
    return {"metadata": {"dataset": dataset, "split": "train", "question_type": "open-ended"}}


def differences() -> list[Item]:
    """Pairs of scenes with one difference."""
    rng, items = np.random.default_rng(77), []
    for number in range(14):
        scene = make_scene(rng, 4 + number % 3)
        other, question, answer = _changed(scene, number % 4, rng)
        pictures = (File(f"d{number:02d}_a.png", draw_scene(scene)), File(f"d{number:02d}_b.png", draw_scene(other)))
        said = ("First picture: " + describe(scene), "Second picture: " + describe(other))
        text = "\n".join(line.replace("Shapes in the picture: ", "") for line in said)
        items.append(Item(str(number), ((question, answer),), pictures, text, _metadata("demo_differences")))
    return items


CLOSE_UPS = (
    ("astronaut.png", (150, 30, 310, 190), "the face of the astronaut", "the astronaut"),
    ("astronaut.png", (270, 330, 470, 510), "the black and white helmet", "the astronaut"),
    ("coffee.png", (315, 225, 435, 345), "the spoon on the saucer", "the cup of coffee"),
    ("chelsea.png", (115, 65, 215, 165), "an eye of the cat", "the cat"),
    ("rocket.jpg", (280, 120, 370, 330), "the rocket on its pad", "the launch pad"),
    ("motorcycle_left.png", (430, 260, 700, 460), "the front wheel of the motorcycle", "the motorcycle"),
    ("camera.png", (230, 120, 340, 230), "the camera in front of the man's face", "the photographer"),
    ("page.png", (0, 0, 300, 45), "the heading of the page", "the printed page"),
)


def close_ups() -> list[Item]:
    """A photograph and a part of it; every other set has the photograph that the part does not belong to as well."""
    items = []
    for number, (name, box, part, whole) in enumerate(CLOSE_UPS):
        photograph = packaged("skimage.data", name)
        part_of = photograph.crop(box)
        enlarged = part_of.resize((320, 320 * part_of.height // part_of.width))
        pictures = [
            File(f"c{number:02d}_whole.jpg", jpeg(photograph)),
            File(f"c{number:02d}_part.jpg", jpeg(enlarged)),
        ]
        said = [f"First picture: {whole}.", f"Second picture: {part}, cut from the first picture and enlarged."]
        question, answer = "What does the second picture show of the first?", part
        if number % 2:
            other, _, _, stranger = CLOSE_UPS[(number + 3) % len(CLOSE_UPS)]
            place = number // 2 % 2  # where the stranger goes
            pictures.insert(place, File(f"c{number:02d}_other.jpg", jpeg(packaged("skimage.data", other))))
            shown = (stranger, whole) if place == 0 else (whole, stranger)
            said = [f"First picture: {shown[0]}.", f"Second picture: {shown[1]}.", f"Third picture: {part}, enlarged."]
            question = "From which of the first two pictures was the third one cut?"
            answer = "the second picture" if place == 0 else "the first picture"
        items.append(
            Item(str(number), ((question, answer),), tuple(pictures), "\n".join(said), _metadata("demo_close_ups"))
        )
    return items
