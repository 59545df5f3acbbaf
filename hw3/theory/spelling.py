"""A formula as people write it, in plain signs: typographic signs, Greek letters, subscripts and LaTeX respelled.

Only signs are exchanged and taken apart here; what a formula may hold is decided in ``expressions``.
"""

import re
import unicodedata
from collections.abc import Iterable

MAX_PARTS = 150
FUNCTIONS = {"cos": (1, 1), "sin": (1, 1), "max": (2, 8), "min": (2, 8), "step": (1, 1)}  # fewest, most arguments
ALLOWED = "numbers, the question's names, + - * / ^ ( ), comparisons such as [z1 > z2], cos, sin, max, min and step"
_TOKEN = re.compile(
    r" *(?:(?P<number>(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,2}(?![0-9]))?)"
    r"|(?P<name>[A-Za-z]+(?:_[A-Za-z]+)*(?:_?[0-9]+)?)"
    r"|(?P<sign>\*\*|>=|<=|[-+*/^()<>,\[\]{}]))"
)

_SIGNS = str.maketrans(
    {
        **dict.fromkeys("−–—‐‑‒﹣－", "-"),
        **dict.fromkeys("×·⋅∙•∗✕✖⨯", "*"),
        **dict.fromkeys("÷∕⁄", "/"),
        **dict.fromkeys("≥⩾", ">="),
        **dict.fromkeys("≤⩽", "<="),
        **dict.fromkeys("\t\u00a0\u2009\u202f\u2062", " "),  # the last one is the invisible times
        **dict.fromkeys("\u200b\u200c\u200d\u200e\u200f\u2060\ufeff\u00ad", ""),  # signs of no width, from copied text
        **dict(zip("₀₁₂₃₄₅₆₇₈₉", "0123456789", strict=True)),
        **dict.fromkeys("∧&", ","),
        "𝟙": " 1 ",
        "’": "'",
        **dict(zip("＋／（）٫٬،", "+/().,,", strict=True)),
    }
)
_SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "0123456789-")
_COMMANDS = {
    **dict.fromkeys(("cdot", "times", "ast"), "*"),
    **dict.fromkeys(("ge", "geq", "geqslant"), ">="),
    **dict.fromkeys(("le", "leq", "leqslant"), "<="),
    **dict.fromkeys(("land", "wedge"), ","),
    **dict.fromkeys(("frac", "dfrac", "tfrac", "cfrac"), " frac "),
    **dict.fromkeys((f"{size}{side}" for size in ("big", "Big", "bigg", "Bigg") for side in ("", "l", "r")), " "),
    **dict.fromkeys(("left", "right", "mathbb", "mathbf", "mathrm", "displaystyle"), " "),
    **dict.fromkeys((",", ";", ":", "!", " ", "quad", "qquad"), " "),
    **{name: f" {name}" for name in ("alpha", "delta", "omega", "pi", "cos", "sin", "max", "min")},
    "div": "/",
    "gt": ">",
    "lt": "<",
    **dict(zip("{}()[]", "()()[]", strict=True)),
}


class RefusedError(ValueError):
    """The text is not a formula that can be judged; the message says what was met and what is allowed."""


def _command(match: re.Match[str]) -> str:
    if match[1] not in _COMMANDS:
        raise RefusedError(
            rf"the LaTeX command \{match[1]} is not read here; \frac, \hat{{y}}, \cdot, \left, \right, \max, \cos and "
            "Greek letters are, or write the formula in plain signs"
        )
    return _COMMANDS[match[1]]


def _latex(text: str) -> str:
    text = re.sub(r"\\(?:wide)?hat\s*(?:\{\s*y\s*\}|y)", " yhat ", text)
    text = re.sub(r"\\(?:mathrm|operatorname|text|mathbf|mathbb|mathds)\s*\{\s*(\w+)\s*\}", r" \1 ", text)
    text = re.sub(r"\\([dtc]?frac)\s*([0-9])", r"\\\1{\2}", text)
    text = re.sub(r"(\\[dtc]?frac\s*\{[^{}]*\})\s*([0-9])", r"\1{\2}", text)
    text = _indicator(re.sub(r"\\([A-Za-z]+|.)", _command, text))
    return re.sub(r"_\s*\{\s*(\w+)\s*\}", r"_\1", text).replace("{", "(").replace("}", ")")


def _indicator(text: str) -> str:
    """1_{z1 > z2} as 1[z1 > z2]: the condition of an indicator is often its index."""
    text = re.sub(r"_\s*\{\s*\(([^{}()]*[<>][^{}()]*)\)\s*\}", r"[\1]", text)
    return re.sub(r"_\s*\{([^{}]*[<>][^{}]*)\}", r"[\1]", text)


