"""The explorers: widgets around plain functions, for JupyterLab, Notebook and Voilà, and one page without Python.

Begin with what a notebook calls:

- :mod:`.of_run` makes the morphing explorer of a run; :mod:`.map` the map explorer; :mod:`.panel` the panel of one
  picture, from the reports of :mod:`.one_picture`; :mod:`.study_form` the user study's form.
- :mod:`.page` writes the map and morphing as one HTML file, which needs neither Python nor a server.

They are made of:

- :mod:`.morphing`, the morphing explorer of any pictures that follow :mod:`.protocol`; :mod:`.strip` shows its paths.
- :mod:`.gallery` (thumbnails), :mod:`.picker` (pages of them, searched), :mod:`.tags` (bars), :mod:`.upload` (a
  dropped file), :mod:`.ballot` (one trial of the study), :mod:`.status` (one line, and exceptions).
- :mod:`.map_data` and :mod:`.sprites`, what the map draws from.
- :mod:`.static_png`, the picture that stands in for a widget where no kernel runs; every widget has one.
- :mod:`.bundle`, which joins the JavaScript modules beside these files into one script per widget.
"""
