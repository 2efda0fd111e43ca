"""Fonts to train on, from packages of the environment of ADOS; none of them is the font of the evaluation."""

import sysconfig
from pathlib import Path

from sealgrid.shipped_apps.plate_reader.training.collage import FontStyle

#: package, file, and the axes of a variable font: width and weight, or weight, or optical size and weight
_FACES = (
    ("deckr_fonts/fonts", "Roboto[wdth,wght].ttf", (700, 100)),
    ("deckr_fonts/fonts", "Roboto[wdth,wght].ttf", (600, 75)),
    ("deckr_fonts/fonts", "Roboto[wdth,wght].ttf", (800, 75)),
    ("deckr_fonts/fonts", "Roboto[wdth,wght].ttf", (500, 85)),
    ("deckr_fonts/fonts", "RobotoMono[wght].ttf", (500,)),
    ("deckr_fonts/fonts", "RobotoMono[wght].ttf", (700,)),
    ("deckr_fonts/fonts", "Inter[opsz,wght].ttf", (14, 600)),
    ("deckr_fonts/fonts", "Inter[opsz,wght].ttf", (14, 800)),
    ("deckr_fonts/fonts", "DMSans[opsz,wght].ttf", (9, 600)),
    ("deckr_fonts/fonts", "DMSans[opsz,wght].ttf", (14, 800)),
    ("font_fjallaone/files", "FjallaOne-Regular.ttf", ()),
    ("font_lato/files", "Lato-Bold.ttf", ()),
    ("font_lato/files", "Lato-Black.ttf", ()),
    ("matplotlib/mpl-data/fonts/ttf", "DejaVuSans.ttf", ()),
    ("matplotlib/mpl-data/fonts/ttf", "DejaVuSans-Bold.ttf", ()),
    ("matplotlib/mpl-data/fonts/ttf", "DejaVuSansMono-Bold.ttf", ()),
    ("matplotlib/mpl-data/fonts/ttf", "DejaVuSansMono.ttf", ()),
)


def training_fonts() -> tuple[FontStyle, ...]:
    """Return the fonts, always in the same order."""
    packages = Path(sysconfig.get_path("purelib"))
    return tuple(FontStyle(packages / folder / name, axes) for folder, name, axes in _FACES)
