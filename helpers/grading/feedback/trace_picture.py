"""A learner's training trace on their feedback page: the records that the judge was shown, drawn anew.

The lesson's own plots come after the last exercise and are not run for grading. What is drawn here is what the learner's notebook
claims; whether the weights agree with it is the check's business.
"""

import io
from base64 import b64encode
from html import escape

from nbformat import NotebookNode
from nbformat.v4 import new_output

from helpers.grading.judging.trace_note import TRACE_MIME, drawable


def draw(notebook: NotebookNode) -> None:
    """Put a picture in the place of each noted trace."""
    for cell in notebook.cells:
        for place, output in enumerate(cell.get("outputs", [])):
            kept = output.get("data", {}).get(TRACE_MIME)
            if isinstance(kept, dict) and (records := drawable(kept.get("records"))):
                cell.outputs[place] = new_output("display_data", {"text/html": picture(str(kept.get("name"))[:100], records)})


def picture(name: str, records: list[dict]) -> str:
    """Accuracy and loss by epoch as an HTML image, with a text alternative."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    from helpers.plots.look import text_alternative
    from helpers.plots.trace import plot_trace

    # Not by pyplot, which may want a screen.
    figure = plot_trace(records, figure=Figure(figsize=(11, 4), layout="constrained"))
    figure.suptitle(f"Your trace: {name}")
    file = io.BytesIO()
    FigureCanvasAgg(figure).print_png(file)  # `savefig` would go through all of it once before, for its layout alone
    words = escape(f"Your trace, {name}. {text_alternative(figure)}")
    return f'<img alt="{words}" src="data:image/png;base64,{b64encode(file.getvalue()).decode()}">'
