"""The one error that a user can cause and a user can mend."""


class InputError(ValueError):
    """What a user gave cannot be used: says what, where and how many, and the remedy.

    The command line prints it and exits with 2; HTTP answers it as a 4xx problem. Anything else that is raised is a defect.
    """

    def __init__(self, problem: str, *, remedy: str) -> None:
        super().__init__(f"{problem} {remedy}")
        self.problem = problem
        self.remedy = remedy
