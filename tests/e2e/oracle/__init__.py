"""A second opinion: the identity and table rules in plain Python, written from the rules' text alone.

It shares no code with the daemon. Slow and simple on purpose; everything is kept in memory.
"""

from .calls import Arrival, Call, accept
from .identity import Oracle
from .rules import Identifier, Rules

__all__ = ["Arrival", "Call", "Identifier", "Oracle", "Rules", "accept"]
