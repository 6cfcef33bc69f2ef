"""The colours of drawings, plots and pages: two hues that colour-blind readers tell apart, and grey."""

POSITIVE, NEGATIVE, NEUTRAL = "#6baed6", "#fdae61", "#eeeeee"
"""Fills that black text can stand on: for gradients above and below 0, and for those that are no number."""
BLUE, ORANGE, GREY = "#2171b5", "#d95f0e", "#666666"
"""Lines and points."""
ACTIVE, FOCUS = "#0b57a4", "#b3450b"
"""What a page points at, and what it warns of, on light paper."""
