"""What a command ends with when it could not do what was asked."""

from __future__ import annotations


class Failure(Exception):
    """Ends the command with this text on standard error."""

    def __init__(self, text: str, exit_code: int = 1) -> None:
        super().__init__(text)
        self.text = text
        self.exit_code = exit_code
