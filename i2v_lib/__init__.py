"""Illustration2Vec (Saito & Matsui, SIGGRAPH Asia 2015), reproduced: tags, vectors, codes and paths for illustrations."""

__version__ = "0.1.0"
