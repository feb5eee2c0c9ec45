"""Answers to the exercises, right and wrong, one module for each grade_id.

Each module has

- ``RIGHT``: name -> answer, at least three;
- ``WRONG``: name -> (answer, reason code that the report must contain), at least five;
- where the cells need more than the answer under its own name: ``namespace(answer) -> dict`` of names.

The untouched stub is tried by the tests themselves.
"""
