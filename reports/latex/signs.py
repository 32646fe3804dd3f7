"""How LaTeX writes a sign in ASCII, with nothing but its kernel."""

from __future__ import annotations

import unicodedata
from functools import cache

SIGNS = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "_": r"\_",
    "%": r"\%",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': "''",
    "`": r"\textasciigrave{}",
    "*": "{*}",
    "[": "{[}",
    "]": "{]}",
    "±": r"$\pm$",
    "×": r"$\times$",
    "≈": r"$\approx$",
    "≤": r"$\leq$",
    "≥": r"$\geq$",
    "≠": r"$\neq$",
    "∞": r"$\infty$",
    "√": r"$\surd$",
    "→": r"$\rightarrow$",
    "←": r"$\leftarrow$",
    "−": "$-$",
    "↑": r"$\uparrow$",
    "↓": r"$\downarrow$",
    "·": r"$\cdot$",
    "°": r"$^\circ$",
    "½": r"$\frac{1}{2}$",
    "¼": r"$\frac{1}{4}$",
    "¾": r"$\frac{3}{4}$",
    "µ": r"$\mu$",
    "—": r"\textemdash{}",
    "–": r"\textendash{}",
    "‐": "-",
    "…": r"\ldots{}",
    "‘": r"\textquoteleft{}",
    "’": r"\textquoteright{}",
    "“": r"\textquotedblleft{}",
    "”": r"\textquotedblright{}",
    "†": r"\textsuperscript{\dag}",
    "ß": r"\ss{}",
    "æ": r"\ae{}",
    "Æ": r"\AE{}",
    "œ": r"\oe{}",
    "ø": r"\o{}",
    "Ø": r"\O{}",
    "ł": r"\l{}",
    "Ł": r"\L{}",
    "ı": r"\i{}",
    "ς": r"$\varsigma$",
    "\N{NO-BREAK SPACE}": "~",
}
GREEK = {
    *("alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "iota", "kappa"),
    *("lambda", "mu", "nu", "xi", "pi", "rho", "sigma", "tau", "upsilon", "phi", "chi", "psi"),
    *("omega", "Gamma", "Delta", "Theta", "Lambda", "Xi", "Pi", "Sigma", "Upsilon", "Phi", "Psi"),
    "Omega",
}
ACCENTS = {
    **{"\u0300": "`", "\u0301": "'", "\u0302": "^", "\u0303": "~", "\u0308": '"', "\u0304": "="},
    **{"\u0306": "u", "\u0307": ".", "\u030a": "r", "\u030b": "H", "\u030c": "v", "\u0327": "c"},
}
"""Combining marks, and the commands that set them."""
RAISED = {"<super>": "textsuperscript", "<sub>": "textsubscript"}


@cache
def latex_sign(sign: str) -> str:
    """One sign; what LaTeX's kernel does not have by its number, as U+2603."""
    if sign in SIGNS or " " <= sign <= "~":
        return SIGNS.get(sign, sign)
    return _greek(sign) or _composed(sign) or f"U+{ord(sign):04X}"


def _greek(sign: str) -> str:
    alphabet, _, name = unicodedata.name(sign, "").replace("LAMDA", "LAMBDA").partition(" LETTER ")
    name = {"GREEK SMALL": str.lower, "GREEK CAPITAL": str.capitalize}.get(alphabet, str)(name)
    return rf"$\{name}$" if name in GREEK else ""


def _composed(sign: str) -> str:
    """A letter with its accent, or a digit that is raised or lowered."""
    kind, *codes = unicodedata.decomposition(sign).split() or [""]
    if kind in RAISED and len(codes) == 1:
        return rf"\{RAISED[kind]}{{{latex_sign(chr(int(codes[0], 16)))}}}"
    plain = unicodedata.normalize("NFD", sign)
    base, marks = plain[0], plain[1:]
    return rf"\{ACCENTS[marks]}{{{base}}}" if marks in ACCENTS and base.isascii() else ""
