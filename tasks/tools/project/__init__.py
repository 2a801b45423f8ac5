"""Searching the files of a project."""
