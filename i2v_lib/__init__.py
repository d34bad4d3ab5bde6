"""Illustration2Vec (Saito & Matsui, SIGGRAPH Asia 2015), reproduced."""

__version__ = "0.1.0"
