"""What a run supports, measured again and written up as a page."""

from helpers.reports.evidence import gather
from helpers.reports.strategy import write_report

__all__ = ["gather", "write_report"]
