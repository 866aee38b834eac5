"""XML as plain objects, as hostile as it may be."""

from typing import Any
from xml.etree.ElementTree import Element, ParseError

import defusedxml.ElementTree
from defusedxml import DefusedXmlException

from schemas.enums import DropReason
from schemas.errors import Drop

_DEEPEST = 200
_ATTRIBUTE = 500
"""Letters; longer attributes are masks and polygons that no text needs."""


def tree_of(data: bytes | str) -> dict[str, Any]:
    """The root: attributes as `@name`, children in lists by tag, text as `#text`, its own tag as `_root`; or Drop."""
    try:
        root = defusedxml.ElementTree.fromstring(data)
    except DefusedXmlException as error:
        raise Drop(DropReason.MALFORMED, f"refused: {error}"[:300]) from None
    except (ParseError, ValueError) as error:
        raise Drop(DropReason.MALFORMED, f"not XML: {error}"[:300]) from None
    return {"_root": root.tag, **_node(root, 0)}


def _node(element: Element, depth: int) -> dict[str, Any]:
    if depth > _DEEPEST:
        raise Drop(DropReason.MALFORMED, f"nested deeper than {_DEEPEST}")
    node: dict[str, Any] = {f"@{name}": value for name, value in element.items() if len(value) <= _ATTRIBUTE}
    if element.text and element.text.strip():
        node["#text"] = element.text.strip()
    for child in element:
        node.setdefault(child.tag, []).append(_node(child, depth + 1))
    return node
