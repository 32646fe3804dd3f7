"""What colours look like to different readers, and how far apart they are then."""

from __future__ import annotations

import numpy as np
from matplotlib.colors import to_rgb
from numpy.typing import NDArray

Numbers = NDArray[np.float64]

READERS = {
    "normal": np.eye(3),
    "protanopia": np.array(
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ]
    ),
    "deuteranopia": np.array(
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ]
    ),
    "tritanopia": np.array(
        [
            [1.255528, -0.076749, -0.178779],
            [-0.078411, 0.930809, 0.147602],
            [0.004733, 0.691367, 0.303900],
        ]
    ),
}
"""On linear RGB, at full severity (Machado et al., TVCG 2009)."""
XYZ = np.array(
    [
        [0.4124564, 0.3575761, 0.1804375],
        [0.2126729, 0.7151522, 0.0721750],
        [0.0193339, 0.1191920, 0.9503041],
    ]
)
"""Of linear sRGB."""


def contrast(one: str, other: str) -> float:
    """Of two colours, from 1 to 21 (WCAG 2)."""
    low, high = sorted(float(XYZ[1] @ _linear(colour)) for colour in (one, other))
    return (high + 0.05) / (low + 0.05)


def difference(one: str, other: str, reader: str) -> float:
    """Of two colours to a reader: CIEDE2000 (Sharma et al., 2005)."""
    (l1, a1, b1), (l2, a2, b2) = (_lab(READERS[reader] @ _linear(c)) for c in (one, other))
    chroma = (np.hypot(a1, b1) + np.hypot(a2, b2)) / 2
    stretch = 1.5 - 0.5 * np.sqrt(chroma**7 / (chroma**7 + 25.0**7))
    c1, c2 = np.hypot(stretch * a1, b1), np.hypot(stretch * a2, b2)
    h1, h2 = (np.degrees(np.arctan2(b, stretch * a)) % 360 for a, b in ((a1, b1), (a2, b2)))
    turn = (h2 - h1 + 180) % 360 - 180
    light, mean, hue = (l1 + l2) / 2, (c1 + c2) / 2, (h1 + turn / 2) % 360
    return _weighed((l2 - l1, c2 - c1, 2 * np.sqrt(c1 * c2) * _sin(turn / 2)), light, mean, hue)


def _weighed(apart: tuple[float, float, float], light: float, chroma: float, hue: float) -> float:
    wave = 1 - 0.17 * _cos(hue - 30) + 0.24 * _cos(2 * hue)
    wave += 0.32 * _cos(3 * hue + 6) - 0.2 * _cos(4 * hue - 63)
    scale = (
        1 + 0.015 * (light - 50) ** 2 / np.sqrt(20 + (light - 50) ** 2),
        1 + 0.045 * chroma,
        1 + 0.015 * chroma * wave,
    )
    of_light, of_chroma, of_hue = np.divide(apart, scale)
    turned = -2 * np.sqrt(chroma**7 / (chroma**7 + 25.0**7))
    turned *= _sin(60 * np.exp(-(((hue - 275) / 25) ** 2)))
    return float(np.sqrt(of_light**2 + of_chroma**2 + of_hue**2 + turned * of_chroma * of_hue))


def _linear(colour: str) -> Numbers:
    values = np.array(to_rgb(colour))
    linear = np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)
    return np.asarray(linear, dtype=float)


def _lab(linear: Numbers) -> tuple[float, float, float]:
    found = XYZ @ np.clip(linear, 0, 1) / XYZ.sum(axis=1)
    x, y, z = np.where(found > 216 / 24389, np.cbrt(found), (24389 / 27 * found + 16) / 116)
    return 116 * y - 16, 500 * (x - y), 200 * (y - z)


def _sin(degrees: float) -> float:
    return float(np.sin(np.radians(degrees)))


def _cos(degrees: float) -> float:
    return float(np.cos(np.radians(degrees)))
