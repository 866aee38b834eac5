"""Recomputes the arithmetic that a response writes out, without evaluating code."""

import ast
import re
from fractions import Fraction

MAX_CHARS, MAX_CHAINS, MAX_EXPRESSION, MAX_POWER = 50_000, 200, 200, 12
ROUGH = Fraction(1, 50)
"""Relative error that `≈` allows."""

_NUM = r"(?:\d{1,3}(?:,\d{3})+(?!\d)|\d{1,18})(?:\.\d{1,18})?|\.\d{1,18}"
_UNIT = r"(?:\s?(?:[a-zA-Z]{3,12}|cm|mm|km|kg|mg|ml|ft|in|m|g|°C?|°F)(?:[²³]|\^[23])?(?=\s*(?:[-+*/=≈)]|$)))?"
_TERM = rf"[-+]?\s?\({{0,6}}+\s?-?[$€£]?\s?(?:{_NUM})(?:\s?%)?{_UNIT}(?:\s?\))*"
_EXPRESSION = rf"{_TERM}(?:\s*(?:\*\*|[-+*/^])\s*{_TERM}){{0,24}}+"
_CHAIN = re.compile(rf"(?<![\w.)^*/+=√\\-])(?<![*/+^=-]\s)({_EXPRESSION}(?:\s*[=≈]\s*{_EXPRESSION})+)")
_OPEN_END = re.compile(r"\s*(?:[*/^(=√\\]|[-+]\s*[\w(\\])|[a-zA-Z]{1,2}\b(?!\.)\s*[-+*/^=]|[\w(]")
_NUMBER = re.compile(_NUM)
_OPERATOR = re.compile(r"(?<=[\d%)])\s*[-+*/^]")

_LATEX = (
    (re.compile(r"\\[dt]?frac\s*\{([^{}]{1,60})\}\s*\{([^{}]{1,60})\}"), r"(\1)/(\2)"),
    (re.compile(r"\\text\s*\{([^{}]{0,40})\}"), r" \1"),
    (re.compile(r"\\(?:times|cdot)(?![a-zA-Z])"), "*"),
    (re.compile(r"\\div(?![a-zA-Z])"), "/"),
    (re.compile(r"\\approx(?![a-zA-Z])"), "≈"),
    (
        re.compile(r"\\[%$,;! ]|\\left|\\right|\\[()\[\]]|\*\*(?!\s*\d)|(?<![\d)])\*\*|`"),
        lambda m: "%" if m[0] == r"\%" else "",
    ),
    (re.compile(r"\$(?!\d)"), ""),
    (re.compile(r"(?<=[\d%)])\s*[xX](?=\s+[$(]?\d|\d)"), "*"),
    (re.compile(r"(?<=%)\s+of\s+(?=[$€£]?\d)"), " * "),
)
_SIGNS = str.maketrans(
    {"×": "*", "·": "*", "∙": "*", "⋅": "*", "÷": "/", "−": "-", "–": "-", "＝": "=", "≃": "≈", "~": "≈"}
)


def arithmetic_holds(text: str) -> bool | None:
    """Whether every chain `a op b = c` in the text recomputes, within the rounding of how c is written.

    None where the text holds no such chain. Equations with unknowns are left alone.
    """
    text = text[:MAX_CHARS].translate(_SIGNS)
    for pattern, put in _LATEX:
        text = pattern.sub(put, text)
    verdicts = []
    for count, match in enumerate(_CHAIN.finditer(text)):
        if count == MAX_CHAINS:
            break
        sides = [_plain(side) for side in re.split(r"([=≈])", match[1])]
        if _OPEN_END.match(text, match.end()):
            del sides[-2:]
        verdicts += _compare(sides)
    return all(verdicts) if verdicts else None


def _compare(sides: list[str]) -> list[bool]:
    """One verdict for each neighbouring two sides of which one computes something."""
    verdicts = []
    for at in range(0, len(sides) - 2, 2):
        left, sign, right = sides[at : at + 3]
        if not (_OPERATOR.search(left) or _OPERATOR.search(right)):
            continue
        values = _value(left), _value(right)
        if values[0] is not None and values[1] is not None and not _relative_percent(left):
            if _OPERATOR.search(left) and _OPERATOR.search(right):
                rounded = sign == "≈" or "." in left + right
                verdicts.append(abs(values[0] - values[1]) <= (ROUGH * abs(values[0]) if rounded else 0))
            elif _OPERATOR.search(left):
                verdicts.append(_close(values[0], values[1], right, sign == "≈"))
            else:
                verdicts.append(_close(values[1], values[0], left, sign == "≈"))
    return verdicts


def _relative_percent(expression: str) -> bool:
    """`50 + 10%`: whether it means 55 or 50.1 is anyone's guess."""
    return (
        "%" in expression
        and expression.count("%") < len(_NUMBER.findall(expression))
        and bool(re.search(r"\d%?\s*[-+]", expression))
    )


def _close(computed: Fraction, written: Fraction, spelled: str, rough: bool) -> bool:
    number = (_NUMBER.findall(spelled) or [""])[0]
    decimals = len(number.partition(".")[2])
    half = Fraction(1, 2 * 10**decimals)
    for scale in (1, 100) if "%" in spelled else (1,):
        unit = half / (100 if "%" in spelled and scale == 1 else 1)
        expected = computed if scale == 1 else computed / 100
        error = abs(expected - written)
        if error < unit or (error == unit and abs(written) > abs(expected)):
            return True
        if rough and error <= ROUGH * abs(expected):
            return True
    return False


def _plain(expression: str) -> str:
    """The expression without currencies, units and thousands separators."""
    bare = re.sub(r"[a-zA-Z]+(?:[²³]|\^[23])?|[$€£°²³]|(?<=\d),(?=\d{3})", "", expression)
    return re.sub(r"(?<![\d.])0+(?=\d)", "", bare).strip().lstrip("+ ")


def _value(expression: str) -> Fraction | None:
    """Value of plain arithmetic; None if it is anything else."""
    bare = expression.replace("%", "/100").replace("^", "**")
    if len(bare) > MAX_EXPRESSION:
        return None
    try:
        return _fold(ast.parse(bare, mode="eval").body, bare)
    except (SyntaxError, ValueError, ZeroDivisionError, RecursionError, MemoryError):
        return None


def _fold(node: ast.expr, source: str) -> Fraction:
    if isinstance(node, ast.Constant) and isinstance(node.value, int | float):
        return Fraction(ast.get_source_segment(source, node) or "")
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.UAdd):
        value = _fold(node.operand, source)
        return -value if isinstance(node.op, ast.USub) else value
    if isinstance(node, ast.BinOp):
        return _apply(node.op, _fold(node.left, source), _fold(node.right, source))
    raise ValueError(f"not arithmetic: {source}")


def _apply(operator: ast.operator, left: Fraction, right: Fraction) -> Fraction:
    match operator:
        case ast.Add():
            return left + right
        case ast.Sub():
            return left - right
        case ast.Mult():
            return left * right
        case ast.Div():
            return left / right
        case ast.Pow() if right.denominator == 1 and abs(right) <= MAX_POWER and abs(left) < 10**9:
            return left ** int(right)
    raise ValueError("not arithmetic")
