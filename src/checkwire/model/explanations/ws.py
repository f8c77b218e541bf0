"""``ws.*`` at length."""

from checkwire.model.explanations import ws_ends, ws_silence, ws_violations

EXPLANATIONS = {
    **ws_ends.EXPLANATIONS,
    **ws_violations.EXPLANATIONS,
    **ws_silence.EXPLANATIONS,
}
