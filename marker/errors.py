"""The errors that Essay Marker raises on purpose; each message says what was wrong, where, and what to do."""


class MarkerError(Exception):
    """Stop one piece of work for a reason that a teacher can act on."""


class RubricError(MarkerError):
    """Refuse a rubric; `faults` holds every fault as `file: field: reason`."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__("\n".join(faults))
        self.faults = faults


class DocumentError(MarkerError):
    """Refuse one file or one row of a file; `name` tells which."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"{name}: {reason}")
        self.name = name
        self.reason = reason


class EssayError(MarkerError):
    """Refuse to mark one essay, for example an empty one."""


class ModelError(MarkerError):
    """Refuse a model folder that is missing, damaged, or of another format."""
