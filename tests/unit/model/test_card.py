"""The card is what the numbers beside it say; its plot is one."""

import json
from xml.etree import ElementTree

from models import card, plot
from vigil import paths
from vigil.model import load

NUMBERS = json.loads((paths.MODELS / "metrics.json").read_text())


def test_the_card_in_the_repository_is_rendered_from_the_numbers() -> None:
    assert card.render(NUMBERS, load().manifest) == (paths.MODELS / "MODEL_CARD.md").read_text()


def test_the_plot_has_a_point_for_every_part() -> None:
    bins = NUMBERS["test"]["calibration"]["bins"]
    made = plot.calibration(bins)
    assert made == (paths.MODELS / "calibration.svg").read_text()
    picture = ElementTree.fromstring(made)
    assert len(picture.findall("{http://www.w3.org/2000/svg}circle")) == len(bins)


def test_the_model_beats_the_bedside_scores_on_the_same_rows() -> None:
    """Intervals that do not overlap, as the card claims; a retrained model that does not is noticed."""
    risk = NUMBERS["test"]["ranking"]["risk"]
    for name in ("news2", "qsofa", "shock_index"):
        for figure in ("auroc", "auprc"):
            assert risk[figure]["low"] > NUMBERS["test"]["ranking"][name][figure]["high"], (name, figure)
    matched = NUMBERS["test"]["alarms"]["atNews2"][0]
    assert matched["model"]["caught"] > matched["news2"]["caught"]
