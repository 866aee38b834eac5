"""From facts to one self-contained page: escaped everywhere, closed by a content security policy, no assets."""

import re
from base64 import b64encode
from functools import cache
from hashlib import sha256
from importlib import resources

from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup

from schemas.errors import InputError
from udfs import files

_HIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb"
    "\ud800-\udfff\ufffe\uffff\U000e0000-\U000e007f]"
)
_MARKDOWN = re.compile(r"([\\`*_{}\[\]|~$!#@]|:(?=//)|(?<=www)\.|^[-+=]|(?<=^\d)[.)])")
"""What Markdown would take for more than a letter, bare addresses included."""


def visible(text: str) -> str:
    """The text with every control, direction and invisible character spelled out, so that nothing hides or reorders."""
    return _HIDDEN.sub(lambda match: f"⟨U+{ord(match[0]):04X}⟩", text.replace("\r\n", "\n"))


def _finalize(value: object) -> object:
    # Markup is our own; everything else that is a string may be a stranger's.
    return visible(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def number(value: float | None, digits: int = 0) -> str:
    """Digits in groups; a dash for nothing."""
    return "–" if value is None or value != value else f"{value:,.{digits}f}"


def percent(share: float | None) -> str:
    """A share as percent with one decimal; a dash for nothing."""
    return "–" if share is None or share != share else f"{100 * share:.1f} %"


def markdown(value: object) -> Markup:
    """Text as one line of Markdown that means only itself."""
    line = " ".join(visible(str(value)).split())
    return Markup(_MARKDOWN.sub(r"\\\1", line).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;"))  # noqa: S704 - escaped here


def _asset(name: str) -> str:
    return resources.files("jobs.report").joinpath("templates", name).read_text("utf-8")


@cache
def environment() -> Environment:
    """All templates escape; an unknown name is an error."""
    made = Environment(
        loader=FunctionLoader(_asset),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_finalize,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    made.filters |= {"number": number, "percent": percent, "md": markdown, "visible": visible}
    return made


def _inline(name: str) -> tuple[Markup, str]:
    """Our own style or script for a page, and the source expression that allows exactly it."""
    text = _asset(name)
    return Markup(text), f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"  # noqa: S704 - our own file


def render_page(template: str, script: str | None = None, **facts: object) -> str:
    """A page with its style, at most one script, and a policy that allows these two and pictures in data URLs."""
    style, style_hash = _inline("page.css")
    code, code_hash = _inline(script) if script else (Markup(), "'none'")
    policy = (
        f"default-src 'none'; img-src data:; style-src {style_hash}; script-src {code_hash}; "
        "base-uri 'none'; form-action 'none'"
    )
    page = environment().get_template(template)
    return page.render(style=style, script=code, policy=policy, **facts)


def write_page(uri: str, text: str) -> int:
    """Writes a page whole; the number of bytes."""
    data = text.encode()
    try:
        files.write_bytes(uri, data)
    except OSError as error:
        raise InputError(f"{uri} cannot be written: {error}", "name a file in a folder that can be written") from error
    return len(data)


def render_text(template: str, **facts: object) -> str:
    """A template that is no page: a fragment, or Markdown."""
    return environment().get_template(template).render(**facts)
