"""Screens: pure functions from values to text, one file for each screen."""
