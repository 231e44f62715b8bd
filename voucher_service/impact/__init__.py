"""Figures for coordinators and funders."""
