"""Real front ends in a real browser: JupyterLab, Notebook 7 and Voila, driven by playwright in Debian's Chromium.

A test takes the fixture ``show`` and says which front end shows which cells; what it gets is playwright's page, with
every cell executed. A page error, an error on the console or a request to another host fails the test.
"""
