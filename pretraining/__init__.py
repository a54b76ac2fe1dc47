"""Text, tokens and model files of the main job, for `train.py` and `prepare.py` beside it."""
