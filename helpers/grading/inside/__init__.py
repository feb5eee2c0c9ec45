"""What runs inside a box, and all of `helpers.grading` that a box shows: nothing in here imports any other part of it.

`zygote` forks kernels (`kernel`), watches and ends them, and deletes what they leave (`leftovers`). `answer_judge` is the
learner's side of a judge's visit: it calls answers and describes (`describe`) what they did to the objects that both sides know
(`shared_objects`). Nothing in here knows of marks, hidden problems or other submissions.
"""
