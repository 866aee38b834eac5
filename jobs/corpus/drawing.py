"""Pictures to bytes that are the same on every run."""

from importlib.resources import as_file, files
from io import BytesIO

from matplotlib.figure import Figure
from matplotlib.font_manager import findfont
from PIL import Image, ImageFont

INK, PAPER = "#222222", "#fdfcf8"


def font(size: int, family: str = "DejaVu Sans") -> ImageFont.FreeTypeFont:
    """A font that matplotlib ships, in px."""
    return ImageFont.truetype(findfont(family), size)


def packaged(package: str, name: str) -> Image.Image:
    """A picture that lies inside an installed package."""
    with as_file(files(package).joinpath(name)) as path, Image.open(path) as picture:
        return picture.convert("RGBA" if picture.mode == "RGBA" else "RGB")


def png(picture: Image.Image) -> bytes:
    """A picture as PNG."""
    buffer = BytesIO()
    picture.save(buffer, "PNG")
    return buffer.getvalue()


def jpeg(picture: Image.Image, quality: int = 88) -> bytes:
    """A picture as JPEG, transparent parts on white."""
    if picture.mode == "RGBA":
        ground = Image.new("RGB", picture.size, "white")
        ground.paste(picture, mask=picture.getchannel("A"))
        picture = ground
    buffer = BytesIO()
    picture.convert("RGB").save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()


def figure_png(figure: Figure) -> bytes:
    """A chart as PNG without the name of the software."""
    buffer = BytesIO()
    figure.savefig(buffer, format="png", dpi=100, metadata={"Software": None})
    return buffer.getvalue()


def table_text(header: list[str], rows: list[list[str]]) -> str:
    """A table as people write it in text: cells between bars, one row a line."""
    return "\n".join(" | ".join(row) for row in [header, *rows])
