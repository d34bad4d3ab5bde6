"""The explorers: widgets around plain functions, for JupyterLab, Notebook and Voilà; each has a picture to stand in."""
