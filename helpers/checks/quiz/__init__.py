"""The quiz of lesson 08: questions are data, asked in the notebook, tried out by running their code, marked with reasons.

    questions.toml   the questions, with the key; what a class is handed has no key in it
    question_kinds   what a question is: ChoiceQuestion, OrderingQuestion
    questions        questions.toml -> questions, checked
    ordering         which orders a dependency graph allows, and what is wrong with the others
    run_code         a question's code run in a fresh namespace: what it really prints or raises
    explanation      hint, steps, quick check and common mistakes, folded; where the lessons show it
    card             a question as HTML that reads without a kernel, and as text
    ask              the card with radio buttons and buttons, while a kernel is running
    marking          an answer -> a mark with its explanation
    score            right answers by section

Lessons call `ask`, `grade` and `score`; `hint`, `solution`, `check` and `run` say what the folds and buttons of a card do.
"""

from helpers.checks.quiz.ask import ask, hint, solution
from helpers.checks.quiz.marking import grade
from helpers.checks.quiz.run_code import check, run
from helpers.checks.quiz.score import score

__all__ = ["ask", "check", "grade", "hint", "run", "score", "solution"]
