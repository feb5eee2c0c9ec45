"""A notebook as a file: masters and their versions, answers found in a learner's, run within limits, and read for marks."""

import sys

# nbformat's jsonschema takes this package where it finds it, and that builds a grammar of internationalised web addresses:
# most of the time that importing nbformat took, in each process that reads a notebook, for what no notebook has.
sys.modules.setdefault("rfc3987_syntax", None)
