"""Where the project's own data files lie."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
RULES = ROOT / "rules" / "default.toml"
MODELS = ROOT / "models"
STATE = ROOT / ".vigil"
