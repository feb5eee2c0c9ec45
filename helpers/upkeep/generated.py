"""All that is generated from the masters and from tables: written anew, or compared with what is there."""

import sys

from helpers.grading.handout import build
from helpers.grading.nbgrader_course import Course
from helpers.notebooks import pitfalls
from helpers.upkeep import waiting


def run(course: Course, *, only_check: bool) -> int:
    """``python -m helpers build``; the exit code: 1 if `only_check` and something is not up to date, else 0.

    Raises:
        CourseError: a master is not well formed.
    """
    documented = (course.root / pitfalls.DATA).is_file()
    if not only_check:
        names = build.build(course)
        if (course.root / "README.md").is_file():
            waiting.update_readme(course.root)
        if documented:
            pitfalls.write(course.root)
        print(f"notebooks/ and solutions/ are up to date: {', '.join(names) or 'there are no masters yet'}.")
        return 0
    problems = build.differences(course) + (pitfalls.problems(course.root) if documented else [])
    print("\n".join(problems) or "Everything generated is what its masters give.")
    if problems:
        print("`python -m helpers build` writes both folders anew.", file=sys.stderr)
    return 1 if problems else 0
