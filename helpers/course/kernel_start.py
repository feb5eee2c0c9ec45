"""What IPython runs when a kernel of the course starts: the file that PYTHONSTARTUP names in its environment.

Python looks for unreachable objects after every 700 new ones. Importing torch and what comes with it makes a million that all
stay, and a third of the time went into looking. No name is left behind: the learner's variables are the learner's.
"""

__import__("gc").set_threshold(100_000, 50, 100)
