"""The judge: runs the master's test cells apart from the learner's process, which only acts and describes."""
