"""Training code of the shipped model: `python -m models.train --data DIR --out models/`."""
