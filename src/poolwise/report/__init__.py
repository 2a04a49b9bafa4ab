"""Report: the only room that makes prose, tables and progress lines of the values.

Importing ``explain`` teaches the values their words (``model.prose``); the api does so.
"""