def _letter(sign: str) -> str:
    """One letter in the usual alphabet, one digit as 0 to 9: 𝑥 is x, δ is delta, ۲ is 2."""
    if unicodedata.category(sign) == "Nd":
        return str(unicodedata.decimal(sign))
    sign = unicodedata.normalize("NFKC", sign) if unicodedata.category(sign).startswith("L") else sign
    return unicodedata.name(sign).split()[-1].lower() if "α" <= sign <= "ω" else sign


def plain(text: str) -> str:
    """``text`` respelled: − as -, · as *, δ₁ and \\delta_1 as delta1, ŷ as yhat, x² as x^(2), 96 096 as 96096.

    Raises:
        RefusedError: a LaTeX command that is not known.
    """
    text = unicodedata.normalize("NFC", "".join(map(_letter, text.replace("{,}", "").translate(_SIGNS)))).replace(
        "ŷ", "yhat"
    )
    text = re.sub("[⁰¹²³⁴-⁹⁻]+", lambda power: f"^({power[0].translate(_SUPERSCRIPTS)})", text).strip(" $")
    if whole := re.fullmatch(r"\\([(\[])((?:(?!\\[()\[\]]).)*)\\[)\]]", text, re.S):  # \( and \) around all of it
        text = whole[2]
    text = _latex(text) if "\\" in text else _indicator(text)
    text = re.sub(r"\^\s*\{([^{}]*)\}", r"^(\1)", re.sub(r"_\{(\w+)\}", r"_\1", text))
    text = _powers_behind(re.sub(r"\band\b", ",", text))
    grouped = r"(?P<before>[/^]\s*)?(?<![\w.])[1-9][0-9]{0,2}(?:[ _'][0-9]{3})+(?!\w)"  # 5/9 255 is a product
    return re.sub(grouped, lambda n: n[0] if n["before"] else re.sub("[ _']", "", n[0]), text).strip()


def _powers_behind(text: str) -> str:
    """cos^2(w) and cos^2 w as (cos(w))^(2)."""
    bare = r"(?!frac|pi)(?P<bare>[A-Za-z]+(?:_?[0-9]+)?)(?![A-Za-z0-9_(])"
    power = r"\s*\^\s*\(?\s*([0-9]{1,2})\s*\)?\s*"
    text = re.sub(rf"(?<![A-Za-z])(cos|sin){power}{bare}", r"(\1(\g<bare>))^(\2)", text)
    while match := re.search(rf"(?<![A-Za-z])(cos|sin){power}\(", text):
        depth, end = 1, match.end()
        while depth and end < len(text):
            depth += {"(": 1, ")": -1}.get(text[end], 0)
            end += 1
        text = f"{text[: match.start()]}({match[1]}({text[match.end() : end]})^({match[2]}){text[end:]}"
    return text


def tokens(text: str, names: Iterable[str]) -> list[str]:
    """The numbers, names and signs of ``text``; names written together, such as bv1, are taken apart."""
    result: list[str] = []
    position = 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            sign = text[position:].lstrip(" ")[0]
            within = text.count("[", 0, position) > text.count("]", 0, position)
            equal = "; compare with > or <, as in [z1 > z2]" if within else "; write only what stands right of it"
            hint = equal if sign == "=" else ""
            raise RefusedError(f"the sign {sign!r} is not allowed; use {ALLOWED}{hint}")
        position = match.end()
        if (match["number"] or "").endswith(".") and text[position : position + 1] == "(":
            raise RefusedError(f"{match['number']}(...) is not read; write a repeating decimal as a fraction")
        result += _names(match["name"], names) if match["name"] else [match["number"] or match["sign"]]
    if len(result) > MAX_PARTS:
        raise RefusedError(f"the formula has {len(result)} parts; {MAX_PARTS} are the limit, write a simpler form")
    return result


def _names(word: str, names: Iterable[str]) -> list[str]:
    name = word.replace("_", "")
    if name in names or name == "frac":
        return [name]
    if name.lower() in FUNCTIONS:
        return [name.lower()]
    known = sorted((*names, *FUNCTIONS), key=len, reverse=True)
    parts = re.findall("|".join(known), name)
    if "".join(parts) != name:
        raise RefusedError(f"the name {word[:40]!r} is unknown here; known: {', '.join((*sorted(names), *FUNCTIONS))}")
    return parts
