"""``ws.*`` at length, by what goes wrong."""

from checkwire.model.explanations import ws_ends, ws_losses, ws_silence, ws_violations

EXPLANATIONS = {
    **ws_ends.EXPLANATIONS,
    **ws_losses.EXPLANATIONS,
    **ws_violations.EXPLANATIONS,
    **ws_silence.EXPLANATIONS,
}
