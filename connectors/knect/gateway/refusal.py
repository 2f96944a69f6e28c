"""Why a question or a wish is not answered: a status and a sentence.

Must not: say more to somebody than they may know; no DSN, no other namespace's name.
"""

__all__ = ["Refusal"]


class Refusal(Exception):
    """The text is what people read; `status` is HTTP's, also where no HTTP is spoken."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status
