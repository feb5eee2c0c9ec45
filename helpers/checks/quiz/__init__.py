"""The quiz of lesson 08: questions are data, asked in the notebook, tried out by running their code, marked with reasons.

    questions.toml   the questions, with the key; what a class is handed has no key in it
    questions        questions.toml -> ChoiceQuestion and OrderingQuestion, checked
    ordering         which orders a dependency graph allows, and what is wrong with the others
    run_code         a question's code run in a fresh namespace: what it really prints or raises
    code_listing     code, its output and sentences, as HTML
    card             a question as HTML that reads without a kernel, and as text
    ask              the card with radio buttons and buttons, while a kernel is running
    marking          an answer -> a mark with its explanation

Lessons call `ask`, `grade` and `run`.
"""

from helpers.checks.quiz.ask import ask
from helpers.checks.quiz.marking import grade
from helpers.checks.quiz.run_code import run

__all__ = ["ask", "grade", "run"]
