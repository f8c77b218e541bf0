"""Writing SVG: elements with escaped attributes, placed in percent so that text stays its size.

A drawing has no ``viewBox``: across, everything is in percent of its width; down, in pixels. So it
fills whatever room there is, and its letters are as large as those around it.
"""

from __future__ import annotations

from markupsafe import Markup, escape

__all__ = ["Attribute", "joined", "pc", "tag", "title"]

Attribute = str | int | float | None


def tag(name: str, *children: Markup | str, **attributes: Attribute) -> Markup:
    """An element. ``class_`` and such lose the underscore, others become dashes; None is left out.

    Children that are no :class:`Markup` are escaped.
    """
    written = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(_short(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    if not children:
        return Markup(f"<{name}{written}/>")
    return Markup(f"<{name}{written}>") + joined(*children) + Markup(f"</{name}>")


def joined(*parts: Markup | str) -> Markup:
    """Parts one after another; what is no :class:`Markup` is escaped."""
    return Markup("").join(parts)


def title(text: str) -> Markup:
    """What a pointer that rests on the element is told."""
    return tag("title", text)


def pc(share: float) -> str:
    """A share of the width as percent, to a hundredth: ``12.5%``."""
    return f"{round(share * 100, 2):g}%"


def _short(value: str | int | float) -> str:
    return f"{round(value, 2):g}" if isinstance(value, float) else str(value)
