"""Plot data: what a table or figure shows, as plain values. No drawing, no torch."""
