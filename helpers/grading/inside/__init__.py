"""What runs inside a box, and all of `helpers.grading` that a box shows: forking, watching and ending kernels, and tidying up.

Nothing in here knows of marks, hidden problems or other submissions.
"""
