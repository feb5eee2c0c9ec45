"""The course's workshop: images become features, features a trained head, training a trace, a trace a check.

Modules, in the order in which data flows: `data`, `models`, `parameters`, `training`, `features`,
`probe`, `diagnosis`, `plots`, `widgets`, `checks`, `notebooks`, `grading`. Each is imported on its own,
since torch takes seconds to import and most commands do not need it.
"""
