"""Source text as data: it cannot close its fence, pose as a control token or claim a picture."""

import re

TAGS = ("evidence", "question", "answer", "known_answer")
"""Fences of the data block; the same for every prompt, so that requests share their beginning."""

_WORDS = (
    *TAGS, "image", "video", "audio", "img", "img_context", "box", "ref", "quad", "s", "bos", "eos", "pad", "unk",
    "mask",
    "sep", "cls", "sys", "think", "tool_call", "tool_response", "start_of_turn", "end_of_turn", "start_of_image",
    "end_of_image", "image_soft_token", "im_start", "im_end", "im_patch", "endoftext", "fim_prefix", "fim_middle",
    "fim_suffix",
)  # fmt: skip
_BRACKETED = (
    "inst", "img", "img_break", "img_end", "system_prompt", "available_tools", "tool_calls", "tool_results", "sep",
    "cls", "mask", "pad", "unk",
)  # fmt: skip
_CONTROL = re.compile(
    rf"<(?=\s*/?\s*(?:{'|'.join(_WORDS)})\s*\d*\s*/?\s*>)"  # <image>, </question>, <s>
    r"|<(?=\s*[|\uff5c])"  # <|im_end|> and its full-width twin
    r"|(?<=[|\uff5c])\s*>"
    r"|<(?=<\s*/?\s*SYS)"
    rf"|\[(?=\s*/?\s*(?:{'|'.join(_BRACKETED)})\s*\])",
    re.IGNORECASE,
)
_TWIN = {"<": "‹", ">": "›", "[": "⟦"}
_PLACEHOLDER = re.compile(r"<(image|video)>")


def neutralise(text: str) -> str:
    """The text with the first bracket of every control token and fence replaced by a look-alike.

    For prompts only; stored text keeps what the source wrote.
    """
    return _CONTROL.sub(lambda match: _TWIN[match.group().strip()], text)


def placeholders(texts: list[str]) -> list[str]:
    """Placeholders in their order, `<image>` or `<video>`."""
    return [match.group() for text in texts for match in _PLACEHOLDER.finditer(text)]


def name_placeholders(texts: list[str]) -> list[str]:
    """Texts with the k-th placeholder turned into words, or dropped where there is only one."""
    total = len(placeholders(texts))
    count = 0

    def name(match: re.Match[str]) -> str:
        nonlocal count
        count += 1
        return f"({match[1]} {count})" if total > 1 else ""

    return [_PLACEHOLDER.sub(name, text).strip() for text in texts]


def cut(text: str, limit: int) -> str:
    """The text, or its beginning and end with a note of how much was left out between them."""
    if len(text) <= limit:
        return text
    head, tail = limit * 2 // 3, limit - limit * 2 // 3
    return f"{text[:head]}\n[... {len(text) - limit} characters left out ...]\n{text[-tail:]}"


def fence(tag: str, text: str) -> str:
    """The text between tags that it cannot contain."""
    return f"<{tag}>\n{text}\n</{tag}>"
