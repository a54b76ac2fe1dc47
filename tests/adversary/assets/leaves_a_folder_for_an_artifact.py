"""Leaves a folder for its model, with names that hold line breaks and codes of terminals.

Stopped by: only plain files are handed over, and what is shown has no control codes.
"""

from pathlib import Path

Path("model.json/\n\x1b[2J/loss: 0.0\n").mkdir(parents=True)
