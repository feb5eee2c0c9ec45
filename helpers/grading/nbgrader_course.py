"""One course on disk as nbgrader sees it: its settings, folders and gradebook."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from nbgrader import api
from nbgrader.api import Gradebook
from nbgrader.coursedir import CourseDirectory
from nbgrader.dbutil import ALEMBIC_DIR
from sqlalchemy import make_url
from sqlalchemy.exc import DBAPIError, SAWarning, SQLAlchemyError
from traitlets.config import Config, PyFileConfigLoader
from traitlets.log import get_logger

from helpers.course import settings
from helpers.course.errors import CourseError
from helpers.notebooks import masters

CONFIG = "nbgrader_config.py"


@cache
def _newest_version() -> str:
    """The version of a new gradebook, for which nbgrader starts the program `alembic`: that takes longer than all else."""
    from alembic.script import ScriptDirectory

    return ScriptDirectory(ALEMBIC_DIR).get_current_head()


api.get_alembic_version = _newest_version


@dataclass(frozen=True)
class Course:
    """The course in the folder `root`, with nbgrader's settings from its ``nbgrader_config.py``."""

    root: Path
    config: Config

    @classmethod
    def here(cls, root: Path | None = None) -> Course:
        """The course of the current folder, or the one at `root`.

        Raises:
            CourseError: there is no ``nbgrader_config.py``, as in what learners are handed.
        """
        root = (root or settings.root()).resolve()
        if not (root / CONFIG).is_file():
            raise CourseError(f"There is no {CONFIG} in {root}: run this in the instructor's copy of the course.")
        return cls(root, PyFileConfigLoader(CONFIG, path=str(root)).load_config())

    def directory(self, **overrides: str) -> CourseDirectory:
        """nbgrader's object for the folders; `overrides` are its traits, such as ``student_id``."""
        return CourseDirectory(config=self.config, **overrides)

    def gradebook(self, kind: type[Gradebook] = Gradebook) -> Gradebook:
        """The opened gradebook: use it in a ``with`` statement.

        Raises:
            CourseError: it cannot be opened.
        """
        directory = self.directory()
        place = make_url(directory.db_url)
        try:
            return kind(directory.db_url, directory.course_id)
        except ModuleNotFoundError as error:
            missing = f"the gradebook's address begins with {place.drivername}, and {error.name} is not installed"
            raise CourseError(f"{missing}: run `pip install 'psycopg[binary]'`, which brings PostgreSQL's.") from None
        except SQLAlchemyError as error:
            words = str(getattr(error, "orig", error)).strip().splitlines()[0]
            remedy = "close what holds it open" if "locked" in words else "is it there, and may you use it?"
            raise CourseError(f"The gradebook {place.render_as_string()} cannot be opened ({words}): {remedy}") from None

    @contextmanager
    def changing(self) -> Iterator[Gradebook]:
        """The opened gradebook, for a change that lasts wholly or not at all: in a ``with`` statement whose end commits it.

        Raises:
            CourseError: it cannot be opened or written.
        """
        with self.gradebook() as gradebook:
            try:
                yield gradebook
                gradebook.db.commit()
            except DBAPIError as error:
                gradebook.db.rollback()
                words = str(error.orig).strip().splitlines()[0]
                remedy = "close what holds it open" if "locked" in words else "make room, or correct its rights"
                raise CourseError(f"The gradebook cannot be written ({words}): {remedy}. It is as it was.") from None

    def lesson(self, name: str) -> str:
        """`name`, if there is such a lesson.

        Raises:
            CourseError: there is none; names those there are, and a master of that name in a folder where nbgrader does not look.
        """
        known = masters.lessons(self.root)
        if name not in known:
            found = [path.relative_to(self.root) for path in sorted((self.root / "source").rglob(f"{name}.ipynb"))]
            if astray := [path.as_posix() for path in found if ".ipynb_checkpoints" not in path.parts]:
                raise CourseError(f"{astray[0]} is not where a lesson is looked for: move it to source/{name}/{name}.ipynb.")
            raise CourseError(f"There is no lesson {name!r} in source/: take one of {', '.join(known) or '(none yet)'}.")
        return name

    def folder(self, step: str, student: str, lesson: str) -> Path:
        """The folder of one learner in ``submitted/``, ``autograded/`` or ``feedback/``."""
        return self.root / step / student / lesson


@contextmanager
def quiet_converters(path: Path) -> Iterator[None]:
    """While inside: nbgrader's log goes to `path` and not to the screen, and SQLAlchemy's remarks on its queries go nowhere."""
    path.parent.mkdir(parents=True, exist_ok=True)
    logger = get_logger()
    handlers, propagate, level = logger.handlers, logger.propagate, logger.level
    with closing(logging.FileHandler(path, mode="w", encoding="utf-8")) as handler, warnings.catch_warnings():
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
        warnings.filterwarnings("ignore", "Object of type .* not in session", SAWarning)
        logger.handlers, logger.propagate = [handler], False
        logger.setLevel(logging.INFO)
        try:
            yield
        finally:
            logger.handlers, logger.propagate = handlers, propagate
            logger.setLevel(level)
