"""The one error that the course raises for bad input."""


class CourseError(Exception):
    """Bad input or a missing file, said in one sentence that ends with the remedy.

    In a notebook IPython shows that sentence alone, without a traceback: the learner's next step is
    in the sentence, not in our code.
    """

    def _render_traceback_(self) -> list[str]:
        return [f"CourseError: {self}"]
