import sys
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
for folder in (TESTS / "support", TESTS):
    sys.path.insert(0, str(folder))
