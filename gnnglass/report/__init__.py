"""Figures, and one HTML file that holds the whole story and opens offline."""

from gnnglass.report.html import FigureData, Report, build_report

__all__ = ["FigureData", "Report", "build_report"]
