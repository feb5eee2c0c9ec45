"""nbgrader's gradebook, opened once for a class, and written to for one learner at a time: all of it or nothing.

nbgrader opens the gradebook nine times to store one learner's marks, and makes them last one by one. Each opening costs
more than the storing, and a grader that is ended in between leaves the marks of two versions of the work side by side.
"""

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module

from nbgrader.api import Assignment, BaseCell, Grade, Gradebook, SubmittedAssignment, SubmittedNotebook
from sqlalchemy import select

# nbgrader's parts that open the gradebook while they store.
OPENERS = ("nbgrader.converters.autograde", "nbgrader.preprocessors.saveautogrades", "nbgrader.preprocessors.latesubmissions")
Scores = dict[str, float | None]  # name of a graded cell -> what the grader gave; None where a person marks


class OpenBook(Gradebook):
    """A gradebook that stays open when nbgrader's parts leave it. `close` closes it."""

    def __exit__(self, *_: object) -> None:
        self.db.expire_all()

    @contextmanager
    def one_learner(self) -> Iterator[None]:
        """While inside, nbgrader's parts are handed this gradebook, and what they commit lasts only when all is done.

        Raises:
            SQLAlchemyError: it cannot be written; nothing of what was done inside lasts.
        """
        modules = [import_module(name) for name in OPENERS]
        for module in modules:
            module.Gradebook = lambda *_: self
        try:
            with self.engine.connect() as connection, connection.begin():
                self.db.remove()
                # SQLAlchemy's way to join a session into a transaction from outside: it may end it by rolling back only.
                self.db.configure(bind=connection, join_transaction_mode="rollback_only")
                try:
                    yield
                    self.db.commit()
                finally:
                    self.db.remove()
        finally:
            self.db.configure(bind=self.engine, join_transaction_mode="conditional_savepoint")  # its default
            for module in modules:
                module.Gradebook = Gradebook

    def scores(self, lesson: str, student: str | None = None) -> dict[str, Scores]:
        """Learner -> what the grader gave for each graded cell of `lesson`, of those who have handed in."""
        question = (
            select(SubmittedAssignment.student_id, BaseCell.name, Grade.auto_score)
            .join(SubmittedNotebook, SubmittedNotebook.assignment_id == SubmittedAssignment.id)
            .join(Assignment, Assignment.id == SubmittedAssignment.assignment_id)
            .join(Grade, Grade.notebook_id == SubmittedNotebook.id)
            .join(BaseCell, BaseCell.id == Grade.cell_id)
            .where(Assignment.name == lesson)
        )
        if student is not None:
            question = question.where(SubmittedAssignment.student_id == student)
        found: dict[str, Scores] = defaultdict(dict)
        for learner, cell, score in self.db.execute(question):
            found[learner][cell] = score
        return dict(found)
