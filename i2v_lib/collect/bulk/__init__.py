"""Bulk archives of boorus as collections: tars with an index, WebDataset tars, Danbooru2021, tables beside images."""

from i2v_lib.collect.bulk.formats import FORMATS, import_bulk

__all__ = ["FORMATS", "import_bulk"]
